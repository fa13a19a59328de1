"""Killed between any two stores, a poll's line is as before or as after."""

import pytest

from sylph_mp.shm.layout import POLL_LINES
from sylph_mp.shm.polls import ID_BYTES, Polls, PollState
from tests.unit.shm import killed

LONGEST = "f" * ID_BYTES


def stages(polls, call):
    """What line 3 shows if `call` is killed before each of its lines."""
    return killed.stages(Polls, call, lambda: polls.read(3))


@pytest.fixture
def polls(segment):
    return Polls(segment)


def test_a_poll_is_seen_when_all_of_it_is_there(polls):
    polls.ask(3, 0, "earlier", 1)
    polls.over(3)
    asked = stages(polls, lambda: polls.ask(3, 1, LONGEST, 10**15))
    assert asked == [None, polls.read(3)]
    poll = asked[-1]
    assert (poll.line, poll.topic, poll.attempt_id, poll.asked_ns) == (3, 1, LONGEST, 10**15)
    assert (poll.state, poll.arrived_ns) == (PollState.OUTSTANDING, 0)


def test_what_arrives_has_its_time_before_it_counts(polls):
    polls.ask(3, 1, "a-1", 5)
    asked = polls.read(3)
    polls.arriving(3, 7)
    polls.undo_arriving(3)
    assert polls.read(3) == asked
    arriving = stages(polls, lambda: polls.arriving(3, 9))
    assert [(poll.state, poll.arrived_ns) for poll in arriving] == [
        (PollState.OUTSTANDING, 0),
        (PollState.ARRIVING, 9),
    ]
    assert stages(polls, lambda: polls.over(3)) == [arriving[-1], None]


def test_a_poll_that_is_sent_again_keeps_its_id_at_every_instruction(polls):
    polls.ask(3, 1, "a-1", 5)
    polls.arriving(3, 6)
    polls.repeat_later(3)
    seen = stages(polls, lambda: polls.ask_again(3, 8))
    assert {(poll.topic, poll.attempt_id) for poll in seen} == {(1, "a-1")}
    assert [poll.state for poll in (seen[0], seen[-1])] == [PollState.TO_REPEAT, PollState.OUTSTANDING]
    assert seen[-1].asked_ns == 8


def test_each_line_is_its_own(polls):
    for line in range(POLL_LINES):
        polls.ask(line, line % 2, f"a-{line}", line)
    polls.over(5)
    assert [poll.line for poll in polls.scan()] == [line for line in range(POLL_LINES) if line != 5]
    assert all(poll.attempt_id == f"a-{poll.line}" and poll.asked_ns == poll.line for poll in polls.scan())
