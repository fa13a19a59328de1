"""Which consumer is replaced for what it has used, and when nobody is."""

from typing import Any

import pytest

from sylph_mp.config.schema import Recycle
from sylph_mp.master.recycling import Memory, Used, begins_too_large, due, guarded

MIB = 1 << 20
LIMITS = Recycle(messages=1000, memory=512 * MIB, age_s=86400)


def used(slot: int = 1, **some: Any) -> Used:
    known = {"messages": 0, "rss_bytes": 100 * MIB, "first_rss_bytes": 100 * MIB, "age_s": 10.0, "lot": 0.0}
    return Used(slot=slot, **(known | some))


@pytest.mark.parametrize(
    ("below", "at", "why"),
    [
        ({"messages": 999}, {"messages": 1000}, "has handled 1,000 messages, limit 1,000"),
        ({"rss_bytes": 511 * MIB}, {"rss_bytes": 530 * MIB}, "has used 530 MiB, limit 512 MiB"),
        ({"age_s": 86399.0}, {"age_s": 90000.0}, "has lived for 1d1h, limit 1d0h"),
    ],
)
def test_each_limit_is_kept_and_said(below: dict[str, Any], at: dict[str, Any], why: str) -> None:
    assert due([used(**below)], LIMITS) is None
    found = due([used(1), used(2, **at)], LIMITS)
    assert found is not None
    assert (found.slot, found.why) == (2, why)
    assert due([used(2, **at)], Recycle()) is None


def test_the_lot_makes_it_due_up_to_a_tenth_sooner() -> None:
    assert due([used(messages=899, lot=1.0)], LIMITS) is None
    found = due([used(messages=901, lot=1.0)], LIMITS)
    assert found is not None
    assert found.why == "has handled 901 messages, limit 1,000, with its jitter 900"


def test_the_one_furthest_beyond_a_limit_is_first() -> None:
    found = due([used(1, messages=1500), used(2, age_s=200_000.0), used(3, rss_bytes=600 * MIB)], LIMITS)
    assert found is not None
    assert found.slot == 2


def test_who_begins_at_the_limit_would_be_replaced_for_ever() -> None:
    large = used(rss_bytes=800 * MIB, first_rss_bytes=512 * MIB)
    assert begins_too_large(large, LIMITS)
    assert due([large], LIMITS) is None
    assert not begins_too_large(used(first_rss_bytes=511 * MIB), LIMITS)
    assert not begins_too_large(large, Recycle())


def test_the_guard_takes_the_fattest_when_memory_ends() -> None:
    fleet = [used(1, rss_bytes=300 * MIB), used(2, rss_bytes=900 * MIB), used(3, rss_bytes=400 * MIB)]
    assert guarded(fleet, Memory(2000 * MIB, 101 * MIB)) is None
    found = guarded(fleet, Memory(2000 * MIB, 99 * MIB))
    assert found is not None
    assert found.slot == 2


def test_the_guard_spares_those_that_have_not_grown() -> None:
    always_large = used(1, rss_bytes=900 * MIB, first_rss_bytes=890 * MIB)
    assert guarded([always_large], Memory(2000 * MIB, 0)) is None
    found = guarded([always_large, used(2, rss_bytes=130 * MIB)], Memory(2000 * MIB, 0))
    assert found is not None
    assert found.slot == 2
