"""Calls beyond their limit are warned of with their stack and interrupted once; those that stay are told once."""

import inspect

import pytest

from sylph_mp.consumer.thread_calls import Going
from sylph_mp.consumer.watchdog import Watchdog
from sylph_mp.logs import Log
from sylph_mp.pipe import Stuck

NS = 1_000_000_000


class FakeCalls:
    def __init__(self) -> None:
        self.now: list[Going] = []
        self.interrupted: list[Going] = []
        self.kept_by: Going | None = None
        self.over = False

    def going(self):
        return self.now

    def interrupt(self, going):
        self.interrupted.append(going)
        return not self.over

    def culprit(self, going):
        return self.kept_by or going

    def frames(self, going):
        return [inspect.currentframe()]


class Kennel:
    def __init__(self, subscribe, deliver) -> None:
        self.calls = FakeCalls()
        self.told: list[Stuck] = []
        self.now_s = 100.0
        self.dog = Watchdog(calls=[self.calls], post=self.told.append, log=Log("slot 1"))
        self.deliveries = deliver(subscribe(time_limit_s=4.0), "m1", "m2")

    def begin(self, place: int = 0, thread: int | None = 5) -> Going:
        delivery = self.deliveries[place]
        delivery.started_ns = int(self.now_s * NS)
        going = Going([delivery], thread, object())
        self.calls.now = [*self.calls.now, going]
        return going

    def look_until(self, now_s: float) -> None:
        while self.now_s < now_s:
            self.now_s += 0.25
            self.dog.look(int(self.now_s * NS))


@pytest.fixture
def kennel(subscribe, deliver) -> Kennel:
    return Kennel(subscribe, deliver)


def test_within_its_limit_a_call_is_left_alone(kennel):
    kennel.begin()
    kennel.look_until(103.75)
    assert kennel.calls.interrupted == []


def test_at_its_limit_it_is_interrupted_once_with_a_warning_that_shows_where_it_is(kennel, caplog):
    going = kennel.begin()
    with caplog.at_level("WARNING", logger="sylph_mp"):
        kennel.look_until(105.75)
    assert kennel.calls.interrupted == [going]
    assert kennel.told == []
    (record,) = caplog.records
    assert record.sylph_event == "over-time"
    assert record.sylph_fields | {"topic": "orders", "message": "m1", "handler": "handle"} == record.sylph_fields
    assert "in frames" in record.getMessage()


def test_one_that_does_not_come_back_is_told_once(kennel):
    kennel.begin()
    kennel.look_until(110)
    (stuck,) = kennel.told
    assert (stuck.thread, stuck.topic, stuck.handler, stuck.message) == (5, "orders", "handle", "m1")
    assert stuck.stack.endswith(" in frames")
    assert stuck.entries == (kennel.deliveries[0].index,)
    assert 6 <= stuck.ran_s <= 6.5


def test_one_that_comes_back_is_forgotten_and_its_retry_is_a_new_run(kennel):
    kennel.begin()
    kennel.look_until(104.5)
    kennel.calls.now = []
    again = kennel.begin()
    kennel.look_until(108.25)
    assert len(kennel.calls.interrupted) == 1
    kennel.look_until(109)
    assert kennel.calls.interrupted[1:] == [again]
    assert kennel.told == []


def test_nothing_is_said_of_one_that_ended_just_before(kennel, caplog):
    kennel.begin()
    kennel.calls.over = True
    with caplog.at_level("WARNING", logger="sylph_mp"):
        kennel.look_until(105)
    assert caplog.records == []


def test_the_one_that_keeps_others_from_ending_is_told_in_their_place(kennel):
    kennel.begin(0, None)
    kennel.calls.kept_by = kennel.begin(1, None)
    kennel.look_until(110)
    assert [stuck.message for stuck in kennel.told] == ["m2"]


def test_what_happens_while_the_process_stands_still_is_not_held_against_a_call(kennel):
    kennel.begin()
    kennel.look_until(101)
    kennel.now_s += 60
    kennel.look_until(163)
    assert kennel.calls.interrupted == []
    kennel.look_until(165)
    assert len(kennel.calls.interrupted) == 1
