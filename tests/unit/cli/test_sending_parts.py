"""What `sylph send` is made of: lines, messages, how far it is, how fast it may go, and its sentences."""

import asyncio
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sylph_mp.cli.screens.sending import Going, Sent, going_line, sent_lines
from sylph_mp.cli.screens.view import View
from sylph_mp.cli.send import _go_on
from sylph_mp.cli.sending import lines as lines_module
from sylph_mp.cli.sending.frontier import Frontier
from sylph_mp.cli.sending.lines import Line, LineCount, Splitter, lines_of
from sylph_mp.cli.sending.metronome import Metronome
from sylph_mp.cli.sending.stencil import Stencil
from sylph_mp.errors import OutgoingError, UsageError


def split(*parts):
    splitter = Splitter()
    return [line.text for part in parts for line in splitter.feed(part)] + [line.text for line in splitter.end()]


@given(st.lists(st.binary(max_size=9)))
def test_lines_are_the_same_wherever_the_bytes_are_cut(parts):
    whole = b"".join(parts)
    expected = [text.removesuffix(b"\r") for text in whole.split(b"\n")]
    if not whole.split(b"\n")[-1]:
        expected.pop()
    assert split(*parts) == expected


def test_a_line_that_is_too_long_takes_no_memory_and_does_not_harm_the_next(monkeypatch):
    monkeypatch.setattr(lines_module, "MAX_LINE", 10)
    splitter = Splitter()
    assert splitter.feed(b"x" * 8) == splitter.feed(b"x" * 8) == splitter.feed(b"x" * 8) == []
    assert not splitter._rest
    assert splitter.feed(b"\nnext\n") == [Line(1, None), Line(2, b"next")]


def test_lines_of_a_pipe_come_when_they_are_written():
    async def run():
        reading, writing = os.pipe()
        blocks = lines_of(reading)
        os.write(writing, b"1\n2")
        assert await anext(blocks) == [Line(1, b"1")]
        os.write(writing, b"2\n")
        assert await anext(blocks) == [Line(2, b"22")]
        assert LineCount(reading).lines is None
        os.close(writing)
        assert [block async for block in blocks] == [[]]
        os.close(reading)

    asyncio.run(run())


def test_what_cannot_be_read_is_said(tmp_path):
    async def run():
        folder = os.open(tmp_path, os.O_RDONLY)
        with pytest.raises(UsageError, match="Is a directory"):
            await anext(lines_of(folder))
        os.close(folder)

    asyncio.run(run())


@pytest.mark.parametrize(("text", "lines"), [(b"", 0), (b"1", 1), (b"1\n", 1), (b"1\n\n3", 3)])
def test_lines_of_a_file_are_counted(tmp_path, text, lines):
    (tmp_path / "file").write_bytes(text)
    file = os.open(tmp_path / "file", os.O_RDONLY)
    count = LineCount(file)
    count.thread.join()
    assert count.lines == lines
    assert os.read(file, 9) == text
    os.close(file)


def test_a_payload_is_sent_as_it_is_written():
    stencil = Stencil(topic="orders", tag="t", keys=("k",), properties={"a": "1"}, group="g", deliver_after_s=2.0)
    outgoing = stencil.of_line(Line(1, b' {"id":  1.50} '))
    assert outgoing.payload == b' {"id":  1.50} '
    assert (outgoing.topic, outgoing.tag, outgoing.keys, outgoing.properties) == ("orders", "t", ("k",), {"a": "1"})
    assert (outgoing.group, outgoing.deliver_after_s) == ("g", 2.0)
    assert stencil.of_line(Line(2, b" ")) is None


def test_an_envelope_wins_over_the_command_line_field_by_field():
    stencil = Stencil(topic="orders", envelope=True, tag="t", keys=("k",), properties={"a": "1"}, deliver_after_s=2.0)
    bare = stencil.of_line(Line(1, b'{"payload": {"id":  1} }'))
    assert (bare.payload, bare.tag, bare.keys, bare.deliver_after_s) == (b'{"id":  1}', "t", ("k",), 2.0)
    full = stencil.of_line(
        Line(2, b'{"payload":"x","tag":"u","keys":["l"],"properties":{"b":"2"},"deliver_at":"2026-03-14T13:00:00Z"}')
    )
    assert (full.payload, full.tag, full.keys, full.properties) == (b'"x"', "u", ["l"], {"a": "1", "b": "2"})
    assert (full.deliver_after_s, full.deliver_at.year) == (None, 2026)


@pytest.mark.parametrize("text", [b"no", b'{"a":', b"1 2", b'"\xff"', b"[" * 5000, None])
def test_what_is_no_json_is_said(text):
    with pytest.raises(OutgoingError, match="line"):
        Stencil(topic="orders").of_line(Line(1, text))


