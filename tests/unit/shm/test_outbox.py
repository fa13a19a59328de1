"""The outbox's bytes are fixed, and what is not a record is found out."""

import struct

import pytest

from sylph_mp.shm.outbox import OutboxDamagedError, OutboxReader, OutboxWriter
from sylph_mp.shm.receipts import Receipts, ReceiptState
from tests.unit.outputs import each_of, output


def test_record_of_version_3(segment):
    writer = OutboxWriter(segment)

    assert writer.put([output(b"part", kind=2, group="größe"), output(b"another", kind=2, group="größe")]) == 2
    at = segment.geometry.outbox_at
    assert segment.buf[at : at + 16] == bytes(16), "nobody sees it before it is committed"
    writer.commit()

    assert segment.buf[at : at + 128] == struct.pack("<QQ", 72, 3) + bytes(112)
    assert segment.buf[at + 128 : at + 128 + 72] == (
        struct.pack("<IBBBxQHxxIII", 72, 2, 7, 8, 1, 7, 2, 4, 11)
        + "defaultreceiptsgrößepartanother".encode()
        + bytes(7)
    )


def test_neighbours_of_one_address_are_one_record_and_others_are_not(segment):
    writer, reader = OutboxWriter(segment), OutboxReader(segment)
    outputs = [output(b"1"), output(b"2"), output(b"3", topic="audit"), output(b"4"), output(b"5", kind=3)]
    outputs += [output(bytes(40_000)), output(bytes(40_000)), output(b"8")]
    assert writer.put(outputs) == 8
    writer.commit()

    runs = list(reader.take())

    assert [(run.seq, run.address.topic, run.address.kind, len(run.ends)) for run in runs] == [
        (1, "receipts", 1, 2),
        (3, "audit", 1, 1),
        (4, "receipts", 1, 1),
        (5, "receipts", 3, 1),
        (6, "receipts", 1, 1),
        (7, "receipts", 1, 2),
    ]


def test_what_has_no_room_is_cut_where_the_room_ends(segment):
    writer, reader = OutboxWriter(segment), OutboxReader(segment)
    outputs = [output(bytes(1000)) for _ in range(3000)]
    put = writer.put(outputs)
    assert 1900 < put < 2100
    assert writer.put(outputs[put:]) == 0
    writer.commit()
    assert [message.seq for message in each_of(reader.take())] == list(range(1, put + 1))
    assert writer.put(outputs[put:]) == 3000 - put


def test_receipts_of_version_2(segment):
    receipts = Receipts(segment)

    receipts.write(8193, 8194, ReceiptState.REFUSED)

    assert segment.buf[segment.geometry.receipts_at + 8 :][:16] == struct.pack("<QQ", 8193 << 8 | 2, 8194 << 8 | 2)


def test_the_largest_fits_wherever_the_ring_stands(segment):
    writer, reader = OutboxWriter(segment), OutboxReader(segment)
    part = bytes(writer.largest_bytes - len("defaultreceipts"))
    for offset in (1, 100_000, 700_000, 5):
        writer.put([output(bytes(offset)), output(part)])
        writer.commit()
        list(reader.take())
        assert writer.put([output(part)]) == 1
        writer.commit()
        assert [len(run.parts) for run in reader.take()] == [len(part)]


def test_who_took_all_is_to_be_woken(segment):
    writer, reader = OutboxWriter(segment), OutboxReader(segment)
    writer.put([output(b"1")])
    assert writer.commit()
    writer.put([output(b"2")])
    assert not writer.commit()
    assert [message.part for message in each_of(reader.take())] == [b"1", b"2"]
    writer.put([output(b"3")])
    assert writer.commit()
    assert not writer.commit()


@pytest.mark.parametrize(
    ("at", "junk"),
    [
        (0, b"\x05"),
        (0, b"\xff\xff\xff"),
        (16, b"\xff\xff"),
        (20, bytes(4)),
        (24, b"\xff\xfe"),
        (28, b"\xff"),
        (32, b"\xff"),
    ],
)
def test_a_stray_write_is_found(segment, at, junk):
    writer = OutboxWriter(segment)
    writer.put([output(b"part"), output(b"part")])
    writer.commit()
    place = segment.geometry.outbox_at + 128 + at
    segment.buf[place : place + len(junk)] = junk

    with pytest.raises(OutboxDamagedError):
        list(OutboxReader(segment).take())
