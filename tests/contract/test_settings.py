"""What the server says about a group and a producer, on which the client's behaviour depends."""

from rocketmq.grpc_protocol import definition_pb2 as d
from rocketmq.grpc_protocol import service_pb2 as s

from tests.contract.client import Client


def test_settings_of_a_consumer_tell_order_attempts_and_batch(broker, client):
    topic, group = broker.topic("FIFO"), broker.group(fifo=True, attempts=3)
    settings = client.subscribe(group, topic)
    assert settings.subscription.fifo
    assert settings.subscription.receive_batch_size == 32
    assert settings.subscription.long_polling_timeout.seconds == 20
    assert settings.backoff_policy.max_attempts == 3
    assert settings.subscription.group.name == group


def test_settings_of_a_producer_tell_the_size_limit(broker, client):
    stream = client.telemetry()
    settings = d.Settings(client_type=d.PRODUCER)
    settings.publishing.topics.add(name=broker.topic())
    stream.write(settings)
    answered = stream.next("settings").settings
    assert answered.publishing.max_body_size == 4 << 20
    assert answered.publishing.validate_message_type


def test_settings_outlive_their_stream(broker):
    topic, group = broker.topic(), broker.group()
    client = Client(broker.endpoint)
    client.subscribe(group, topic)
    client.close()
    again = Client(broker.endpoint, client_id=client.id)
    assert again.heartbeat(group).status.code == d.OK
    again.close()


def test_a_fifo_group_is_assigned_each_queue_and_another_one_all_at_once(broker, client):
    topic = broker.topic("FIFO", queues=3)
    for group, numbers in [(broker.group(fifo=True), [0, 1, 2]), (broker.group(), [-1])]:
        request = s.QueryAssignmentRequest(topic=d.Resource(name=topic), group=d.Resource(name=group))
        request.endpoints.scheme = d.IPv4
        request.endpoints.addresses.add(host="127.0.0.1", port=8081)
        answer = client.call("QueryAssignment", request)
        assert [assignment.message_queue.id for assignment in answer.assignments] == numbers
