"""All that sends for the threads of one process: an encoder, a loop thread with a publisher, and the gate before it.

Made at the first message, and again in a child process.
"""

import threading
from collections.abc import Sequence
from functools import partial
from typing import Protocol

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Instance, Producers
from sylph_mp.errors import SaturatedError
from sylph_mp.lifecycle import Deadline
from sylph_mp.producer.encoding import Encoded, Encoder
from sylph_mp.producer.gate import Gate
from sylph_mp.producer.loop_thread import LoopThread
from sylph_mp.producer.new_encoder import new_encoder
from sylph_mp.producer.outgoing import Limits
from sylph_mp.producer.outlet import OnReceipt, Receipt
from sylph_mp.producer.publisher import Publisher
from sylph_mp.producer.tally import LaneSnapshot
from sylph_mp.rocketmq.publishing_session import OnOrphan

#: Messages of one thread that enter together.
CHUNK = 256


class Collector:
    """Waits for the receipts of many messages; filled on the loop thread."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._receipts: dict[str, Receipt] = {}
        self._all = threading.Event()

    def take(self, receipt: Receipt) -> None:
        self._receipts[receipt.id] = receipt
        if len(self._receipts) == self._expected:
            self._all.set()

    def wait(self) -> dict[str, Receipt]:
        """By message id, once all are there. None stays here: a traceback may hold this object, and be in one."""
        if self._expected:
            self._all.wait()
        receipts, self._receipts = self._receipts, {}
        return receipts


class Engine:
    def __init__(self, instance: Instance, settings: Producers, *, clock: Clock, on_orphan: OnOrphan | None) -> None:
        self.encoder = new_encoder(instance.namespace)
        self.dropped = 0
        self._settings = settings
        self._clock = clock
        self._gate = Gate(settings.queue, settings.queue_bytes)
        self._loop = LoopThread("sylph-producers")
        self.publisher = self._loop.wait_for(self._new_publisher(instance, on_orphan))

    def send(self, messages: Sequence[Encoded], on_receipt: OnReceipt) -> None:
        """Hand messages over as the saturation policy says; each gets a receipt, in whatever thread that comes about.

        Raises SaturatedError when there is no room and the policy is not to wait, or not longer; then every message
        that was not handed over yet has a receipt that says so.
        """
        for start in range(0, len(messages), CHUNK):
            chunk = messages[start : start + CHUNK]
            if self._gate.enter(len(chunk), sum(len(one.part) for one in chunk)):
                self._loop.post(partial(self._submit, chunk, on_receipt))
                continue
            for place, message in enumerate(chunk):
                try:
                    self._send_one(message, on_receipt)
                except SaturatedError as full:
                    # Not `full` itself: its traceback holds the frames of this call, and through them these receipts.
                    for rest in messages[start + place :]:
                        on_receipt(Receipt(rest.id, SaturatedError(str(full))))
                    raise

    def end_transaction(self, topic: str, half: Receipt, *, commit: bool) -> None:
        self._loop.wait_for(self.publisher.end_transaction(topic, half, commit=commit))

    def snapshot(self) -> list[LaneSnapshot]:
        async def taken() -> list[LaneSnapshot]:
            return self.publisher.snapshot()

        return self._loop.wait_for(taken())

    def flush(self, wait_s: float) -> bool:
        """Wait until nothing is under way; False if that takes longer."""
        return self._gate.wait_until_empty(wait_s)

    def close(self, deadline: Deadline) -> None:
        self._loop.wait_for(self.publisher.close(deadline))
        self._loop.stop()

    async def _new_publisher(self, instance: Instance, on_orphan: OnOrphan | None) -> Publisher:
        return Publisher(
            instance,
            self._settings,
            clock=self._clock,
            on_orphan=on_orphan,
            on_limits=self._set_limits,
            on_settled=self._gate.leave,
        )

    def _set_limits(self, limits: Limits) -> None:
        self.encoder.limits = limits

    def _send_one(self, message: Encoded, on_receipt: OnReceipt) -> None:
        size = len(message.part)
        policy = self._settings.saturation
        if policy == "drop_oldest":
            self._loop.post(lambda: self.publisher.drop_oldest(message.topic, message.kind))
        waits = policy in {"block", "drop_oldest"} and not self._loop.is_current
        if self._gate.enter(1, size, wait_s=self._settings.block_s if waits else 0.0):
            self._loop.post(partial(self._submit, (message,), on_receipt))
        elif policy == "drop_newest":
            self.dropped += 1
            on_receipt(Receipt(message.id, SaturatedError("dropped: the queue was full")))
        elif policy == "caller_runs":
            on_receipt(self._loop.wait_for(self.publisher.send_now(message)))
        else:
            messages, size = self._gate.within
            raise SaturatedError(f"queue is full: {messages:,} messages of {size:,} bytes are not sent yet")

    def _submit(self, messages: Sequence[Encoded], on_receipt: OnReceipt) -> None:
        submit = self.publisher.submit
        for message in messages:
            if not submit(message, on_receipt):
                self._gate.leave(1, len(message.part))
                on_receipt(Receipt(message.id, SaturatedError("the producers are closed")))


class Sends(Protocol):
    """What `Producers` needs of an engine; a test kit brings its own."""

    @property
    def encoder(self) -> Encoder: ...
    def send(self, messages: Sequence[Encoded], on_receipt: OnReceipt) -> None: ...
    def end_transaction(self, topic: str, half: Receipt, *, commit: bool) -> None: ...
    def snapshot(self) -> list[LaneSnapshot]: ...
    def flush(self, wait_s: float) -> bool: ...
    def close(self, deadline: Deadline) -> None: ...
