"""What of a consumer's life is in its slot's recorder."""

import io
import logging
import math
import os
from collections.abc import Callable

import msgspec
import pytest

from sylph_mp import logs
from sylph_mp.consumer.delivery import ACKED, Delivery, Result
from sylph_mp.consumer.flight_recorder import ACK_SPACING_NS, FlightRecorder
from sylph_mp.logs import Log
from sylph_mp.pipe import Report
from sylph_mp.shm.recorder import RecorderWriter, read_recorder
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import EntryOutcome

RETRY = Result(outcome=EntryOutcome.RETRY, after_ms=1000)
MS = 1_000_000


@pytest.fixture
def recorder(segment: Segment) -> FlightRecorder:
    return FlightRecorder(RecorderWriter(segment, os.getpid()))


@pytest.fixture
def finish(recorder: FlightRecorder, subscribe, deliver) -> Callable[..., None]:
    """Tell the recorder of a call that ended, by the results of its deliveries."""
    subscription = subscribe()

    def tell(ended_ns: int, **results: Result) -> None:
        call: list[Delivery] = deliver(subscription, *results)
        for delivery, result in zip(call, results.values(), strict=True):
            delivery.started_ns, delivery.ended_ns, delivery.result = ended_ns - 5 * MS, ended_ns, result
        recorder.finished([call])

    return tell


def recorded_ids(segment: Segment) -> list[str]:
    return [outcome.message_id for outcome in read_recorder(segment).outcomes]


def report(at: float, cpu_s: float, rss_bytes: int) -> Report:
    fields = dict.fromkeys(("threads", "busy_s", "in_flight", "buffer_used", "polls"), 0)
    return Report(at=at, cpu_s=cpu_s, rss_bytes=rss_bytes, topics=(), instances=(), **fields)


def test_an_outcome_has_what_tells_how_it_came_to_be(segment, finish):
    finish(2_000 * MS, m1=RETRY)
    (outcome,) = read_recorder(segment).outcomes
    assert msgspec.structs.asdict(outcome) == {
        "ended_s": 2.0,
        "run_s": 0.005,
        "topic": 0,
        "attempt": 1,
        "outcome": EntryOutcome.RETRY,
        "message_id": "m1",
    }


def test_of_acks_that_follow_closely_one_is_kept(segment, finish):
    start = 5 * ACK_SPACING_NS
    finish(start, m1=ACKED, m2=ACKED)
    finish(start + ACK_SPACING_NS - 1, m3=ACKED)
    finish(start + ACK_SPACING_NS, m4=ACKED)
    assert recorded_ids(segment) == ["m1", "m4"]


def test_whatever_is_no_ack_is_kept(segment, finish):
    finish(5 * ACK_SPACING_NS, m1=ACKED, m2=RETRY, m3=ACKED, m4=Result(outcome=EntryOutcome.DEAD_LETTER))
    finish(5 * ACK_SPACING_NS, m5=Result(outcome=EntryOutcome.NONE))
    assert recorded_ids(segment) == ["m1", "m2", "m4", "m5"]


def test_log_lines_are_there_whoever_logged_them_and_repeated_or_not(segment, recorder):
    stream = io.StringIO()
    logs.configure(form="text", stream=stream)
    logs.bridge("slot 3", keep=recorder.line)
    for _ in range(2):
        Log("slot 3").warn("outcome", "charge: KeyError: 7", topic="orders", attempt=2)
    try:
        raise KeyError("7")
    except KeyError:
        logging.getLogger("app").exception("no such %s", "order")
    lines = read_recorder(segment).lines
    assert [line.level for line in lines] == ["warn", "warn", "error"]
    assert [line.text for line in lines[:2]] == ["outcome: charge: KeyError: 7  topic=orders attempt=2"] * 2
    assert lines[2].text.startswith("no such order\nTraceback ")
    assert lines[2].text.endswith("KeyError: '7'")
    assert stream.getvalue().count("outcome") == 1


def test_a_sample_is_memory_and_the_share_of_a_core_since_the_one_before(segment, recorder):
    recorder.sample(report(10.0, 3.0, 100))
    recorder.sample(report(12.0, 3.5, 200))
    first, second = read_recorder(segment).samples
    assert (first.at_s, first.rss_bytes) == (10.0, 100)
    assert math.isnan(first.cpu_share)
    assert (second.at_s, second.rss_bytes, second.cpu_share) == (12.0, 200, 0.25)


@pytest.mark.parametrize(("place", "words"), [("app.py:3", "KeyError at app.py:3"), ("", "KeyError")])
def test_what_ended_the_process(segment, recorder, place, words):
    recorder.ended_by(KeyError("7"), place)
    assert read_recorder(segment).last_words == words
