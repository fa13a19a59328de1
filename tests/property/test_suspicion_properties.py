"""Whoever kills its process is quarantined soon, and nobody else ever is."""

from hypothesis import given
from hypothesis import strategies as st

from sylph_mp.master.suspicion import Ran, blame


def ran(index, *, strikes=0, limit=2, suspect=False):
    return Ran(index=index, thread=index, strikes=strikes, limit=limit, suspect=suspect)


@given(
    others=st.integers(0, 15),
    limit=st.integers(1, 5),
    named=st.booleans(),
)
def test_the_killer_is_quarantined_within_one_death_more_than_its_limit_and_nobody_else_is(others, limit, named):
    """Message 0 kills whenever it runs; suspects run alone, all else beside the others."""
    strikes = dict.fromkeys(range(others + 1), 0)
    suspects: set[int] = set()
    deaths = 0
    while True:
        alone = 0 in suspects or others == 0
        running = [0] if alone else list(range(others + 1))
        verdict = blame(
            [ran(at, strikes=strikes[at], limit=limit, suspect=at in suspects) for at in running],
            guilty_thread=0 if named else None,
        )
        deaths += 1
        for each in verdict:
            strikes[each.index] = each.strikes
            if each.suspect:
                suspects.add(each.index)
            assert each.index == 0 or not each.quarantine
        if any(each.quarantine for each in verdict):
            break
        assert deaths <= limit + 1
    assert deaths <= limit + 1
    assert all(strikes[other] < limit for other in range(1, others + 1))


def test_a_death_that_names_its_thread_leaves_the_others_alone():
    guilty, bystander = blame([ran(3), ran(4)], guilty_thread=3)
    assert (guilty.strikes, guilty.suspect, guilty.quarantine) == (1, True, False)
    assert (bystander.strikes, bystander.suspect) == (0, False)


def test_a_suspect_that_died_beside_others_is_to_run_alone_to_its_end():
    again, fresh = blame([ran(0, strikes=1, suspect=True), ran(1)], guilty_thread=None)
    assert (again.tried, again.quarantine) == (True, False)
    assert (fresh.suspect, fresh.tried) == (True, False)


def test_no_delivery_ran():
    assert blame([], guilty_thread=None) == []
