"""RocketMQ's own status, in the body of every answer, as errors. Pure."""

from rocketmq.grpc_protocol import definition_pb2

from sylph_mp.errors import HandleExpiredError, StatusError

Code = definition_pb2.Code

_GOOD = frozenset({Code.OK, Code.MULTIPLE_RESULTS})
#: The proxy knows no settings of this client: it was restarted, or the telemetry stream was lost unnoticed.
_SETTINGS_UNKNOWN_TEXT = "settings is null"


def error_of(status: definition_pb2.Status) -> StatusError | None:
    """None for OK and for MULTIPLE_RESULTS, whose entries have their own."""
    if status.code in _GOOD:
        return None
    if status.code == Code.INVALID_RECEIPT_HANDLE:
        return HandleExpiredError(status.code, status.message)
    return StatusError(status.code, status.message)


def check(status: definition_pb2.Status) -> None:
    """Raises StatusError."""
    error = error_of(status)
    if error is not None:
        raise error


def forgets_settings(error: StatusError) -> bool:
    """Whether the proxy says that it has no settings of this client (5.5.0: 40015, or 50001 with a null pointer)."""
    return error.code == Code.UNRECOGNIZED_CLIENT_TYPE or _SETTINGS_UNKNOWN_TEXT in error.message
