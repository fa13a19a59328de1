"""`make demo`: a fleet at work on an embedded broker, seen through `sylph status`, and what became of every message.

One process with one event loop: it starts `sylph run`, sends, looks, stops, and then reads what the handlers noted.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from demo.fleet import Fleet
from demo.load import Load, LoadError, Plan
from demo.report import Verdict, report
from demo.screen import Screen
from demo.tally import Call, read_calls, tally
from sylph_mp.devbroker.launch import Group, Order, Topic, launch

PLANS = (
    Plan(topic="orders", rate=600),
    Plan(topic="receipts", rate=100, groups=20),
    Plan(topic="mails", rate=200),
)
LOAD_S = 15.0
#: After the load the screen shows how the fleet comes to rest.
LOOK_S = 19.0
BOOT_S = 30.0
SETTLE_S = 30.0


class DemoError(Exception):
    """The demo cannot go on; the text says what did not come."""


def broker_order() -> Order:
    return Order(
        topics=tuple(Topic(plan.topic, "FIFO" if plan.groups else "NORMAL") for plan in PLANS),
        groups=(Group("demo"), Group("demo-in-order", fifo=True)),
    )


async def wait_until_running(fleet: Fleet) -> None:
    until = time.monotonic() + BOOT_S
    while time.monotonic() < until and not fleet.ended:
        snapshot = await fleet.snapshot()
        if snapshot and snapshot.master and snapshot.master.state == "running":
            return
        await asyncio.sleep(0.1)
    raise DemoError("the fleet did not start" if fleet.ended else f"the fleet was not ready within {BOOT_S:.0f} s")


async def watch(fleet: Fleet, load: Load, sending: asyncio.Task[None], screen: Screen) -> dict[str, int]:
    """Draw until the time is over and all that was sent is acked, as it should be; returns acked messages by topic."""
    began = time.monotonic()
    while True:
        elapsed = time.monotonic() - began
        snapshot = await fleet.snapshot()
        screen.draw(progress(elapsed, load), snapshot, at=elapsed)
        if sending.done():
            sending.result()
        acked = {topic.topic: topic.acked for topic in snapshot.topics} if snapshot else {}
        settled = sending.done() and acked == load.sent
        if elapsed >= LOOK_S and (settled or elapsed >= LOOK_S + SETTLE_S or fleet.ended):
            return acked
        await asyncio.sleep(began + elapsed + 1.0 - time.monotonic())


def progress(elapsed: float, load: Load) -> str:
    done = min(20, round(20 * elapsed / LOAD_S))
    sent = f"{'█' * done}{'░' * (20 - done)}  {sum(load.sent.values()):,} sent"
    return f"{sent} in {elapsed:.0f} s of {LOAD_S:.0f} s" if elapsed < LOAD_S else f"{sent}, no more comes"


async def play(folder: Path, endpoint: str, screen: Screen) -> Verdict:
    """The whole of it, against a broker that listens."""
    notes = folder / "notes"
    notes.mkdir()
    fleet = Fleet(
        config=Path(__file__).with_name("config.toml"),
        endpoint=endpoint,
        socket=folder / "sylph.sock",
        notes=notes,
        for_terminal=screen.is_terminal,
        show=screen.say,
    )
    load = Load(PLANS, endpoint=endpoint)
    screen.say("$ sylph run --config demo/config.toml")
    await fleet.start()
    try:
        await wait_until_running(fleet)
        screen.say("", f"$ sylph status      # while {sum(plan.rate for plan in PLANS)} messages a second are sent", "")
        acked = await send_and_watch(fleet, load, screen)
    finally:
        screen.keep()
        screen.say("", f"$ kill {fleet.pid}      # SIGTERM: receive no more, finish, settle")
        exit_code = await fleet.stop()
    calls = {plan.topic: read_calls(notes, plan.topic) for plan in PLANS}
    tallies = [tally(topic, calls[topic], sent=sent) for topic, sent in load.sent.items()]
    return report(tallies, acked, seconds=span_s(list(calls.values())), exit_code=exit_code)


async def send_and_watch(fleet: Fleet, load: Load, screen: Screen) -> dict[str, int]:
    sending = asyncio.create_task(load.run(LOAD_S))
    try:
        return await watch(fleet, load, sending, screen)
    finally:
        sending.cancel()


def span_s(calls: Sequence[Sequence[Call]]) -> float:
    """From the first call to the last."""
    times = [call.began_ns for topic in calls for call in topic]
    return (max(times) - min(times)) / 1e9 if times else 0.0


def cancel_on_signal() -> None:
    """The first SIGINT or SIGTERM ends the demo, and the fleet with it by its deadline; more of them change nothing."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, lambda: task.cancelling() or task.cancel())


async def main() -> int:
    screen = Screen()
    cancel_on_signal()
    broker = launch(broker_order())
    screen.say(f"embedded broker on {broker.endpoint}", "")
    try:
        with TemporaryDirectory(prefix="sylph-demo-") as folder:
            verdict = await play(Path(folder), broker.endpoint, screen)
    except (DemoError, LoadError) as error:
        screen.conclude(str(error), good=False)
        return 1
    except asyncio.CancelledError:
        screen.say("", "interrupted")
        return 130
    finally:
        broker.stop()
    screen.say("", *verdict.counts)
    screen.conclude(verdict.sentence, good=verdict.good)
    return 0 if verdict.good else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
