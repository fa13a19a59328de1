"""What a flight recorder was told last is what is read from it, whatever and however much it was."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sylph_mp.shm.layout import Geometry
from sylph_mp.shm.recorder import (
    LINES,
    OUTCOMES,
    SAMPLES,
    RecordedLine,
    RecordedOutcome,
    RecordedSample,
    RecorderWriter,
    read_recorder,
)
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import EntryOutcome

#: Nanoseconds that a float of seconds holds exactly enough.
TIMES_NS = st.integers(1, 10**12)
WORDS = st.text(max_size=200).filter(lambda text: "\0" not in text)
IDS = st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=36)
RECORDED_LINES = st.builds(
    RecordedLine, at_wall=st.floats(0, 4e9), level=st.sampled_from(("debug", "info", "warn", "error")), text=WORDS
)
DECIDED = st.tuples(
    TIMES_NS, TIMES_NS, st.integers(0, 2**32 - 1), st.integers(0, 0xFFFF), st.sampled_from(EntryOutcome), IDS
)
SAMPLED = st.tuples(TIMES_NS, st.integers(0, 2**64 - 1), st.floats(0, 64))


@pytest.fixture(scope="module")
def segment() -> Iterator[Segment]:
    geometry = Geometry(topics=("a",), entries=16, threads=3, arena_bytes=1 << 16)
    segment = Segment.create(f"sylph-recorder-{os.getpid()}", slot=1, geometry=geometry, master_pid=os.getpid())
    segment.unlink()
    yield segment
    segment.close()


@given(
    lines=st.lists(RECORDED_LINES, max_size=2 * LINES),
    decided=st.lists(DECIDED, max_size=3),
    sampled=st.lists(SAMPLED, max_size=3),
    repeats=st.integers(1, 120),
    words=WORDS,
)
def test_round_trip(segment: Segment, lines, decided, sampled, repeats, words):
    writer = RecorderWriter(segment, os.getpid())
    for line in lines:
        writer.line(line.at_wall, line.level, line.text)
    for values in decided * repeats:
        writer.outcome(*values)
    for values in sampled * repeats:
        writer.sample(*values)
    writer.last_words(words)

    seen = read_recorder(segment)

    assert seen.lines == lines[-LINES:]
    assert seen.outcomes == [
        RecordedOutcome(
            ended_s=ended_ns / 1e9, run_s=run_ns / 1e9, attempt=attempt, topic=topic, outcome=outcome, message_id=name
        )
        for ended_ns, run_ns, attempt, topic, outcome, name in (decided * repeats)[-OUTCOMES:]
    ]
    assert seen.samples == [
        RecordedSample(at_s=at_ns / 1e9, rss_bytes=rss_bytes, cpu_share=share)
        for at_ns, rss_bytes, share in (sampled * repeats)[-SAMPLES:]
    ]
    assert seen.last_words.encode() == words.encode()[:224].decode(errors="ignore").encode()
