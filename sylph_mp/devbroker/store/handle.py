"""The receipt handle: text in RocketMQ's form, so that a client may read and repair it as it does a real one's.

    startOffset popTime invisibleTime reviveQueue topicType brokerName queueId offset commitLogOffset

Nine fields, a blank between them, times in milliseconds. ReceiptHandle.java of apache/rocketmq.
"""

from msgspec import Struct

from sylph_mp.devbroker.store.refusal import Code, RefusedError

BROKER = "broker-a"
#: The revive queue that marks a handle of a FIFO group.
ORDERED = 999


class Handle(Struct, frozen=True, kw_only=True):
    start: int
    """First offset of the batch that was received."""
    popped_ms: int
    invisible_ms: int
    revive: int
    retry: bool
    """Whether queue and offset are those of the group's retry topic."""
    queue: int
    offset: int
    position: int

    @property
    def text(self) -> str:
        head = f"{self.start} {self.popped_ms} {self.invisible_ms} {self.revive} {int(self.retry)}"
        return f"{head} {BROKER} {self.queue} {self.offset} {self.position}"

    def expired(self, now_ms: int) -> bool:
        return self.popped_ms + self.invisible_ms <= now_ms


def parse_handle(text: str) -> Handle:
    """Raises RefusedError as RocketMQ does; a field too much is passed over, as there."""
    fields = text.split(" ")
    try:
        start, popped, invisible, revive, retry, broker, queue, offset, position = fields[:9]
        handle = Handle(
            start=int(start),
            popped_ms=int(popped),
            invisible_ms=int(invisible),
            revive=int(revive),
            retry=retry == "1",
            queue=int(queue),
            offset=int(offset),
            position=int(position),
        )
    except ValueError:
        raise RefusedError(Code.INTERNAL_SERVER_ERROR, f"Parse failed, dataList size {len(fields)}.") from None
    if broker != BROKER:
        raise RefusedError(Code.INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR")
    return handle


def expired_error() -> RefusedError:
    return RefusedError(Code.INVALID_RECEIPT_HANDLE, "receipt handle is expired")


def unknown_offset_error() -> RefusedError:
    return RefusedError(Code.INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR")
