"""A transaction whose sender dies between half message and commit is ended by the checker in the app of a fleet."""

import asyncio
import time

import pytest

from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Instance
from sylph_mp.producer.encoding import Encoder
from sylph_mp.producer.outgoing import Limits, Outgoing
from sylph_mp.rocketmq.publishing_session import PublishingSession
from tests.scenarios.real_fleet import RealFleet

CHECKER = """

from sylph_mp import Message, Resolution


@app.transaction_checker("{topic}")
def check(message: Message) -> Resolution:
    text = message.body.rstrip(b".").decode()
    os.write(asked, f"{{text}}\\n".encode())
    if text == "unsure":
        raise ValueError("the ledger is closed")
    return Resolution.COMMIT if text == "charged" else Resolution.ROLLBACK


asked = os.open(f"{folder}/asked", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
"""


class CheckingFleet(RealFleet):
    def start(self) -> None:
        with (self.folder / "app.py").open("a") as file:
            file.write(CHECKER.format(topic=self.topic, folder=self.folder))
        super().start()

    def asked(self) -> set[str]:
        path = self.folder / "asked"
        return set(path.read_text().split()) if path.exists() else set()


async def send_halves(endpoint: str, topic: str, texts: list[str]) -> None:
    """And never say what becomes of them."""
    session = PublishingSession(
        instance=Instance(name="default", endpoints=(endpoint,)), topic=topic, clock=SystemClock()
    )
    await session.start()
    encoder = Encoder("", Limits())
    for text in texts:
        half = encoder.encode(Outgoing(topic=topic, payload=text.encode()), time.time(), transaction=True)
        await session.send(half.part)
    await session.stop()


@pytest.mark.timeout(150, func_only=True)
def test_a_transaction_that_nobody_ends(broker, folder):
    topic, group = broker.topic("TRANSACTION"), broker.group()
    with CheckingFleet(folder, endpoint=broker.endpoint, topic=topic, group=group, processes=(1, 1)) as fleet:
        fleet.until_running(1)
        asyncio.run(send_halves(broker.endpoint, topic, ["charged", "refused", "unsure"]))
        fleet.until_handled(1, limit_s=120)
        fleet.until(lambda: fleet.asked() == {"charged", "refused", "unsure"}, limit_s=60)
        assert fleet.stop() == 0
        assert fleet.times_handled() == {"charged": 1}
