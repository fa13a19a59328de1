"""Units that are taken from a queue: nothing lost, nothing twice, order kept within a group, sizes kept."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sylph_mp.producer.encoding import Encoded, Kind
from sylph_mp.producer.send_queues import OVERHEAD_BYTES, BatchQueue, GroupQueue, Pending


def pending(number, size=1, group=""):
    return Pending(Encoded("t", Kind.NORMAL, group, str(number), bytes(size)), lambda receipt: None, float(number))


@given(sizes=st.lists(st.integers(1, 3000), max_size=60), limit=st.integers(1, 5000))
def test_batches_are_full_and_within_the_size_in_order(sizes, limit):
    queue = BatchQueue()
    for number, size in enumerate(sizes):
        queue.put(pending(number, size))
    units = []
    while queue:
        units.append(queue.take(limit))
    assert [int(one.encoded.id) for unit in units for one in unit] == list(range(len(sizes)))

    def weight(unit):
        return sum(len(one.encoded.part) + OVERHEAD_BYTES for one in unit)

    assert all(weight(unit) <= limit or len(unit) == 1 for unit in units)
    assert all(weight(unit) + weight(after[:1]) > limit for unit, after in pairwise(units))
    assert queue.waits_for_more(limit) is None


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
            queue.put(pending(put, group=argument))
            put += 1
        elif what == "take" and (unit := queue.take(1)):
            assert unit[0].encoded.group not in {one[0].encoded.group for one in out}
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
        order = [int(one.encoded.id) for one in taken if one.encoded.group == group]
        assert order == sorted(order)
    assert sorted(int(one.encoded.id) for one in taken + dropped) == list(range(put))
