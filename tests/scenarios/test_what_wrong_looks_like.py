"""Of what goes wrong `sylph status` says in its first lines what, where and what to do, and ends with its code."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from sylph_mp.control.protocol import Quiet
from sylph_mp.control.target import Topic
from tests.brokers.embedded import EmbeddedBroker
from tests.scenarios.real_fleet import RealFleet, send
from tests.scenarios.running_fleet import SYLPH
from tests.scenarios.traces import marked

WORK = """\
if text.startswith("raise"):
        raise ValueError("ledger is closed")
    if text == "sleep":
        time.sleep(60)"""


class Told:
    """What a person sees, off a terminal."""

    def __init__(self, folder: Path, *options: str) -> None:
        done = subprocess.run(
            [*SYLPH, "status", *options], cwd=folder, env=marked(folder), capture_output=True, text=True, check=False
        )
        self.code = done.returncode
        self.first, self.next = [*done.stdout.splitlines(), "", ""][:2]
        self.screen = done.stdout


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker()
    yield broker
    broker.close()


@pytest.fixture
def fleet(folder: Path, broker: EmbeddedBroker) -> Iterator[RealFleet]:
    names = {"topic": broker.topic(), "group": broker.group()}
    settings = {"processes": (2, 2), "threads": 2, "time_limit_s": 3, "buffer": "1 MiB"}
    with RealFleet(folder, endpoint=broker.endpoint, work=WORK, **names, **settings) as fleet:
        fleet.until_running(2)
        yield fleet


def until_told(fleet: RealFleet, first: str, limit_s: float = 20) -> Told:
    """Wait for a first line that looks so."""
    end = time.monotonic() + limit_s
    while not re.fullmatch(first, (told := Told(fleet.folder)).first):
        assert time.monotonic() < end, told.screen
        time.sleep(0.2)
    return told


def test_a_handler_that_fails(fleet: RealFleet) -> None:
    send(fleet.endpoint, fleet.topic, [f"raise-{number}" for number in range(40)])
    told = until_told(fleet, rf"degraded: handle fails \d+ % of {fleet.topic}: ValueError: ledger is closed")
    assert (told.next, told.code) == (f"next: sylph status {fleet.topic}", 1)
    assert re.search(rf"^{fleet.topic} +failing! .* \d+%!", told.screen, re.MULTILINE)


def test_a_consumer_that_stands_still(fleet: RealFleet) -> None:
    stopped = fleet.look().slots[1]
    assert stopped.pid is not None
    psutil.Process(stopped.pid).send_signal(signal.SIGSTOP)
    told = until_told(fleet, r"degraded: slot 2 shows no heartbeat for \d+ s, kill at 15 s")
    assert (told.next, told.code) == ("next: sylph status 2", 1)
    assert re.search(r"^ +2  hung \d+s! .* -  +- ", told.screen, re.MULTILINE)


def test_a_call_beyond_its_limit(fleet: RealFleet) -> None:
    send(fleet.endpoint, fleet.topic, ["sleep"])
    told = until_told(fleet, r"degraded: slot \d thread \d: handle runs \d(\.\d)? s, limit 3 s")
    (slot,) = re.findall(r"slot (\d)", told.first)
    assert (told.next, told.code) == (f"next: sylph recycle {slot}", 1)
    assert re.search(rf"^ +{slot}  stuck! .*\n +thread \d: handle runs ", told.screen, re.MULTILINE)


def test_a_broker_that_is_gone(fleet: RealFleet, broker: EmbeddedBroker) -> None:
    broker.stop_proxy()
    away = rf"broken: broker {re.escape(fleet.endpoint)} away for \d+ s \(connection refused\): no topic runs"
    told = until_told(fleet, away)
    assert (told.next, told.code) == ("next: sylph status --instances", 3)
    assert re.search(r"^default .* away! ", told.screen, re.MULTILINE)


def test_a_topic_that_somebody_made_quiet(fleet: RealFleet) -> None:
    fleet.tell(Quiet(Topic(fleet.topic), "root"))
    told = until_told(fleet, rf"healthy, but {fleet.topic} is quiet since \d\d:\d\d by root")
    assert (told.code, Told(fleet.folder, "--strict").code) == (0, 1)
    assert f"by root; sylph start {fleet.topic}" in told.screen


def test_a_master_that_does_not_answer_and_one_that_is_not_there(fleet: RealFleet) -> None:
    fleet.signal(signal.SIGSTOP)
    told = Told(fleet.folder)
    assert told.first == f"unknown: master {fleet.process.pid} holds sylph.sock but did not answer within 2 s"
    assert (told.next.split("#")[0].rstrip(), told.code) == (f"next: kill -USR1 {fleet.process.pid}", 4)
    fleet.signal(signal.SIGCONT)
    assert fleet.stop() == 0
    told = Told(fleet.folder)
    assert told.first == "no master: nothing listens on sylph.sock here; other place: --socket PATH"
    assert (told.next, told.code) == ("next: sylph run", 2)
