"""The settings a session announces over telemetry, and why a server may refuse them. Pure."""

import platform
import socket
from collections.abc import Mapping

from rocketmq.grpc_protocol import definition_pb2
from rocketmq.v5.util.version import SDK_VERSION

from sylph_mp.config.schema import Instance
from sylph_mp.errors import BrokerError, GrpcError, SettingsError, StatusError
from sylph_mp.rocketmq import grpc_framing
from sylph_mp.rocketmq.calls import POLL_S, duration
from sylph_mp.rocketmq.endpoints import Addresses, to_protobuf
from sylph_mp.rocketmq.status import Code
from sylph_mp.rocketmq.subscription import Filter

#: Settings that are not answered by then are taken as refused.
ANSWER_S = 5.0


def settings_of(
    instance: Instance, group: str, subscriptions: Mapping[str, Filter], *, addresses: Addresses
) -> definition_pb2.Settings:
    """A simple consumer of `group`: it receives and acks on its own, the server pushes nothing."""
    settings = definition_pb2.Settings(
        client_type=definition_pb2.SIMPLE_CONSUMER,
        access_point=to_protobuf(addresses),
        request_timeout=duration(instance.request_timeout_s),
        user_agent=definition_pb2.UA(
            language=definition_pb2.PYTHON,
            version=SDK_VERSION,
            platform=platform.platform(),
            hostname=socket.gethostname(),
        ),
    )
    subscription = settings.subscription
    subscription.group.CopyFrom(definition_pb2.Resource(resource_namespace=instance.namespace, name=group))
    subscription.long_polling_timeout.CopyFrom(duration(POLL_S))
    for topic, wanted in subscriptions.items():
        subscription.subscriptions.add(
            topic=definition_pb2.Resource(resource_namespace=instance.namespace, name=topic),
            expression=wanted.to_protobuf(),
        )
    return settings


def is_group_missing(error: BrokerError) -> bool:
    """5.5.0 answers telemetry with gRPC status 3 and `group not found: NAME`."""
    if isinstance(error, StatusError):
        return error.code == int(Code.CONSUMER_GROUP_NOT_FOUND)
    if isinstance(error, GrpcError):
        return error.status == grpc_framing.INVALID_ARGUMENT and "group not found" in error.message
    return False


def is_access_refused(error: BrokerError) -> bool:
    if isinstance(error, StatusError):
        return error.code in {Code.UNAUTHORIZED, Code.FORBIDDEN}
    if isinstance(error, GrpcError):
        return error.status in {grpc_framing.PERMISSION_DENIED, grpc_framing.UNAUTHENTICATED}
    return False


def explain_refusal(error: BrokerError, group: str, namespace: str) -> BrokerError:
    """What to raise for an error that ended telemetry before the settings were accepted."""
    if is_group_missing(error):
        return SettingsError(f"consumer group {group} does not exist; {_remedy(group, namespace)}")
    if isinstance(error, GrpcError | StatusError) and not is_access_refused(error):
        return SettingsError(f"settings of consumer group {group} were refused: {error}")
    return error


def explain_silence(group: str, namespace: str) -> SettingsError:
    return SettingsError(
        f"settings of consumer group {group} were not answered in {ANSWER_S:g} s; "
        f"most often the group does not exist, then {_remedy(group, namespace)}"
    )


def _remedy(group: str, namespace: str) -> str:
    name = f"{namespace}%{group}" if namespace else group
    return (
        f"make it with: mqadmin updateSubGroup -n NAMESRV:9876 -c CLUSTER -g {name} -r 16"
        " (and -o true if its topics are FIFO)"
    )
