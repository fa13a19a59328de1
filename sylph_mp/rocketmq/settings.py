"""The settings a session announces over telemetry, and why a server may refuse them. Pure."""

import platform
import socket
from collections.abc import Mapping

from rocketmq.grpc_protocol import definition_pb2

from sylph_mp.config.schema import Instance
from sylph_mp.errors import BrokerError, GrpcError, SettingsError, StatusError
from sylph_mp.ports import POLL_S
from sylph_mp.rocketmq import grpc_framing
from sylph_mp.rocketmq.calls import duration
from sylph_mp.rocketmq.endpoints import Addresses, to_protobuf
from sylph_mp.rocketmq.metadata import SDK_VERSION
from sylph_mp.rocketmq.status import Code
from sylph_mp.rocketmq.subscription import Filter

#: Settings that are not answered by then are taken as refused.
ANSWER_S = 5.0


def settings_of(
    instance: Instance, group: str, subscriptions: Mapping[str, Filter], *, addresses: Addresses
) -> definition_pb2.Settings:
    """A simple consumer of `group`: it receives and acks on its own, the server pushes nothing."""
    settings = _of_anybody(definition_pb2.SIMPLE_CONSUMER, instance, addresses)
    subscription = settings.subscription
    subscription.group.CopyFrom(definition_pb2.Resource(resource_namespace=instance.namespace, name=group))
    subscription.long_polling_timeout.CopyFrom(duration(POLL_S))
    for topic, wanted in subscriptions.items():
        subscription.subscriptions.add(
            topic=definition_pb2.Resource(resource_namespace=instance.namespace, name=topic),
            expression=wanted.to_protobuf(),
        )
    return settings


def publishing_settings_of(instance: Instance, topic: str, *, addresses: Addresses) -> definition_pb2.Settings:
    """A producer of one topic; it may be asked about open transactions of that topic."""
    settings = _of_anybody(definition_pb2.PRODUCER, instance, addresses)
    settings.publishing.topics.add(resource_namespace=instance.namespace, name=topic)
    settings.publishing.validate_message_type = True
    return settings


def _of_anybody(client_type: int, instance: Instance, addresses: Addresses) -> definition_pb2.Settings:
    return definition_pb2.Settings(
        client_type=client_type,
        access_point=to_protobuf(addresses),
        request_timeout=duration(instance.request_timeout_s),
        user_agent=definition_pb2.UA(
            language=definition_pb2.PYTHON,
            version=SDK_VERSION,
            platform=platform.platform(),
            hostname=socket.gethostname(),
        ),
    )


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


def explain_refusal(error: BrokerError, settings: definition_pb2.Settings) -> BrokerError:
    """What to raise for an error that ended telemetry before the settings were accepted."""
    if is_group_missing(error):
        return SettingsError(f"{_client_of(settings)} does not exist; {_remedy(settings)}")
    if isinstance(error, GrpcError | StatusError) and not is_access_refused(error):
        return SettingsError(f"settings of {_client_of(settings)} were refused: {error}")
    return error


def explain_silence(settings: definition_pb2.Settings) -> SettingsError:
    silence = f"settings of {_client_of(settings)} were not answered in {ANSWER_S:g} s"
    if settings.HasField("publishing"):
        return SettingsError(silence)
    return SettingsError(f"{silence}; most often the group does not exist, then {_remedy(settings)}")


def _client_of(settings: definition_pb2.Settings) -> str:
    if settings.HasField("publishing"):
        return f"a producer of topic {settings.publishing.topics[0].name}"
    return f"consumer group {settings.subscription.group.name}"


def _remedy(settings: definition_pb2.Settings) -> str:
    group = settings.subscription.group
    name = f"{group.resource_namespace}%{group.name}" if group.resource_namespace else group.name
    return (
        f"make it with: mqadmin updateSubGroup -n NAMESRV:9876 -c CLUSTER -g {name} -r 16"
        " (and -o true if its topics are FIFO)"
    )
