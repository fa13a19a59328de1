"""Within a lane one call at a time and in order; lanes beside each other."""

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sylph_mp.consumer.lanes import Lanes


def ids(deliveries):
    return [delivery.source.id for delivery in deliveries]


def test_one_of_each_group_runs_and_the_next_follows_when_it_is_done(subscribe, deliver):
    lanes = Lanes()
    a1, a2, b1 = deliver(subscribe(fifo=True), "a1/a", "a2/a", "b1/b")
    assert [ids(call) for call in lanes.add([a1, a2, b1])] == [["a1"], ["b1"]]
    assert ids(lanes.finished(a1)) == ["a2"]
    assert lanes.finished(b1) == []
    assert lanes.finished(a2) == []


def test_what_arrives_behind_a_running_one_waits(subscribe, deliver):
    lanes = Lanes()
    subscription = subscribe(fifo=True)
    (a1,) = deliver(subscription, "a1/a")
    lanes.add([a1])
    assert lanes.add(deliver(subscription, "a2/a")) == []


def test_messages_without_a_group_keep_the_order_of_their_queue(subscribe, deliver):
    lanes = Lanes()
    first, second = deliver(subscribe(fifo=True), "m1", "m2")
    assert [ids(call) for call in lanes.add([first, second])] == [["m1"]]
    assert ids(lanes.finished(first)) == ["m2"]


def test_a_batch_handler_gets_the_head_of_a_lane_at_once_and_the_lane_waits_for_all_of_it(subscribe, deliver):
    lanes = Lanes()
    subscription = subscribe(batch=2, fifo=True)
    a1, a2, a3 = deliver(subscription, "a1/a", "a2/a", "a3/a")
    assert [ids(call) for call in lanes.add([a1, a2, a3])] == [["a1", "a2"]]
    assert lanes.finished(a1) == []
    assert ids(lanes.finished(a2)) == ["a3"]


def test_withdraw_takes_what_has_not_begun_and_leaves_what_runs(subscribe, deliver):
    lanes = Lanes()
    a1, a2, a3 = deliver(subscribe(fifo=True), "a1/a", "a2/a", "a3/a")
    lanes.add([a1, a2, a3])
    assert ids(lanes.withdraw()) == ["a3", "a2"]
    assert lanes.finished(a1) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(groups=st.lists(st.sampled_from("abc"), max_size=30), seed=st.integers(0, 1000))
def test_whatever_finishes_when_each_group_begins_in_order(subscribe, buffer, deliver, groups, seed):
    # Drawn before anything is held: an example may end wherever it draws.
    lanes, source = Lanes(), random.Random(seed)
    deliveries = deliver(subscribe(fifo=True), *(f"{place}/{group}" for place, group in enumerate(groups)))
    running = [delivery for call in lanes.add(deliveries) for delivery in call]
    begun = {group: [] for group in "abc"}
    for delivery in running:
        begun[delivery.source.group].append(int(delivery.source.id))
    while running:
        delivery = running.pop(source.randrange(len(running)))
        following = lanes.finished(delivery)
        running.extend(following)
        for after in following:
            begun[after.source.group].append(int(after.source.id))
    for group in "abc":
        assert begun[group] == [place for place, of in enumerate(groups) if of == group]
    for delivery in deliveries:
        buffer.release([delivery])
