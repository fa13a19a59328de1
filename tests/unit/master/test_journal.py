"""What is kept for `sylph events`: which lines, how many, how long."""

import io
import logging

import pytest

from sylph_mp.logs import Log, configure, heard_by
from sylph_mp.master.journal import MAX_FIELD, MAX_FIELDS, MAX_TEXT, MOST, Journal


class Hands:
    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def time(self):
        return 1773493821.0 + self.now


@pytest.fixture
def journal():
    kept = Journal(Hands())
    with heard_by(kept):
        yield kept


def said(journal, after=0):
    return [(event.line.who, event.line.event, event.line.text) for event in journal.after(after)]


def test_what_the_log_says_is_kept_with_its_fields(journal):
    Log("slot 3").warn("crash", "SIGSEGV after 2 h", crash=41, exit=-11)
    (event,) = journal.after(0)
    assert (event.line.who, event.line.level, event.line.event) == ("slot 3", "warn", "crash")
    assert event.line.fields == {"crash": 41, "exit": -11}


def test_details_and_what_others_say_are_not(journal):
    Log("master").debug("memory", "4 slots")
    logging.getLogger("elsewhere").error("not ours")
    assert said(journal) == []


def test_what_is_said_aside_is_kept_and_not_printed(journal):
    printed = io.StringIO()
    configure(stream=printed)
    Log("master").aside("ready", "2 consumers in 0.4 s")
    assert said(journal) == [("master", "ready", "2 consumers in 0.4 s")]
    assert printed.getvalue() == ""


def test_a_log_that_is_to_say_less_does_not_make_the_journal_poorer():
    printed = io.StringIO()
    configure(stream=printed, level="error")
    kept = Journal(Hands())
    with heard_by(kept):
        Log("master").info("scale", "2 to 4 consumers")
    Log("master").info("scale", "4 to 3 consumers")
    assert said(kept) == [("master", "scale", "2 to 4 consumers")]
    assert printed.getvalue() == ""


def test_those_after_a_number(journal):
    for count in range(3):
        Log("master").info("scale", f"to {count}")
    assert said(journal, after=2) == [("master", "scale", "to 2")]
    assert said(journal, after=3) == []


def test_what_is_said_again_and_again_is_one_event(journal):
    for _ in range(4):
        Log("master").error("bug", "looking failed")
    (event,) = journal.after(0)
    assert event.line.fields["repeated"] == 3
    Log("master").info("scale", "2 to 3")
    Log("master").error("bug", "looking failed")
    assert [event.number for event in journal.after(0)] == [1, 2, 3]


def test_its_memory_is_bounded(journal):
    fields = {f"field{number}": "x" * 10_000 for number in range(100)}
    for number in range(MOST + 5):
        Log("master").info("scale", f"{number} {'y' * 10_000}", **fields)
    kept = journal.after(0)
    assert [kept[0].number, kept[-1].number, len(kept)] == [6, MOST + 5, MOST]
    assert {len(event.line.text) for event in kept} == {MAX_TEXT}
    assert all(len(event.line.fields) == MAX_FIELDS for event in kept)
    assert {len(value) for event in kept for value in event.line.fields.values()} == {MAX_FIELD}


def test_a_traceback_stays_in_the_log(journal):
    Log("master").exception("bug", "it failed", ValueError("why"))
    (event,) = journal.after(0)
    assert event.line.trace == ""
    assert event.line.fields["error"] == "ValueError"
