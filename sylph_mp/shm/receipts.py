"""The receipts: what became of each output of a slot, written by the master, read by the slot's consumer.

One cell of 8 bytes for an output, its place given by the output's number, so that nothing has to be taken away and a
successor finds what its predecessor had read already:

    cell[seq % RECEIPT_CELLS] = seq << 8 | state u8

A cell is one store. The consumer has fewer outputs waiting than there are cells, so none is written over unread.
"""

from enum import IntEnum

from sylph_mp.shm.layout import RECEIPT_CELL_BYTES, RECEIPT_CELLS
from sylph_mp.shm.segment import Segment


class ReceiptState(IntEnum):
    STORED = 1
    REFUSED = 2
    """For good: the same output would be refused again."""


class Receipts:
    """Both sides; what writes is the master's."""

    def __init__(self, segment: Segment) -> None:
        at = segment.geometry.receipts_at
        self._cells = segment.window(at, RECEIPT_CELLS * RECEIPT_CELL_BYTES, form="Q")
        self._newest = max(self._cells) >> 8

    def write(self, first: int, last: int, state: ReceiptState) -> None:
        """The same for all from `first` to `last`.

        An output that nobody waits for, left by a dead consumer, gives way to a later one of the same cell.
        """
        cells, word = self._cells, first << 8 | state
        later = self._newest
        self._newest = max(later, last)
        for seq in range(max(first, last + 1 - RECEIPT_CELLS), last + 1):
            cell = seq % RECEIPT_CELLS
            # Only what is older by a whole round can find a later one in its cell.
            if seq + RECEIPT_CELLS > later or cells[cell] >> 8 <= seq:
                cells[cell] = word + (seq - first << 8)

    def read(self, seq: int) -> ReceiptState | None:
        """None while there is none."""
        cell = self._cells[seq % RECEIPT_CELLS]
        return ReceiptState(cell & 0xFF) if cell >> 8 == seq else None
