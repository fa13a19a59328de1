"""How fast does the fleet follow its load? A step of load on a real RocketMQ, and what the autoscaler made of it.

    python -m benchmarks.scaling --topic T --group G [--handler sleep|cpu] [--base 30] [--top 500] [--noise 0.3]
                                 [--before 15] [--during 60] [--after 400] [--processes 8] [--threads 8]

Topic and group must exist, the group new to the topic. Handlers sleep 50 ms or compute 20 ms. A line each second: time,
messages sent in it, consumers wanted and running, threads of each, share of them that is busy, share of an interpreter,
wait p99, age of messages when they are received, host CPU. Then the decisions, and how often they turned: a step up and
down is one turn, noise about the same load none, more than one is flapping. Ends with 1 if it flapped, or unless all
messages were settled. The autoscaler shrinks only after five minutes of rest: give --after that and more.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from benchmarks.fleet import Fleet
from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Instance
from sylph_mp.control.autoscale_status import AutoscaleStatus, ScalingStatus
from sylph_mp.control.quantities import duration, share
from sylph_mp.control.status import Snapshot
from sylph_mp.producer.encoding import Encoder
from sylph_mp.producer.outgoing import Limits, Outgoing
from sylph_mp.rocketmq.calls import Calls
from sylph_mp.rocketmq.metadata import new_client_id

APP = """\
import time
from sylph_mp import App

app = App()


@app.handler("{topic}")
def handle(body: bytes) -> None:
    WORK
"""
WORK = {
    "sleep": "time.sleep(0.05)",
    "cpu": "end = time.thread_time() + 0.02\n    while time.thread_time() < end:\n        sum(range(1000))",
}
#: Messages are sent in parts of this time.
STEP_S = 0.1
DRAIN_S = 60.0
#: Of the fleet's size, from growing to shrinking or back.
MOST_TURNS = 1


class Load:
    """Sends at a rate that changes with time."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.sent = 0
        self._options = options
        self._random = random.Random(1)

    def rate(self, at: float) -> float:
        """Messages a second at so many seconds after the begin."""
        o = self._options
        top = o.before <= at < o.before + o.during
        return float(o.top if top else o.base) * max(0.0, self._random.gauss(1.0, o.noise))

    async def run(self, seconds: float) -> None:
        instance = Instance(name="default", endpoints=(self._options.endpoint,), request_timeout_s=20)
        calls = Calls.to(instance, client_id=new_client_id(), clock=SystemClock())
        encoder = Encoder(instance.namespace, Limits())
        began, due = time.monotonic(), 0.0
        try:
            while (at := time.monotonic() - began) < seconds:
                due += self.rate(at) * STEP_S
                count = int(due) - self.sent
                if count:
                    made = (Outgoing(topic=self._options.topic, payload=b"." * 200) for _ in range(count))
                    await calls.send(b"".join(encoder.encode(each, time.time()).part for each in made))
                    self.sent += count
                await asyncio.sleep(max(0.0, STEP_S - (time.monotonic() - began - at)))
        finally:
            calls.close()


def line(at: float, sent: int, scaled: AutoscaleStatus) -> str:
    figures = defaultdict(lambda: None, {signal.signal: signal.value for signal in scaled.signals})
    cells = (
        f"{at:6.1f}",
        f"{sent:5}",
        f"{scaled.wanted:6}",
        f"{scaled.running:7}",
        f"{scaled.threads:7}",
        f"{share(figures['threads busy']):>5}",
        f"{share(figures['interpreter']):>5}",
        f"{duration(figures['wait p99']):>6}",
        f"{duration(figures['age at receipt']):>6}",
        f"{share(figures['host CPU']):>5}",
    )
    return " ".join(cells)


async def watch(fleet: Fleet, load: Load, began: float) -> None:
    """A line each second, until cancelled."""
    print("  time  sent wanted running threads  busy  intp   wait    age  host")
    before = 0
    while True:
        seen = await asyncio.to_thread(fleet.look)
        if seen is not None and seen.autoscale is not None:
            print(line(time.monotonic() - began, load.sent - before, seen.autoscale), flush=True)
        before = load.sent
        await asyncio.sleep(1.0)


async def measure(fleet: Fleet, options: argparse.Namespace) -> int:
    """Messages sent."""
    load, began = Load(options), time.monotonic()
    watching = asyncio.create_task(watch(fleet, load, began))
    await load.run(options.before + options.during + options.after)
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    return load.sent


def settled(fleet: Fleet) -> Iterator[Snapshot]:
    end = time.monotonic() + DRAIN_S
    while time.monotonic() < end:
        if (seen := fleet.look()) is not None:
            yield seen
        time.sleep(0.2)


def run(options: argparse.Namespace, folder: Path) -> int:
    with Fleet(
        folder,
        app=APP.replace("WORK", WORK[options.handler]),
        endpoint=options.endpoint,
        topic=options.topic,
        group=options.group,
        processes=f"{{ min = 1, max = {options.processes} }}",
        threads=options.threads,
        shards=options.shards,
    ) as fleet:
        fleet.until_running()
        sent = asyncio.run(measure(fleet, options))
        last = next((seen for seen in settled(fleet) if seen.topics[0].acked >= sent), fleet.look())
        code = fleet.stop()
    if last is None or last.autoscale is None:
        print("no answer at the end")
        return 1
    history = last.autoscale.history
    for change in reversed(history):
        sizes = f"{change.consumers_before} to {change.consumers_after} x {change.threads_after}"
        print(f"{change.at}  {sizes}  {change.why}")
    turned = turns(history)
    settled_all = last.topics[0].acked == sent
    print(f"{sent:,} sent, {last.topics[0].acked:,} settled; {turned} turns; sylph run ended with {code}")
    return int(not settled_all or turned > MOST_TURNS or code != 0)


def turns(history: Sequence[ScalingStatus]) -> int:
    """How often growing became shrinking or the other way round; `history` has the newest first."""
    sizes = [
        (change.consumers_before * change.threads_before, change.consumers_after * change.threads_after)
        for change in reversed(history)
    ]
    grows = [after > before for before, after in sizes if after != before]
    return sum(before != after for before, after in pairwise(grows))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", default="127.0.0.1:8081")
    parser.add_argument("--topic", required=True)
    parser.add_argument("--group", required=True)
    parser.add_argument("--handler", choices=WORK, default="sleep")
    parser.add_argument("--base", type=float, default=30)
    parser.add_argument("--top", type=float, default=500)
    parser.add_argument("--noise", type=float, default=0.0)
    parser.add_argument("--before", type=float, default=15)
    parser.add_argument("--during", type=float, default=60)
    parser.add_argument("--after", type=float, default=400)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--threads", default="8", help='a number, or "{ min = 8, max = 64 }"')
    parser.add_argument("--shards", type=int, default=8)
    with tempfile.TemporaryDirectory(prefix="sylph-scaling-") as folder:
        return run(parser.parse_args(), Path(folder))


if __name__ == "__main__":
    sys.exit(main())
