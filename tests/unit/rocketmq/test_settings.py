import pytest
from rocketmq.grpc_protocol import definition_pb2

from sylph_mp.config.schema import Instance
from sylph_mp.errors import GrpcError, SettingsError, StatusError, TransportError
from sylph_mp.rocketmq.endpoints import Address
from sylph_mp.rocketmq.settings import explain_refusal, explain_silence, publishing_settings_of, settings_of
from sylph_mp.rocketmq.subscription import Filter

COMMAND = "mqadmin updateSubGroup -n NAMESRV:9876 -c CLUSTER -g orders-service -r 16"


def consumer(namespace=""):
    instance = Instance(name="default", endpoints=(), namespace=namespace)
    return settings_of(instance, "orders-service", {}, addresses=(Address("127.0.0.1", 8081),))


def producer():
    return publishing_settings_of(
        Instance(name="default", endpoints=(), namespace="prod"), "orders", addresses=(Address("127.0.0.1", 8081),)
    )


def test_a_producers_settings_name_its_topic_in_the_namespace():
    settings = producer()
    assert settings.client_type == definition_pb2.PRODUCER
    assert [(topic.resource_namespace, topic.name) for topic in settings.publishing.topics] == [("prod", "orders")]
    assert "producer of topic orders" in str(explain_silence(settings))
    assert "producer of topic orders were refused" in str(explain_refusal(GrpcError(2, "?"), settings))


def test_settings_name_group_topics_and_filters_in_the_namespace():
    settings = settings_of(
        Instance(name="default", endpoints=(), namespace="prod"),
        "orders-service",
        {"orders": Filter("a || b"), "refunds": Filter("amount > 5", sql=True)},
        addresses=(Address("127.0.0.1", 8081),),
    )
    subscription = settings.subscription
    assert settings.client_type == definition_pb2.SIMPLE_CONSUMER
    assert (subscription.group.resource_namespace, subscription.group.name) == ("prod", "orders-service")
    assert [
        (entry.topic.name, entry.expression.type, entry.expression.expression) for entry in subscription.subscriptions
    ] == [
        ("orders", definition_pb2.TAG, "a || b"),
        ("refunds", definition_pb2.SQL, "amount > 5"),
    ]


@pytest.mark.parametrize(
    "error",
    [
        GrpcError(3, "process client telemetryCommand failed. group not found: orders-service"),
        StatusError(40403, "no such group"),
    ],
)
def test_a_group_that_is_missing_comes_with_the_command_that_makes_it(error):
    explained = explain_refusal(error, consumer())
    assert isinstance(explained, SettingsError)
    assert "does not exist" in str(explained)
    assert COMMAND in str(explained)
    assert "-o true" in str(explained)


def test_silence_is_explained_by_the_most_likely():
    assert COMMAND in str(explain_silence(consumer()))
    assert "-g prod%orders-service" in str(explain_silence(consumer("prod")))


@pytest.mark.parametrize(
    "error", [TransportError("connection refused"), GrpcError(16, "who?"), StatusError(40300, "no")]
)
def test_no_answer_and_no_access_are_told_as_they_are(error):
    assert explain_refusal(error, consumer()) is error
