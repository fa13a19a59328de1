"""Reads the answers that have more than a status: to a receive and to an ack. Pure."""

from collections.abc import Sequence

from google.protobuf.message import DecodeError
from rocketmq.grpc_protocol import service_pb2

from sylph_mp.errors import BrokerError, TransportError
from sylph_mp.ports import Settled
from sylph_mp.rocketmq import essentials
from sylph_mp.rocketmq.delivery import Delivery, delivery_of
from sylph_mp.rocketmq.status import Code, check, error_of

_SETTLED = Settled()


def deliveries_in(frames: Sequence[bytes]) -> list[Delivery]:
    """Those of a receive's answer: a status, then a frame per message, then the time of delivery.

    Raises StatusError, and TransportError for what cannot be parsed.
    """
    deliveries = []
    parse = essentials.ReceiveMessageResponse.FromString
    try:
        for frame in frames:
            response = parse(frame)
            if response.HasField("message"):
                deliveries.append(delivery_of(frame, response.message))
            elif response.HasField("status") and response.status.code != Code.MESSAGE_NOT_FOUND:
                check(response.status)
    except DecodeError as error:
        raise TransportError(f"answer to ReceiveMessage cannot be parsed: {error}") from error
    return deliveries


def settled_by(entries: Sequence[tuple[str, str]], response: service_pb2.AckMessageResponse) -> list[Settled]:
    """Match by handle: the server answers in its own order, and in one entry for a handle that was sent twice."""
    if response.status.code == Code.OK:
        return [_SETTLED] * len(entries)
    if not response.entries:
        return [Settled(error_of(response.status))] * len(entries)
    outcomes = {entry.receipt_handle: Settled(error_of(entry.status)) for entry in response.entries}
    unanswered = Settled(BrokerError("the answer to the ack leaves this handle out"))
    return [outcomes.get(handle, unanswered) for _, handle in entries]
