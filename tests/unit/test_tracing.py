"""A process traces if its program has set a tracer provider, and in no other case."""

import sys

import pytest
from opentelemetry import trace

from sylph_mp.producer.encoding import Encoder
from sylph_mp.producer.new_encoder import new_encoder
from sylph_mp.tracing import traces
from tests.unit.spans import Spans


def test_a_program_with_a_provider_traces(monkeypatch):
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: Spans().provider)
    assert traces()
    assert type(new_encoder("")) is not Encoder


@pytest.mark.parametrize("provider", [trace.ProxyTracerProvider(), trace.NoOpTracerProvider()])
def test_one_without_does_not(monkeypatch, provider):
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    assert not traces()
    assert type(new_encoder("")) is Encoder


def test_nor_one_where_it_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    assert not traces()
    assert type(new_encoder("")) is Encoder
