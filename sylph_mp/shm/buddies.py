"""A lazy buddy allocator: hands out blocks of 256 B times a power of two from a range of offsets.

Pure, no bytes are touched; the consumer's loop thread runs it.

A freed block goes onto the list of its order and is handed out again as it is, so that the usual case is one pop and
one append. Only when an order and all above it are empty are free buddies joined again.
"""

#: A received message is rarely smaller; smaller blocks would make more of them to join.
MIN_BLOCK = 256
_MIN_SHIFT = MIN_BLOCK.bit_length() - 1


class Buddies:
    """Offsets 0 to `capacity`, which is the largest multiple of MIN_BLOCK within `size`.

    A range that is no power of two is the row of ever smaller powers of two that fill it; each is aligned to itself.
    """

    def __init__(self, size: int) -> None:
        self.capacity = size // MIN_BLOCK * MIN_BLOCK
        self.used_bytes = 0
        """Of the blocks handed out, so with what rounding up to a block takes."""
        units = self.capacity // MIN_BLOCK
        self._free: list[list[int]] = [[] for _ in range(units.bit_length())]
        self._joined = True
        at = 0
        for order in reversed(range(units.bit_length())):
            if units >> order & 1:
                self._free[order].append(at)
                at += MIN_BLOCK << order

    def alloc(self, length: int) -> int | None:
        """The offset of a block of at least `length` bytes (1 or more); None if no block is that large."""
        order = (length - 1 >> _MIN_SHIFT).bit_length()
        try:
            at = self._free[order].pop()
        except IndexError:
            found = self._split_larger(order)
            if found is None:
                return None
            at = found
        self.used_bytes += MIN_BLOCK << order
        return at

    def free(self, at: int, length: int) -> None:
        """Give back what `alloc(length)` returned; once only, nothing here would notice a second time."""
        order = (length - 1 >> _MIN_SHIFT).bit_length()
        self._free[order].append(at)
        self.used_bytes -= MIN_BLOCK << order
        self._joined = False

    def reserve(self, at: int, length: int) -> None:
        """Take the very block that another's `alloc(length)` returned; raises ValueError if it is not free."""
        self._join()
        order = (length - 1 >> _MIN_SHIFT).bit_length()
        if at % (MIN_BLOCK << order):
            raise ValueError(f"no block of {length} bytes begins at {at}")
        for larger in range(order, len(self._free)):
            start = at & -(MIN_BLOCK << larger)
            if start in self._free[larger]:
                self._free[larger].remove(start)
                self._split(start, larger, order, keep=at)
                self.used_bytes += MIN_BLOCK << order
                return
        raise ValueError(f"{length} bytes at {at} are not free")

    def _split_larger(self, order: int) -> int | None:
        if self.used_bytes + (MIN_BLOCK << order) > self.capacity:
            return None
        at = self._pop_larger(order)
        if at is None and not self._joined:
            self._join()
            at = self._pop_larger(order)
        return at

    def _pop_larger(self, order: int) -> int | None:
        for larger in range(order, len(self._free)):
            if self._free[larger]:
                at = self._free[larger].pop()
                self._split(at, larger, order, keep=at)
                return at
        return None

    def _split(self, at: int, larger: int, order: int, *, keep: int) -> None:
        """Halve the block at `at` down to the one of `order` at `keep`; the other halves are free."""
        for halved in reversed(range(order, larger)):
            half = MIN_BLOCK << halved
            if keep < at + half:
                self._free[halved].append(at + half)
            else:
                self._free[halved].append(at)
                at += half

    def _join(self) -> None:
        """Make of every two free buddies the block that they once were."""
        if self._joined:
            return
        for order, blocks in enumerate(self._free[:-1]):
            size = MIN_BLOCK << order
            single = set(blocks)
            pairs = [at for at in blocks if not at & size and at + size in single]
            single.difference_update(pairs, [at + size for at in pairs])
            blocks[:] = single
            self._free[order + 1].extend(pairs)
        self._joined = True
