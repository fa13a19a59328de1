"""Statuses, and the answers that consist of little more.

Pure.
"""

from typing import Any

from rocketmq.grpc_protocol import definition_pb2 as definition
from rocketmq.grpc_protocol import service_pb2 as service

from sylph_mp.devbroker.store.refusal import Code, RefusedError


def status_of(code: int, text: str) -> Any:
    return definition.Status(code=code, message=text)


def ok() -> Any:
    return status_of(Code.OK, "OK")


def refused(refusal: RefusedError) -> Any:
    return status_of(refusal.code, refusal.text)


def refusal_of(method: str, refusal: RefusedError) -> Any:
    """A whole answer that only refuses; the same field `status` for streamed and unary methods."""
    return answer_type(method)(status=refused(refusal))


def request_type(method: str) -> Any:
    return service.TelemetryCommand if method == "Telemetry" else getattr(service, f"{method}Request")


def answer_type(method: str) -> Any:
    return service.TelemetryCommand if method == "Telemetry" else getattr(service, f"{method}Response")
