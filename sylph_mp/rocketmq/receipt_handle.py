"""Reads and repairs the text of a receipt handle. Pure; called on the loop thread of a consumer.

Nine fields with a blank between them (`ReceiptHandle.encode` of apache/rocketmq, org.apache.rocketmq.common.consumer):

    0            1         2             3             4           5       6         7       8
    start offset pop time  invisible ms  revive queue  topic type  broker  queue id  offset  commit-log offset
"""

_START, _BROKER, _OFFSET, _INSERTED = 0, 5, 7, 8
_FIELDS = 9


def repair(handle: str) -> str:
    """Mend a handle that ChangeInvisibleDuration returned; a correct one, or one in another form, stays as it is.

    A LOCAL proxy of 5.5.0 keeps the start offset of the popped batch and inserts a zero before the commit-log
    offset. With such a handle an ack answers OK and does nothing, and a dead-letter forward takes a stranger's
    message from the start of the commit log (compare apache/rocketmq#9583).
    """
    fields = handle.split(" ")
    if len(fields) not in {_FIELDS, _FIELDS + 1}:
        return handle
    fields[_START] = fields[_OFFSET]
    if len(fields) > _FIELDS:
        del fields[_INSERTED]
    return " ".join(fields)


def broker_of(handle: str) -> str | None:
    """Name of the broker that holds the delivery, None for a handle in another form."""
    fields = handle.split(" ")
    return fields[_BROKER] if len(fields) == _FIELDS else None
