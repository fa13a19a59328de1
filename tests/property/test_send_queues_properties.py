"""Units that are taken from a queue: nothing lost, nothing twice, order kept within a group, sizes kept."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sylph_mp.producer.bundle import OVERHEAD_BYTES, Bundle
from sylph_mp.producer.encoding import Encoded, Kind
from sylph_mp.producer.send_queues import BatchQueue, GroupQueue, Pending, SingleQueue


def pending(number, *sizes, group=""):
    """Of messages that are numbered from `number`."""
    messages = [
        Encoded("t", Kind.NORMAL, group, "", b"%d." % each + bytes(size)) for each, size in enumerate(sizes, number)
    ]
    return Pending(Bundle.of(messages), lambda answer: None, float(number))


def numbers_in(unit):
    return [int(bytes(single.parts).partition(b".")[0]) for one in unit for single in one.bundle.singles()]


bundles = st.lists(st.lists(st.integers(1, 3000), min_size=1, max_size=8), max_size=30)


@given(sizes=bundles, limit=st.integers(1, 9000))
def test_batches_are_full_and_within_the_size_in_order(sizes, limit):
    queue, count = BatchQueue(), 0
    for each in sizes:
        queue.put(pending(count, *each))
        count += len(each)
    units = []
    while queue:
        before = len(queue)
        units.append(queue.take(limit))
        assert len(queue) == before - len(numbers_in(units[-1]))
    assert [number for unit in units for number in numbers_in(unit)] == list(range(count))

    def weights(unit):
        return [len(single.parts) + OVERHEAD_BYTES for one in unit for single in one.bundle.singles()]

    assert all(sum(weights(unit)) <= limit or len(weights(unit)) == 1 for unit in units)
    assert all(sum(weights(unit)) + weights(after)[0] > limit for unit, after in pairwise(units))
    assert queue.waits_for_more(limit) is None


@given(sizes=bundles)
def test_the_oldest_is_one_message_and_what_goes_alone_keeps_its_order(sizes):
    batch, single, count = BatchQueue(), SingleQueue(), 0
    for each in sizes:
        batch.put(pending(count, *each))
        single.put(pending(count, *each))
        count += len(each)
    assert len(batch) == len(single) == count
    assert [numbers_in([one]) for one in iter(batch.drop_oldest, None)] == [[number] for number in range(count)]
    assert [numbers_in(unit) for unit in iter(lambda: single.take(9000), [])] == [[number] for number in range(count)]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from("abc")),
        st.tuples(st.just("take"), st.none()),
        st.tuples(st.just("done"), st.integers(0, 5)),
        st.tuples(st.just("drop"), st.none()),
    ),
    max_size=80,
)


@given(steps)
def test_a_group_has_one_message_out_and_keeps_its_order(steps):
    queue, out, taken, dropped, put = GroupQueue(), [], [], [], 0
    for what, argument in steps:
        if what == "put":
            queue.put(pending(put, *[1] * (1 + put % 3), group=argument))
            put += 1 + put % 3
        elif what == "take" and (unit := queue.take(1)):
            assert len(unit) == unit[0].bundle.count == 1
            assert unit[0].bundle.group not in {one[0].bundle.group for one in out}
            out.append(unit)
            taken += unit
        elif what == "done" and argument < len(out):
            queue.done(out.pop(argument))
        elif what == "drop" and (one := queue.drop_oldest()):
            dropped.append(one)
        assert len(queue) == put - len(taken) - len(dropped)
    while out or queue:
        if out:
            queue.done(out.pop())
        taken += (unit := queue.take(1))
        out += [unit] if unit else []
    for group in "abc":
        order = numbers_in(one for one in taken if one.bundle.group == group)
        assert order == sorted(order)
    assert sorted(numbers_in(taken + dropped)) == list(range(put))
