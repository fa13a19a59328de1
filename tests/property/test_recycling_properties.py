"""Nobody is replaced sooner than a tenth before a limit or later than at it, nor for what a successor needs as well."""

from hypothesis import given
from hypothesis import strategies as st

from sylph_mp.config.schema import Recycle
from sylph_mp.master.recycling import JITTER, LEAST_GAIN, RESERVE, Memory, Used, due, guarded

sizes = st.integers(1, 1 << 40)
limits = st.builds(
    Recycle, messages=st.integers(0, 10_000), memory=st.integers(0, 1 << 40), age_s=st.floats(0, 1e6, width=32)
)
consumers = st.builds(
    Used,
    slot=st.integers(1, 64),
    messages=st.integers(0, 20_000),
    rss_bytes=sizes,
    first_rss_bytes=sizes,
    age_s=st.floats(0, 2e6),
    lot=st.floats(0, 1),
)
fleets = st.lists(consumers, max_size=8, unique_by=lambda used: used.slot)


def shares(used: Used, limits: Recycle) -> list[float]:
    """Of each limit that is set."""
    parts = ((used.messages, limits.messages), (used.rss_bytes, limits.memory), (used.age_s, limits.age_s))
    return [value / limit for value, limit in parts if limit]


@given(fleets, limits)
def test_within_the_jitter(fleet: list[Used], limits: Recycle) -> None:
    found = due(fleet, limits)
    if found is None:
        for used in fleet:
            too_large = used.first_rss_bytes >= limits.memory * (1 - JITTER)
            lasting = Recycle(messages=limits.messages, age_s=limits.age_s) if too_large else limits
            assert all(share < 1 for share in shares(used, lasting))
        return
    chosen = next(used for used in fleet if used.slot == found.slot)
    assert max(shares(chosen, limits)) >= (1 - JITTER) * (1 - 1e-9)
    assert f"{found.why}".startswith("has ")


@given(consumers, limits)
def test_a_successor_is_not_due_at_once_for_memory(used: Used, limits: Recycle) -> None:
    if due([used], Recycle(memory=limits.memory)):
        assert used.first_rss_bytes < limits.memory


@given(fleets, sizes, st.floats(0, 1))
def test_the_guard_gains_something_and_only_when_memory_ends(fleet: list[Used], total: int, free: float) -> None:
    memory = Memory(total, int(free * total))
    found = guarded(fleet, memory)
    worth = [used for used in fleet if used.rss_bytes - used.first_rss_bytes >= LEAST_GAIN * total]
    if memory.free_bytes >= RESERVE * total or not worth:
        assert found is None
    else:
        assert found is not None
        assert found in worth
        assert found.rss_bytes == max(used.rss_bytes for used in worth)
