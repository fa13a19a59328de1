"""The header lines of every call: who calls, and the signature. On the loop thread."""

import hmac
import os
import socket
import time
from datetime import datetime
from itertools import count
from uuid import uuid4

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Instance

#: That of the client whose language we say we are, for servers that look at it (rocketmq-python-client).
SDK_VERSION = "5.1.2"

_GRPC_LINES = ["content-type: application/grpc", "te: trailers"]
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_numbers = count()


def new_client_id() -> str:
    """Unique per process and session, in the official clients' form; to be made after a fork.

    `HOST@PID@NUMBER@TIME`, the time in nanoseconds to the base of 36.
    """
    return f"{socket.gethostname()}@{os.getpid()}@{next(_numbers)}@{_base36(time.time_ns())}"


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits or _DIGITS[0]


class Metadata:
    """The lines for one client id, signed once a second: signing costs more than all else in a call."""

    def __init__(self, instance: Instance, *, client_id: str, clock: Clock) -> None:
        self._access_key = instance.access_key
        self._secret_key = instance.secret_key.encode()
        self._namespace = instance.namespace
        self._client_id = client_id
        self._clock = clock
        self._second = -1
        self._lines: list[str] = []

    def lines(self) -> list[str]:
        second = int(self._clock.time())
        if second != self._second:
            self._second = second
            self._lines = _GRPC_LINES + [f"{name}: {value}" for name, value in self._signed() if value]
        return self._lines

    def _signed(self) -> list[tuple[str, str]]:
        # The host's time with a Z, as the official client writes it: the server signs what is written.
        at = datetime.now().strftime("%Y%m%dT%H%M%SZ")
        return [
            ("x-mq-language", "PYTHON"),
            ("x-mq-protocol", "GRPC_V2"),
            ("x-mq-client-version", SDK_VERSION),
            ("x-mq-date-time", at),
            ("x-mq-request-id", str(uuid4())),
            ("x-mq-client-id", self._client_id),
            ("x-mq-namespace", self._namespace),
            ("authorization", self._authorization(at)),
        ]

    def _authorization(self, at: str) -> str:
        if not self._access_key:
            return ""
        signature = hmac.digest(self._secret_key, at.encode(), "sha1").hex()
        return f"MQv2-HMAC-SHA1 Credential={self._access_key}, SignedHeaders=x-mq-date-time, Signature={signature}"
