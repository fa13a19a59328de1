"""Placement is even, stable, and moves as little as evenness allows, for any history of slots and shards."""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sylph_mp.master.placement import Assignment, place
from sylph_mp.pipe import Shard

topics = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(1, 6), min_size=1)
slots = st.sets(st.integers(1, 4), min_size=1)
history = st.lists(st.tuples(topics, slots), min_size=1, max_size=5)


def shards_of(counts: Mapping[str, int]) -> list[Shard]:
    return [Shard(topic, number) for topic, count in counts.items() for number in range(count)]


def spread(counts: Sequence[int]) -> int:
    return max(counts) - min(counts)


@given(history)
def test_every_shard_runs_once_and_each_topic_and_the_whole_are_even_within_one(
    steps: list[tuple[dict[str, int], set[int]]],
) -> None:
    placed: Assignment = {}
    for counts, numbers in steps:
        placed = place(shards_of(counts), numbers, previous=placed)
        assert placed.keys() == numbers
        assert Counter(itertools.chain(*placed.values())) == Counter(shards_of(counts))
        assert spread([len(held) for held in placed.values()]) <= 1
        for topic in counts:
            assert spread([sum(shard.topic == topic for shard in held) for held in placed.values()]) <= 1


@given(history)
def test_placing_again_changes_nothing(steps: list[tuple[dict[str, int], set[int]]]) -> None:
    placed: Assignment = {}
    for counts, numbers in steps:
        placed = place(shards_of(counts), numbers, previous=placed)
        assert place(shards_of(counts), sorted(numbers, reverse=True), previous=placed) == placed


@settings(deadline=None)
@given(history)
@example([({"a": 1, "b": 4}, {1, 2, 3, 4}), ({"a": 6, "b": 2}, {1, 2, 3, 4})])
def test_no_even_placement_would_keep_two_more_shards_where_they_are(
    steps: list[tuple[dict[str, int], set[int]]],
) -> None:
    placed: Assignment = {}
    for counts, numbers in steps:
        before, placed = placed, place(shards_of(counts), numbers, previous=placed)
        kept = sum(len({*held} & {*before.get(number, ())}) for number, held in placed.items())
        assert kept >= max(kept_by(quota, before, counts) for quota in even_quotas(counts, sorted(numbers))) - 1


def even_quotas(counts: Mapping[str, int], numbers: Sequence[int]) -> Iterator[dict[int, Counter[str]]]:
    """Every even way to say how many shards of each topic a slot has."""
    choices = [itertools.combinations(numbers, count % len(numbers)) for count in counts.values()]
    for chosen in itertools.product(*choices):
        quota = {
            number: Counter(
                {
                    topic: count // len(numbers) + (number in extras)
                    for (topic, count), extras in zip(counts.items(), chosen, strict=True)
                }
            )
            for number in numbers
        }
        if spread([held.total() for held in quota.values()]) <= 1:
            yield quota


def kept_by(quota: Mapping[int, Counter[str]], before: Assignment, counts: Mapping[str, int]) -> int:
    there = {*shards_of(counts)}
    had = {number: Counter(shard.topic for shard in before.get(number, ()) if shard in there) for number in quota}
    return sum(min(had[number][topic], held) for number, quotas in quota.items() for topic, held in quotas.items())


weights = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.floats(0, 20))


def borne(placed: Assignment, weights: Mapping[str, float]) -> list[float]:
    return [sum(weights.get(shard.topic, 0.0) for shard in held) for held in placed.values()]


@given(history, weights)
def test_weights_leave_placement_even_and_stable_and_never_make_the_heaviest_slot_heavier(
    steps: list[tuple[dict[str, int], set[int]]], weights: dict[str, float]
) -> None:
    placed: Assignment = {}
    for counts, numbers in steps:
        plain = place(shards_of(counts), numbers, previous=placed)
        placed = place(shards_of(counts), numbers, previous=placed, weights=weights)
        assert Counter(itertools.chain(*placed.values())) == Counter(shards_of(counts))
        assert spread([len(held) for held in placed.values()]) <= 1
        for topic in counts:
            assert spread([sum(shard.topic == topic for shard in held) for held in placed.values()]) <= 1
        assert place(shards_of(counts), numbers, previous=placed, weights=weights) == placed
        assert max(borne(placed, weights)) <= max(borne(plain, weights)) + 1e-9


def test_two_hot_topics_do_not_share_a_slot_while_another_has_cold_ones() -> None:
    shards = shards_of({"hot": 1, "cold": 1, "warm": 1, "cool": 1})
    before = {1: (shards[0], shards[2]), 2: (shards[1], shards[3])}
    after = place(shards, [1, 2], previous=before, weights={"hot": 6.0, "warm": 4.0, "cold": 0.1, "cool": 0.2})
    assert {shard.topic for shard in after[1]} & {"hot", "warm"} != {"hot", "warm"}
    assert len(after[1]) == len(after[2]) == 2
    moved = sum(len({*before[number]} - {*held}) for number, held in after.items())
    assert moved == 2


def test_nothing_moves_for_a_difference_that_may_be_noise() -> None:
    shards = shards_of({"a": 1, "b": 1, "c": 1, "d": 1})
    before = {1: (shards[0], shards[1]), 2: (shards[2], shards[3])}
    close = {"a": 3.0, "b": 3.0, "c": 2.8, "d": 2.7}
    assert place(shards, [1, 2], previous=before, weights=close) == before
    small = {"a": 0.2, "b": 0.2, "c": 0.0, "d": 0.0}
    assert place(shards, [1, 2], previous=before, weights=small) == before


def test_without_slots_nothing_is_placed() -> None:
    assert place([Shard("a", 0)], [], previous={1: (Shard("a", 0),)}) == {}
