"""What a call to a producer takes and gives, the same with threads and with coroutines. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from sylph_mp.clock import Clock
from sylph_mp.errors import OutgoingError, SaturatedError
from sylph_mp.producer.bundle import Bundle
from sylph_mp.producer.encoding import Encoded, Encoder, Kind
from sylph_mp.producer.outgoing import Outgoing
from sylph_mp.producer.outlet import Answer, Receipt

#: Messages that are handed over together, at most.
CHUNK = 256
_FIRST = attrgetter("first")
_KIND_AND_GROUP = attrgetter("kind", "group")

#: What a producer of each kind takes.
_TAKES = {kind: {kind} for kind in Kind} | {Kind.NORMAL: {Kind.NORMAL, Kind.PRIORITY}}
#: The field that a message of another kind lacks, or has too much.
_FIELDS = {Kind.FIFO: "group", Kind.DELAY: "deliver_after_s", Kind.PRIORITY: "priority"}


def encode(encoder: Encoder, clock: Clock, kind: Kind, outgoing: Outgoing) -> Encoded:
    """For a producer of `kind`. Raises OutgoingError, also for a message that another producer is for."""
    encoded = encoder.encode(outgoing, clock.time(), transaction=kind is Kind.TRANSACTION)
    if encoded.kind not in _TAKES[kind]:
        field = _FIELDS.get(kind) or _FIELDS[encoded.kind]
        what = f"makes it a {encoded.kind.name} message, or leaves it one"
        raise OutgoingError(field, what, f"a {kind.name} message")
    return encoded


def stored_or_dropped(receipt: Receipt) -> Receipt:
    """Raises what is no policy: a message at fault, a broker that refuses or does not answer."""
    error = receipt.error
    if error is None or isinstance(error, SaturatedError):
        return receipt
    try:
        raise error
    finally:
        del error, receipt  # the traceback holds this frame: what was sent would live until the next full collection


def encode_many(
    messages: Iterable[Any], topic: str, encode: Callable[[Outgoing], Encoded]
) -> tuple[list[Encoded], dict[int, Receipt]]:
    """What can be sent, in order; and by their places the receipts of those that cannot."""
    encoded: list[Encoded] = []
    refused: dict[int, Receipt] = {}
    for place, message in enumerate(messages):
        try:
            outgoing = message if isinstance(message, Outgoing) else Outgoing(topic=topic, payload=message)
            if outgoing.topic != topic:
                raise OutgoingError("topic", f"is {outgoing.topic!r}", repr(topic))
            encoded.append(encode(outgoing))
        except OutgoingError as error:
            refused[place] = Receipt("", error)
    return encoded, refused


def bundles_of(messages: Sequence[Encoded], first: int) -> list[Bundle]:
    """Neighbours of one kind and group together; `first` is the place of the first."""
    if len(messages) == 1:
        return [Bundle.of(messages, first)]
    bundles = []
    for _, same in groupby(messages, key=_KIND_AND_GROUP):
        bundles.append(Bundle.of(list(same), first))
        first += bundles[-1].count
    return bundles


def receipts_of(answers: Sequence[Answer], ids: Sequence[str]) -> list[Receipt]:
    """In the order of the ids, each of which is in one of the answers."""
    ordered = sorted(answers, key=_FIRST) if len(answers) > 1 else answers
    return [receipt for answer in ordered for receipt in answer.receipts(ids)]


def in_order(receipts: list[Receipt], refused: Mapping[int, Receipt]) -> list[Receipt]:
    """Of all messages: `receipts` of those that could be sent, `refused` by place of the others."""
    for place in sorted(refused):
        receipts.insert(place, refused[place])
    return receipts
