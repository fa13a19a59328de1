from hypothesis import given
from hypothesis import strategies as st

from sylph_mp.control.history import History
from tests.unit.control.observed import counters, report, topic_report

#: What a process does between two moments: how much it settles, and whether it is reported, killed or read at its end.
STEPS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.integers(0, 500),
        st.sampled_from(("report", "report", "killed", "ended")),
        st.floats(0, 3),
    ),
    max_size=60,
)


@given(STEPS)
def test_totals_never_fall_and_only_what_a_kill_hides_is_missing(steps):
    history = History()
    now, settled, reported, expected, before = 100.0, {}, {}, 0, 0
    for slot, amount, what, took in steps:
        now += took
        settled[slot] = settled.get(slot, 0) + amount
        if what == "killed":
            history.ended(slot, None, at=now)
        elif what == "ended":
            history.ended(slot, {"orders": counters(acked=settled[slot])}, at=now)
        else:
            history.report(slot, report(now, topic_report(counters=counters(acked=settled[slot]))))
        if what != "killed":
            expected += settled[slot] - reported.get(slot, 0)
            reported[slot] = settled[slot]
        if what != "report":
            settled[slot] = reported[slot] = 0
        past = history.topic("orders")
        total = past.totals["acked"] if past else 0
        assert total == expected >= before
        before = total
    if past := history.topic("orders"):
        assert past.failing(now).settled <= expected + 1e-6