@pytest.mark.parametrize("text", [b"5", b"{}", b'{"payload":1,"tga":"x"}', b'{"payload":1,"tag":5}'])
def test_what_is_no_envelope_is_said(text):
    with pytest.raises(OutgoingError, match="envelope"):
        Stencil(topic="orders", envelope=True).of_line(Line(1, text))


@given(st.permutations(range(6, 16)), st.integers(0, 10))
def test_the_frontier_is_the_last_line_before_the_first_that_is_open(order, settled):
    frontier = Frontier(5)
    for number in order[:settled]:
        frontier.settle(number)
    still_open = set(order[settled:]) | {16}
    assert frontier.reached == min(still_open) - 1
    assert frontier.reached + frontier.beyond == 5 + settled


def test_no_more_go_in_a_second_than_may():
    metronome, now, times = Metronome(100), 50.0, []
    for _ in range(300):
        now += metronome.beat(now)
        times.append(now)
    assert times[-1] - times[0] == pytest.approx(2.99, abs=0.06)
    assert all(times[n + 100] - times[n] > 0.9 for n in range(200))


def test_a_pause_is_not_caught_up_with():
    metronome = Metronome(100)
    metronome.beat(0.0)
    waits = [metronome.beat(60.0) for _ in range(200)]
    assert sum(wait == 0 for wait in waits) < 15
    assert Metronome(0).beat(0.0) == 0


GOING = Going(topic="orders", settled=41_200, total=100_000, rate_per_s=12_000.0, failed=0)
SENT = Sent(
    topic="orders", stored=100_000, size=int(8.3 * 11.7 * (1 << 20)), took_s=8.3, failed=0, unknown=0, ended=True,
    not_sent=0,
)  # fmt: skip
SAYS_WHAT_FAILED = (
    "sent 100,000 to orders in 8.3 s (12.0k/s, 11.7 MiB/s); 2 failed, 1 unknown (it may be stored); "
    "what failed is in bad.jsonl"
)


@pytest.mark.parametrize(
    ("going", "line"),
    [
        (GOING, "sending to orders  41,200 of 100,000  41%  12.0k/s  0 failed  5 s left"),
        (replace(GOING, total=None, failed=3), "sending to orders  41,200  12.0k/s  3 failed"),
        (replace(GOING, settled=100_000), "sending to orders  100,000 of 100,000  100%  12.0k/s  0 failed"),
        (replace(GOING, settled=0, total=0, rate_per_s=0.0), "sending to orders  0 of 0  0%  0/s  0 failed"),
        (
            replace(GOING, rate_per_s=0.0, note="waits: connection refused"),
            "sending to orders  41,200 of 100,000  41%  0/s  0 failed  waits: connection re…",
        ),
    ],
)
def test_how_far_it_is(going, line):
    assert going_line(going, View(width=80)) == line


@pytest.mark.parametrize(
    ("sent", "lines"),
    [
        (SENT, ["sent 100,000 to orders in 8.3 s (12.0k/s, 11.7 MiB/s); 0 failed"]),
        (
            replace(SENT, failed=2, unknown=1, kept_in="bad.jsonl"),
            [SAYS_WHAT_FAILED],
        ),
        (
            replace(
                SENT,
                ended=False,
                stored=41_088,
                unknown=112,
                not_sent=58_800,
                go_on="sylph send orders --from orders.jsonl --skip 41088",
            ),
            [
                "stopped: 41,088 stored, 112 unknown (they may be stored), 58,800 not sent",
                "next: sylph send orders --from orders.jsonl --skip 41088",
            ],
        ),
        (
            replace(SENT, ended=False, stored=0, failed=100, not_sent=None, why="no line so far could be stored"),
            ["stopped, because no line so far could be stored: 0 stored, 100 failed, 0 unknown, the rest not sent"],
        ),
        (
            replace(SENT, ended=False, stored=9, not_sent=1, beyond=4, go_on="sylph send orders --skip 5"),
            [
                "stopped: 9 stored, 0 unknown, 1 not sent",
                "note: 4 lines behind the first that is not stored are sent twice by this",
                "next: sylph send orders --skip 5",
            ],
        ),
    ],
)
def test_what_became_of_it(sent, lines):
    assert sent_lines(sent) == lines


def test_going_on_keeps_all_that_was_said_but_skip():
    given = ["orders", "--skip", "5", "--from", "a b", "--skip=7", "--rate", "5/s"]
    assert _go_on(given) == ["sylph", "send", "orders", "--from", "a b", "--rate", "5/s"]
