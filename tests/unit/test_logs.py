"""Log lines: their forms, what is held back, and other loggers in the same form."""

import io
import json
import logging
import logging.handlers
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sylph_mp.logs import OWN, Log, bridge, configure, heard_by, set_level

#: 2026-03-14T13:10:21.004Z
NOON = 1773493821.004


class Hands:
    """A clock whose hands the test turns."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return NOON + self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def hands() -> Hands:
    return Hands()


def test_text_on_a_terminal_has_clock_times(hands: Hands) -> None:
    stream = Terminal()
    configure(stream=stream, clock=hands)
    Log("master").info("ready", "2 consumers in 0.4 s", topics=3, group="orders-service")
    Log("slot 3").warn("crash", "SIGSEGV after 2h 11m", crash=41, text_of="two words", none=None)
    first, second = stream.getvalue().splitlines()
    assert first[12:] == " INFO  master  ready: 2 consumers in 0.4 s  topics=3 group=orders-service"
    assert first[:12].endswith(":21.004")
    assert second[12:] == ' WARN  slot 3  crash: SIGSEGV after 2h 11m  crash=41 text_of="two words" none=-'


def test_elsewhere_times_are_rfc_3339_with_offset(hands: Hands) -> None:
    stream = io.StringIO()
    configure(stream=stream, clock=hands)
    Log("master").error("gone", "x")
    time, rest = stream.getvalue().split(" ", 1)
    assert time[10] == "T"
    assert time[19:23] == ".004"
    assert time[23] in "+-"
    assert rest == "ERROR master  gone: x\n"


def test_json_is_one_object_a_line(hands: Hands) -> None:
    stream = io.StringIO()
    configure(form="json", stream=stream, clock=hands)
    Log("master").info("scale", "wait p99 810 ms", **{"from": 3, "to": 4})
    assert stream.getvalue() == (
        '{"at":"2026-03-14T13:10:21.004Z","level":"info","who":"master","event":"scale",'
        '"from":3,"to":4,"text":"wait p99 810 ms"}\n'
    )


def test_lines_below_the_level_are_not_written(hands: Hands) -> None:
    stream = io.StringIO()
    configure(level="warn", stream=stream, clock=hands)
    Log("master").info("a", "b")
    assert stream.getvalue() == ""


def test_the_level_is_changed_for_own_lines_and_for_others(hands: Hands) -> None:
    stream = io.StringIO()
    configure(level="warn", stream=stream, clock=hands)
    bridge("slot 1")
    for level in ("debug", "error", "info"):
        set_level(level)
        Log("slot 1").debug("a", f"own debug at {level}")
        Log("slot 1").info("a", f"own info at {level}")
        logging.getLogger("workers.orders").debug("other debug at %s", level)
    said = [line.split("at ")[0].split(": ")[1].strip() + " " + line.split("at ")[1] for line in _lines(stream)]
    assert said == ["own debug debug", "own info debug", "other debug debug", "own info info"]


def test_who_listens_hears_as_before_whatever_is_printed(hands: Hands) -> None:
    stream, heard = io.StringIO(), logging.handlers.BufferingHandler(100)
    heard.setLevel(logging.INFO)
    configure(stream=stream, clock=hands)
    with heard_by(heard):
        set_level("error")
        Log("master").info("a", "b")
    assert [record.getMessage() for record in heard.buffer] == ["b"]
    assert stream.getvalue() == ""
    Log("master").error("a", "c")
    assert "c" in stream.getvalue()


def _lines(stream: io.StringIO) -> list[str]:
    return [line.partition("  logger=")[0] for line in stream.getvalue().splitlines()]


def test_the_same_event_at_the_same_place_comes_once_a_minute(hands: Hands) -> None:
    stream = io.StringIO()
    configure(form="json", stream=stream, clock=hands)
    slot = Log("slot 2")
    for number in range(1205):
        slot.warn("outcome", f"refused {number}", place="workers/orders.py:21")
    assert len(stream.getvalue().splitlines()) == 1
    hands.now = 60.0
    slot.warn("outcome", "other place", place="workers/orders.py:22")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["text"] for line in lines] == ["refused 0", "refused 1204", "other place"]
    assert lines[1]["repeated"] == 1204


def test_an_event_without_a_place_is_never_held_back(hands: Hands) -> None:
    stream = io.StringIO()
    configure(stream=stream, clock=hands)
    for crash in (1, 2):
        Log("slot 3").warn("crash", "SIGSEGV", crash=crash)
    assert len(stream.getvalue().splitlines()) == 2


def test_what_is_held_back_is_told_at_the_end(hands: Hands) -> None:
    stream = io.StringIO()
    configure(stream=stream, clock=hands)
    for _ in range(3):
        Log("slot 1").warn("outcome", "x", topic="orders")
    for handler in logging.getLogger(OWN).handlers:
        handler.flush()
    assert stream.getvalue().splitlines()[-1].endswith("topic=orders repeated=2")


def test_memory_for_repeats_is_bounded_and_loses_no_count(hands: Hands) -> None:
    stream = io.StringIO()
    configure(stream=stream, clock=hands)
    for _ in range(2):
        Log("slot 1").warn("outcome", "x", topic="first")
    for number in range(600):
        Log("slot 1").warn("outcome", "x", topic=f"t{number}")
    assert stream.getvalue().count("topic=first repeated=1") == 1
    assert len(stream.getvalue().splitlines()) == 602


def _fail() -> None:
    raise ZeroDivisionError("no share")


def _caught(function: Callable[[], None]) -> Exception:
    try:
        function()
    except ZeroDivisionError as error:
        return error
    raise AssertionError("it did not fail")


def test_an_exception_brings_its_trace(hands: Hands) -> None:
    text, objects = io.StringIO(), io.StringIO()
    for form, stream in (("text", text), ("json", objects)):
        configure(form=form, stream=stream, clock=hands)  # type: ignore[arg-type]  # the loop widens the literal
        Log("slot 1").exception("handler", "charge failed", _caught(_fail), message="01A2")
    head, *trace = text.getvalue().splitlines()
    assert head.endswith("handler: charge failed  error=ZeroDivisionError message=01A2")
    assert all(line.startswith("  ") for line in trace)
    assert trace[-1] == "  ZeroDivisionError: no share"
    assert "in _fail" in json.loads(objects.getvalue())["trace"]


def test_other_loggers_take_the_same_form_once(hands: Hands) -> None:
    stream = io.StringIO()
    configure(stream=stream, clock=hands)
    bridge("slot 4")
    bridge("slot 4")
    for amount in (5, 5):
        logging.getLogger("workers.orders").info("charged %s", amount)
    Log("slot 4").info("ready", "own")
    lines = [line.split(" ", 1)[1] for line in stream.getvalue().splitlines()]
    assert lines == ["INFO  slot 4  log: charged 5  logger=workers.orders"] * 2 + ["INFO  slot 4  ready: own"]


def test_a_forked_process_configures_anew(hands: Hands) -> None:
    before, after = io.StringIO(), io.StringIO()
    configure(stream=before, clock=hands)
    bridge("master")
    configure(stream=after, clock=hands)
    bridge("slot 1")
    logging.getLogger("x").warning("y")
    assert before.getvalue() == ""
    assert "WARN  slot 1  log: y" in after.getvalue()


def test_lines_of_many_threads_and_descriptors_stay_whole(tmp_path: Path, hands: Hands) -> None:
    path = tmp_path / "log"
    with path.open("a") as stream:
        configure(form="json", stream=stream, clock=hands)
        threads = [
            threading.Thread(target=lambda: [Log("slot 1").info("e", "x" * 500, n=n) for n in range(50)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert os.path.getsize(path) > 0  # written without a flush of the stream
    assert len([json.loads(line) for line in path.read_text().splitlines()]) == 200
