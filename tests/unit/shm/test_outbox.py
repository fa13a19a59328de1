"""The outbox's bytes are fixed, and what is not a record is found out."""

import struct

import pytest

from sylph_mp.shm.outbox import OutboxDamagedError, OutboxReader, OutboxWriter
from sylph_mp.shm.receipts import Receipts, ReceiptState


def test_record_of_version_2(segment):
    writer = OutboxWriter(segment)

    assert writer.put(2, "default", "receipts", "größe", "01AB", b"part") == 1
    at = segment.geometry.outbox_at
    assert segment.buf[at : at + 16] == bytes(16), "nobody sees it before it is committed"
    writer.commit()

    assert segment.buf[at : at + 128] == struct.pack("<QQ", 56, 2) + bytes(112)
    assert segment.buf[at + 128 : at + 128 + 56] == (
        struct.pack("<IBBBxQHHI", 56, 2, 7, 8, 1, 7, 4, 4) + "defaultreceiptsgröße01ABpart".encode() + bytes(2)
    )


def test_receipt_of_version_2(segment):
    receipts = Receipts(segment)

    receipts.write(8193, ReceiptState.REFUSED)

    assert segment.buf[segment.geometry.receipts_at + 8 :][:8] == struct.pack("<Q", 8193 << 8 | 2)


def test_the_largest_fits_wherever_the_ring_stands(segment):
    writer, reader = OutboxWriter(segment), OutboxReader(segment)
    part = bytes(writer.largest_bytes - 4)
    for offset in (1, 100_000, 700_000, 5):
        assert writer.put(1, "i", "t", "g", "m", bytes(offset))
        assert writer.put(1, "i", "t", "g", "m", part) or writer.commit()
        writer.commit()
        list(reader.take())
        assert writer.put(1, "i", "t", "g", "m", part)
        writer.commit()
        assert [len(output.part) for output in reader.take()] == [len(part)]


def test_who_took_all_is_to_be_woken(segment):
    writer, reader = OutboxWriter(segment), OutboxReader(segment)
    writer.put(1, "i", "t", "", "1", b"")
    assert writer.commit()
    writer.put(1, "i", "t", "", "2", b"")
    assert not writer.commit()
    assert [output.id for output in reader.take()] == ["1", "2"]
    writer.put(1, "i", "t", "", "3", b"")
    assert writer.commit()


@pytest.mark.parametrize(("at", "junk"), [(0, b"\x05"), (0, b"\xff\xff\xff"), (20, b"\xff\xff"), (24, b"\xff\xfe")])
def test_a_stray_write_is_found(segment, at, junk):
    writer = OutboxWriter(segment)
    writer.put(1, "instance", "topic", "", "1", b"part")
    writer.commit()
    place = segment.geometry.outbox_at + 128 + at
    segment.buf[place : place + len(junk)] = junk

    with pytest.raises(OutboxDamagedError):
        list(OutboxReader(segment).take())
