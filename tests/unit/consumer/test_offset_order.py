"""An ordered queue is settled by offset, whatever finishes first."""

from sylph_mp.consumer.offset_order import OffsetOrder


def ids(deliveries):
    return [delivery.source.id for delivery in deliveries]


def test_a_later_offset_waits_for_all_before_it(subscribe, deliver):
    order = OffsetOrder()
    m0, m1, m2 = deliver(subscribe(fifo=True), "m0/a", "m1/b", "m2/c")
    for delivery in (m0, m1, m2):
        order.add(delivery)
    assert order.ready(m2) == []
    assert order.ready(m1) == []
    assert ids(order.ready(m0)) == ["m0", "m1", "m2"]
