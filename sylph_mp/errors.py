"""Every error that sylph-mp raises, and `Problem`, the form in which a person reads one.

Used in all processes and threads.

    SylphError
    ├── UsageError            64  a command line that makes no sense
    ├── ConfigError           78  the configuration or the app is wrong; all problems of one file together
    ├── ResourceError         71  no memory, port or socket to be had
    ├── BrokerRefusedError    69  the broker says no for good: topic, group, access
    ├── OutgoingError         65  a message cannot be sent as it is; nothing of it was
    ├── SaturatedError        75  a producer's queue is full, and the policy says not to wait
    ├── FleetGaveUpError      70  every slot is in a crash loop
    ├── NoMasterError          2  nothing listens on the control socket
    ├── NoAnswerError          4  the master holds its socket but does not answer
    └── BrokerError               a call to RocketMQ failed
        ├── TransportError        no answer: refused, reset, broken; the call may or may not have been carried out
        │   ├── CallTimeoutError  no answer by the call's deadline
        │   └── NotSentError      no connection, or no session there: the call was certainly not carried out
        ├── GrpcError             the gRPC layer answered with a status other than OK
        ├── SettingsError         the server did not accept the session's settings
        └── StatusError           RocketMQ answered with a code other than OK
            └── HandleExpiredError  the lease is over: the broker delivers the message again
"""

from typing import ClassVar

from msgspec import Struct


class Problem(Struct, frozen=True, kw_only=True):
    """One thing that is wrong, where, why it matters and what mends it."""

    place: str
    """Where: `config.toml:10:1`, `SYLPH_CONSUMERS_THREADS`, `/dev/shm`."""
    what: str
    source: str | None = None
    """The source line at `place`, without its line end."""
    column: int | None = None
    """Where the caret begins in `source`, from 1."""
    width: int = 1
    """How many carets."""
    hint: str | None = None
    """Written behind the carets, such as `nearest: threads`."""
    why: str | None = None
    fix: str | None = None
    warning: bool = False
    """A warning has the same shape and does not change the exit code."""


class SylphError(Exception):
    """Base of all; `exit_code` is what a command ends with when the error reaches it."""

    exit_code: ClassVar[int] = 70

    def __init__(self, text: str, *, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(text)
        self.problems = problems


class UsageError(SylphError):
    exit_code = 64


class ConfigError(SylphError):
    exit_code = 78


class ResourceError(SylphError):
    exit_code = 71


class BrokerRefusedError(SylphError):
    exit_code = 69


class OutgoingError(SylphError):
    """No server would take it: `field` says which part of it, `limit` what would be right."""

    exit_code = 65

    def __init__(self, field: str, what: str, limit: str) -> None:
        super().__init__(f"{field} {what}; {limit} is due")
        self.field = field
        self.what = what
        self.limit = limit


class OutputError(SylphError):
    """A message that a handler sent was not stored, or is not known to be."""

    exit_code = 69


class SaturatedError(SylphError):
    """The message was not taken. Raised by producers whose policy is `raise`, or `block` beyond its limit."""

    exit_code = 75


class FleetGaveUpError(SylphError):
    exit_code = 70


class NoMasterError(SylphError):
    exit_code = 2


class NoAnswerError(SylphError):
    exit_code = 4


class BrokerError(SylphError):
    """A call to RocketMQ failed; which subclass says whether trying again can help."""

    exit_code = 69


class TransportError(BrokerError):
    """No answer. Try again where doing it twice is harmless."""


class CallTimeoutError(TransportError):
    """No answer by the call's deadline; the connection is suspect."""


class NotSentError(TransportError):
    """The call was certainly not carried out: trying again does nothing twice."""


class GrpcError(BrokerError):
    """A gRPC status other than OK came in the trailers (https://grpc.io/docs/guides/status-codes/)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"gRPC status {status}: {message}")
        self.status = status
        self.message = message


class SettingsError(BrokerError):
    """The session's settings were refused, or not answered in time; the text says why it may be."""


class StatusError(BrokerError):
    """RocketMQ's own status (`Code` of apache/rocketmq-apis definition.proto) is not OK."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class HandleExpiredError(StatusError):
    """The receipt handle is no longer valid (40013); settling it is the broker's business now."""
