"""What a message sets off is one trace: from what sent it over its handler to the handler of what that sends."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry import trace

from sylph_mp.producer import Producers
from tests.scenarios.running_fleet import RunningFleet
from tests.unit.spans import Spans

CONFIG = """\
app = "app:app"
[instances.default]
endpoints = "{endpoint}"
[consumers]
group = "{group}"
processes = {{ min = 2, max = 2 }}
threads = 2
[topics.{orders}]
shards = 2
[topics.{receipts}]
shards = 2
"""

#: The exporters of a program are its own: this one writes a line for each span.
APP = """\
import os
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from sylph_mp import App, Context

app = App()


@app.on_start
def trace_calls() -> None:
    file = open(f"{folder}/spans-{{os.getpid()}}", "a", buffering=1)
    exporter = ConsoleSpanExporter(out=file, formatter=lambda span: span.to_json(indent=None) + "\\n")
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


@app.handler("{orders}")
def charge(body: bytes, ctx: Context) -> None:
    with trace.get_tracer("shop").start_as_current_span("ledger"):
        ctx.send("{receipts}", body)


@app.handler("{receipts}")
async def receive(body: bytes) -> None:
    pass
"""


@pytest.fixture
def spans(monkeypatch) -> Iterator[Spans]:
    """This program traces."""
    spans = Spans()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: spans.provider)
    return spans


def written(folder: Path) -> dict[str, dict]:
    lines = [line for path in folder.glob("spans-*") for line in path.read_text().splitlines(keepends=True)]
    return {span["name"]: span for span in map(json.loads, (line for line in lines if line.endswith("\n")))}


def test_one_trace(embedded, folder, spans):
    orders, receipts = embedded.topic(), embedded.topic()
    names = {"orders": orders, "receipts": receipts, "group": embedded.group(), "folder": folder}
    (folder / "config.toml").write_text(CONFIG.format(endpoint=embedded.endpoint, **names))
    (folder / "app.py").write_text(APP.format(**names))
    with RunningFleet(folder) as fleet:
        fleet.until_running(2)
        with (
            Producers(embedded.endpoint) as producers,
            spans.tracer.start_as_current_span("checkout") as checkout,
        ):
            producers.normal(orders).send(b"order 17")
        first, second = f"process {orders}", f"process {receipts}"
        fleet.until(lambda: {first, second} <= written(folder).keys())
        assert fleet.stop() == 0
    seen = written(folder)
    own = checkout.get_span_context()
    trace_id, span_id = f"0x{own.trace_id:032x}", f"0x{own.span_id:016x}"
    assert {span["context"]["trace_id"] for span in seen.values()} == {trace_id}
    parents = {name: span["parent_id"] for name, span in seen.items()}
    assert parents == {
        first: span_id,
        "ledger": seen[first]["context"]["span_id"],
        second: seen["ledger"]["context"]["span_id"],
    }
    assert seen[second]["kind"] == "SpanKind.CONSUMER"
