"""Endpoints that are none are refused where the producers are made, not at the first message."""

import pytest

from sylph_mp.config.schema import Instance
from sylph_mp.errors import UsageError
from sylph_mp.producer import AsyncProducers, Producers
from sylph_mp.producer.producers import instance_of


@pytest.mark.parametrize("makes", [Producers, AsyncProducers])
@pytest.mark.parametrize("text", ["", "localhost", "127.0.0.1:99999", "http://127.0.0.1:8081", "127.0.0.1:8081;"])
def test_what_is_no_host_and_port_is_refused(makes, text):
    with pytest.raises(UsageError, match=r'endpoints: ".*" is no host:port; give "127\.0\.0\.1:8081"'):
        makes(text)


def test_an_instance_is_looked_at_too():
    with pytest.raises(UsageError, match='"localhost" is no host:port'):
        Producers(Instance(name="default", endpoints=("127.0.0.1:8081", "localhost")))


def test_the_embedded_broker_is_one_only_for_the_fleet():
    with pytest.raises(UsageError, match="sylph run"):
        Producers("embedded")


def test_several_may_be_given_with_blanks():
    assert instance_of("127.0.0.1:8081; [::1]:8082").endpoints == ("127.0.0.1:8081", "[::1]:8082")
