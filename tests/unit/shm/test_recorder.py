"""What a process wrote into its slot's flight recorder is there when it is dead, whole, wherever it was stopped."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sylph_mp.shm.recorder import (
    LINES,
    OUTCOMES,
    SAMPLES,
    Recorded,
    RecordedLine,
    RecordedOutcome,
    RecordedSample,
    RecorderWriter,
    read_recorder,
)
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import EntryOutcome

ID = "01D2C4A70000000000000000000000A7F3"
VICTIM = Path(__file__).with_name("recorder_victim.py")


class Stopped(BaseException):
    """In place of the instruction at which a process is killed."""


def fill(writer: RecorderWriter, count: int) -> None:
    for number in range(count):
        writer.line(number, "info", f"line {number}")
        writer.outcome(number, 1, 1, 1, EntryOutcome.ACK, f"m{number}")
        writer.sample(number, number, 0.5)


def names(recorded: Recorded) -> tuple[list[str], list[str], list[int]]:
    return (
        [line.text for line in recorded.lines],
        [outcome.message_id for outcome in recorded.outcomes],
        [sample.rss_bytes for sample in recorded.samples],
    )


def expected(first: int, last: int) -> tuple[list[str], list[str], list[int]]:
    """What is there after records `first` to `last`."""
    lines, outcomes, samples = (range(max(first, last - kept), last) for kept in (LINES, OUTCOMES, SAMPLES))
    return [f"line {n}" for n in lines], [f"m{n}" for n in outcomes], list(samples)


def test_before_any_process(segment):
    assert read_recorder(segment) == Recorded(pid=0, last_words="", lines=[], outcomes=[], samples=[])


def test_what_is_written_is_read(segment):
    writer = RecorderWriter(segment, os.getpid())
    writer.line(1773493821.25, "warn", "render: größer\n  at once")
    writer.outcome(2_500_000_000, 40_000_000, 3, 1, EntryOutcome.DEAD_LETTER, ID)
    writer.sample(3_000_000_000, 412 << 20, 0.75)
    writer.last_words("ImportError at workers/orders.py:3")

    assert read_recorder(segment) == Recorded(
        pid=os.getpid(),
        last_words="ImportError at workers/orders.py:3",
        lines=[RecordedLine(at_wall=1773493821.25, level="warn", text="render: größer\n  at once")],
        outcomes=[
            RecordedOutcome(
                ended_s=2.5, run_s=0.04, attempt=3, topic=1, outcome=EntryOutcome.DEAD_LETTER, message_id=ID
            )
        ],
        samples=[RecordedSample(at_s=3.0, rss_bytes=412 << 20, cpu_share=0.75)],
    )


@pytest.mark.parametrize("count", [1, LINES, LINES + 1, OUTCOMES + 2, 3 * SAMPLES + 5])
def test_the_newest_are_kept_the_oldest_first(segment, count):
    fill(RecorderWriter(segment, os.getpid()), count)
    assert names(read_recorder(segment)) == expected(0, count)


def test_a_successor_begins_with_nothing(segment):
    first = RecorderWriter(segment, os.getpid())
    fill(first, 500)
    first.last_words("KeyError")
    RecorderWriter(segment, 4711)
    assert read_recorder(segment) == Recorded(pid=4711, last_words="", lines=[], outcomes=[], samples=[])


def test_a_long_line_is_cut_between_characters(segment):
    RecorderWriter(segment, os.getpid()).line(0.0, "error", "x" + "ö" * 5000)
    (line,) = read_recorder(segment).lines
    assert line.text == "x" + "ö" * 2041


def test_nothing_is_written_by_what_a_handler_forks(segment):
    writer = RecorderWriter(segment, os.getpid() + 1)
    writer.line(0.0, "info", "from a child")
    assert read_recorder(segment).lines == []


@pytest.mark.parametrize("record", ["line", "outcome", "sample"])
def test_a_record_that_was_cut_short_at_any_instruction_is_left_out(segment, record):
    """The ring is full, so that what is being written lies where an old record was."""
    writer = RecorderWriter(segment, os.getpid())
    fill(writer, 1_000)
    before = names(read_recorder(segment))
    write = {
        "line": lambda: writer.line(1000, "info", "line 1000"),
        "outcome": lambda: writer.outcome(1000, 1, 1, 1, EntryOutcome.ACK, "m1000"),
        "sample": lambda: writer.sample(1000, 1000, 0.5),
    }[record]
    stops = 0
    while stop_at(write, stops):
        stops += 1
        found = names(read_recorder(segment))
        assert all(after in (left, [*left[1:], after[-1]]) for left, after in zip(before, found, strict=True))
        if found != before:
            break  # its count was stored: the next would be a record more
    assert stops > 10


def stop_at(write, instruction: int) -> bool:
    """Call it up to so many instructions of Python; False if it is over before that."""
    left = [instruction]

    def trace(frame, event, _):
        frame.f_trace_opcodes = True
        if event == "opcode":
            left[0] -= 1
            if left[0] < 0:
                raise Stopped
        return trace

    sys.settrace(trace)
    try:
        write()
    except Stopped:
        return True
    finally:
        sys.settrace(None)
    return False


@pytest.mark.parametrize("lived_s", [0.0, 0.003, 0.01, 0.03])
def test_a_killed_process_leaves_whole_records(segment, lived_s):
    process = subprocess.Popen([sys.executable, VICTIM, segment.name], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"writing\n"
        end = time.monotonic() + lived_s
        while time.monotonic() < end:
            pass
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    observer = Segment.attach(segment.name)
    recorded = read_recorder(observer)
    observer.close()
    assert recorded.pid == process.pid
    for records, number_of in (
        (recorded.lines, lambda line: int(line.at_wall)),
        (recorded.outcomes, lambda outcome: round(outcome.ended_s * 1e9)),
        (recorded.samples, lambda sample: round(sample.at_s * 1e9)),
    ):
        numbers = [number_of(record) for record in records]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert all(line.text == f"{int(line.at_wall)} " * 100 for line in recorded.lines)
    assert all(outcome.message_id == f"m{round(outcome.ended_s * 1e9)}" for outcome in recorded.outcomes)
    assert all(sample.rss_bytes == round(sample.at_s * 1e9) for sample in recorded.samples)
