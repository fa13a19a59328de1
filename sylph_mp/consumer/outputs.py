"""What one handler call sends: encoded where it is sent, in the handler's thread, and kept until the call has ended.

`Outputs` implements `api.Outbound` for one call; `Sender` is what all calls of a consumer share.
"""

import asyncio
import concurrent.futures
import time
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from sylph_mp.api.outgoing_fields import OutgoingFields
from sylph_mp.errors import OutgoingError, OutputError
from sylph_mp.producer.encoding import Encoded, Encoder, Kind
from sylph_mp.producer.outgoing import Outgoing
from sylph_mp.shm.outbox import Address

#: Addresses without a group that are kept; nobody sends to more topics in earnest.
_MAX_ADDRESSES = 4096


class Output(Struct, frozen=True, gc=False):
    """One message that a handler sends."""

    address: Address
    id: str
    part: bytes
    """The message as a field of a SendMessageRequest."""


Stored = concurrent.futures.Future[str]


class Sender:
    """Encodes for each instance, and hands over what is to be sent at once. In any thread."""

    def __init__(
        self, *, encoders: Mapping[str, Encoder], largest_bytes: int, send_now: Callable[[Output, Stored], None]
    ) -> None:
        """`largest_bytes` is what fits the outbox; `send_now` may be called from any thread."""
        self._encoders = encoders
        self._largest_bytes = largest_bytes
        self._send_now = send_now
        self._addresses: dict[tuple[str, str], Address] = {}
        """Of NORMAL messages, by instance and topic."""

    def encode(self, topic: str, payload: Any, instance: str, fields: OutgoingFields) -> Output:
        encoder = self._encoders.get(instance)
        if encoder is None:
            raise OutgoingError("instance", f"{instance!r} is not in the configuration", " or ".join(self._encoders))
        encoded = encoder.encode(Outgoing(topic=topic, payload=payload, **fields), time.time())
        if len(encoded.part) > self._largest_bytes:
            limit = f"at most {self._largest_bytes:,} bytes, half of consumers.outbox,"
            raise OutgoingError("payload", f"makes a message of {len(encoded.part):,} bytes", limit)
        return Output(self._address_of(instance, encoded), encoded.id, encoded.part)

    def send_now(self, output: Output) -> Stored:
        stored: Stored = concurrent.futures.Future()
        self._send_now(output, stored)
        return stored

    def _address_of(self, instance: str, encoded: Encoded) -> Address:
        if encoded.kind is not Kind.NORMAL:
            return Address(instance, encoded.kind, encoded.topic, encoded.group)
        address = self._addresses.get((instance, encoded.topic))
        if address is None:
            address = Address(instance, encoded.kind, encoded.topic, "")
            if len(self._addresses) < _MAX_ADDRESSES:
                self._addresses[instance, encoded.topic] = address
        return address


class Outputs:
    """Of one call."""

    __slots__ = ("_instance", "_sender", "collected")

    def __init__(self, sender: Sender, instance: str) -> None:
        """`instance` is that of the handled messages."""
        self._sender = sender
        self._instance = instance
        self.collected: list[Output] = []

    def collect(self, topic: str, payload: Any, instance: str | None, fields: OutgoingFields) -> None:
        self.collected.append(self._sender.encode(topic, payload, instance or self._instance, fields))

    def send_now(self, topic: str, payload: Any, instance: str | None, fields: OutgoingFields, *, wait_s: float) -> str:
        if _on_a_loop():
            raise RuntimeError("send_now would stop all async handlers while it waits: await ctx.send_now_async(…)")
        try:
            return self._sender.send_now(self._encode(topic, payload, instance, fields)).result(wait_s)
        except TimeoutError as error:
            raise _not_in_time(topic, wait_s) from error

    async def send_now_async(
        self, topic: str, payload: Any, instance: str | None, fields: OutgoingFields, *, wait_s: float
    ) -> str:
        stored = self._sender.send_now(self._encode(topic, payload, instance, fields))
        try:
            return await asyncio.wait_for(asyncio.wrap_future(stored), wait_s)
        except TimeoutError as error:
            raise _not_in_time(topic, wait_s) from error

    def _encode(self, topic: str, payload: Any, instance: str | None, fields: OutgoingFields) -> Output:
        return self._sender.encode(topic, payload, instance or self._instance, fields)


def _on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _not_in_time(topic: str, wait_s: float) -> OutputError:
    return OutputError(f"no receipt from {topic} within {wait_s:.1f} s; the message may be stored yet")
