"""The header lines of every call: who calls, and the signature. On the loop thread."""

from msgspec import Struct
from rocketmq import Credentials
from rocketmq.v5.util import ClientId, Signature

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Instance

_GRPC_LINES = ["content-type: application/grpc", "te: trailers"]


class _Signer(Struct, frozen=True):
    """What `Signature.metadata` reads of the official client's configuration."""

    credentials: Credentials
    namespace: str


def new_client_id() -> str:
    """Unique per process and session; to be made after a fork, the process id is in it."""
    return str(ClientId().client_id)


class Metadata:
    """The lines for one client id, signed once a second: signing costs more than all else in a call."""

    def __init__(self, instance: Instance, *, client_id: str, clock: Clock) -> None:
        self._signer = _Signer(Credentials(instance.access_key, instance.secret_key), instance.namespace)
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
        pairs: list[tuple[str, str]] = Signature.metadata(self._signer, self._client_id)
        if self._signer.credentials.ak:
            return pairs
        return [(name, value) for name, value in pairs if name != "authorization"]
