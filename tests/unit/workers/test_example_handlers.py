"""The example handlers are ordinary functions: called here as in a test of one's own."""

import asyncio
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from sylph_mp import App, DeadLetter, Message, Retry
from sylph_mp.config.load import load
from sylph_mp.testing.fake_context import FakeContext
from workers import measurements, ordered, orders, pipeline, webhooks

ROOT = Path(__file__).parents[3]


def message(group: str, body: bytes) -> Message:
    return Message(id="1", topic="order-changes", body=body, group=group)


@pytest.mark.parametrize(
    ("file", "app"),
    [
        ("config.toml", orders.app),
        ("workers/ordered.toml", ordered.app),
        ("workers/webhooks.toml", webhooks.app),
        ("workers/measurements.toml", measurements.app),
        ("workers/pipeline.toml", pipeline.app),
    ],
)
def test_each_example_fits_its_configuration(file: str, app: App) -> None:
    config = load(ROOT / file, environ={}, overrides={})
    assert set(config.topics) == set(app.handlers)
    assert config.warnings == ()


def test_an_order_is_charged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert orders.charge(orders.Order("7", 1250), FakeContext()) is None
    assert caplog.messages == ["charged 7: 12.50"]


def test_an_order_that_can_never_be_charged_is_a_dead_letter() -> None:
    assert isinstance(orders.charge(orders.Order("7", 0), FakeContext()), DeadLetter)


def test_a_large_order_is_charged_at_the_second_attempt() -> None:
    order = orders.Order("7", orders.MAX_CHARGE + 1)
    first = orders.charge(order, FakeContext())
    assert isinstance(first, Retry)
    assert first.after_s == 30
    assert orders.charge(order, FakeContext(attempt=2)) is None


def test_changes_of_one_order_follow_each_other() -> None:
    ordered.follow(message("a", b'{"step": "placed"}'))
    ordered.follow(message("b", b'{"step": "placed"}'))
    ordered.follow(message("a", b'{"step": "paid"}'))
    assert ordered.ledger.advance("a", "sent") == "paid"
    assert ordered.ledger.advance("b", "paid") == "placed"


class TestWebhooks:
    @staticmethod
    def _called(answer: bytes) -> tuple[object, bytes]:
        """What the handler returns when its webhook answers so, and what the webhook got."""

        async def run() -> tuple[object, bytes]:
            got = asyncio.get_running_loop().create_future()

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                got.set_result(await reader.readuntil(b"hello"))
                writer.write(answer)
                writer.close()

            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            async with server:
                port = server.sockets[0].getsockname()[1]
                webhook = webhooks.Webhook(f"http://127.0.0.1:{port}/hook", "hello")
                return await webhooks.call(webhook, FakeContext()), await got

        return asyncio.run(run())

    def test_a_text_is_posted(self) -> None:
        outcome, request = self._called(b"HTTP/1.1 204 No Content\r\n\r\n")
        assert outcome is None
        assert request.startswith(b"POST /hook HTTP/1.1\r\n")

    def test_a_server_in_trouble_is_tried_again(self) -> None:
        outcome, _ = self._called(b"HTTP/1.1 503 Busy\r\n\r\n")
        assert isinstance(outcome, Retry)

    def test_an_address_that_is_none_is_a_dead_letter(self) -> None:
        outcome = asyncio.run(webhooks.call(webhooks.Webhook("ftp://x", ""), FakeContext()))
        assert isinstance(outcome, DeadLetter)


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    monkeypatch.setenv("MEASUREMENTS_DATABASE", str(tmp_path / "m.db"))
    measurements.make_table()
    connection = sqlite3.connect(tmp_path / "m.db")
    yield connection
    connection.close()


def test_a_measurement_that_comes_twice_is_stored_once(database: sqlite3.Connection) -> None:
    batch = [measurements.Measurement("1", "roof", 3.5), measurements.Measurement("2", "cellar", 9.0)]
    measurements.store(batch)
    measurements.store(batch[:1])
    assert database.execute("SELECT * FROM measurement").fetchall() == [("1", "roof", 3.5), ("2", "cellar", 9.0)]


def test_an_order_becomes_a_receipt() -> None:
    ctx = FakeContext()
    pipeline.charge(pipeline.Order("17", 1250), ctx)
    assert ctx.sent == [("receipts", pipeline.Receipt("17", "12.50"), {"keys": ["17"]})]
