"""Blocks never overlap, and what was given back can be had again, in any order."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from sylph_mp.shm.buddies import MIN_BLOCK, Buddies


def block_bytes(length: int) -> int:
    size = MIN_BLOCK
    while size < length:
        size *= 2
    return size


def maximal_blocks(capacity: int) -> list[int]:
    """The powers of two that a capacity is the sum of, largest first."""
    return [1 << bit for bit in reversed(range(capacity.bit_length())) if capacity >> bit & 1]


class Allocations(RuleBasedStateMachine):
    taken = Bundle("taken")

    @initialize(size=st.integers(4096, 200_000))
    def begin(self, size: int):
        self.blocks = Buddies(size)
        self.held: dict[int, int] = {}

    @rule(target=taken, length=st.one_of(st.integers(1, 3000), st.integers(1, 200_000)))
    def alloc(self, length: int):
        at = self.blocks.alloc(length)
        size = block_bytes(length)
        if at is None:
            assert not self.is_free_somewhere(size)
            return None
        assert at % size == 0
        assert at + size <= self.blocks.capacity
        assert all(at + size <= other or other + block_bytes(held) <= at for other, held in self.held.items())
        self.held[at] = length
        return at

    @rule(at=consumes(taken))
    def free(self, at: int | None):
        if at is not None:
            self.blocks.free(at, self.held.pop(at))

    @rule()
    def rebuild(self):
        """A successor's allocator, told what is held in another order than it was taken."""
        self.blocks = Buddies(self.blocks.capacity)
        for at in sorted(self.held, reverse=True):
            self.blocks.reserve(at, self.held[at])

    def is_free_somewhere(self, size: int) -> bool:
        taken = [(at, at + block_bytes(length)) for at, length in self.held.items()]
        return any(
            all(end <= at or at + size <= begin for begin, end in taken)
            for at in range(0, self.blocks.capacity - size + 1, size)
        )

    @invariant()
    def used_bytes_are_exact(self):
        assert self.blocks.used_bytes == sum(block_bytes(length) for length in self.held.values())

    def teardown(self):
        if not hasattr(self, "blocks"):
            return
        for at, length in self.held.items():
            self.blocks.free(at, length)
        assert self.blocks.used_bytes == 0
        whole = [self.blocks.alloc(size) for size in maximal_blocks(self.blocks.capacity)]
        assert None not in whole
        assert self.blocks.used_bytes == self.blocks.capacity


TestAllocations = Allocations.TestCase


@given(size=st.integers(256, 1 << 26))
def test_any_size_can_be_used_to_the_last_block(size: int):
    blocks = Buddies(size)
    assert size - MIN_BLOCK < blocks.capacity <= size
    starts = [blocks.alloc(length) for length in maximal_blocks(blocks.capacity)]
    assert None not in starts
    assert blocks.alloc(1) is None
