from sylph_mp.config.schema import Instance
from sylph_mp.rocketmq.metadata import Metadata, new_client_id


class Hands:
    """A clock whose wall time the test sets."""

    now = 100.0

    def monotonic(self):
        return self.now

    def time(self):
        return self.now


def lines_of(clock=None, **instance):
    made = Instance(name="default", endpoints=("127.0.0.1:8081",), **instance)
    return Metadata(made, client_id="host@1@0@x", clock=clock or Hands())


def test_a_call_says_who_calls():
    lines = lines_of(namespace="prod").lines()
    for line in (
        "content-type: application/grpc",
        "te: trailers",
        "x-mq-client-id: host@1@0@x",
        "x-mq-namespace: prod",
    ):
        assert line in lines


def test_nothing_is_signed_without_an_access_key():
    assert not any(line.startswith("authorization") for line in lines_of().lines())


def test_an_access_key_signs():
    (authorization,) = [
        line for line in lines_of(access_key="ak", secret_key="sk").lines() if line.startswith("authorization")
    ]
    assert authorization.startswith("authorization: MQv2-HMAC-SHA1 Credential=ak, SignedHeaders=x-mq-date-time, ")
    assert "sk" not in authorization.partition("Credential=")[2].partition(",")[0]


def test_signing_is_done_once_a_second():
    clock = Hands()
    metadata = lines_of(clock)
    first = metadata.lines()
    clock.now = 100.9
    assert metadata.lines() is first
    clock.now = 101.0
    assert metadata.lines() is not first


def test_client_ids_are_unique():
    assert len({new_client_id() for _ in range(100)}) == 100
