"""Is anything lost, handled twice or out of order while a fleet is scaled 1, 8, 1 again and again under load?

    python -m benchmarks.up_and_down [--times 10] [--most 8] [--per-second 200]

On a RocketMQ of its own, a normal topic and then one in order. Prints how long each change took until all wanted
consumers ran and the others were gone; ends with an error unless each message was handled once, in its group's order.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.question import own_broker
from sylph_mp.control.protocol import Scale
from tests.brokers.real import RealBroker
from tests.scenarios.real_fleet import Handled, RealFleet, assert_each_once, assert_ordered, flow, group_of

GROUPS = 40
#: A change takes less; what is sent lasts for all of them.
CHANGE_S = 8.0
BETWEEN_S = 1.0


def run(broker: RealBroker, kind: str, options: argparse.Namespace, folder: Path) -> None:
    topic, group = broker.topic(kind, 8), broker.group(fifo=kind == "FIFO")
    count = int(options.per_second * options.times * 2 * (CHANGE_S + BETWEEN_S))
    texts = [f"g{number % GROUPS}-{number // GROUPS}" for number in range(count)]
    with RealFleet(
        folder,
        endpoint=broker.endpoint,
        topic=topic,
        group=group,
        processes=(1, options.most),
        threads=4,
        shards=8,
        work="time.sleep(0.005)",
    ) as fleet:
        fleet.until_running(1, 60)
        with flow(
            broker.endpoint, topic, texts, per_s=options.per_second, group_of=group_of if kind == "FIFO" else None
        ):
            for number in range(2 * options.times):
                wanted = 1 if number % 2 else options.most
                began = time.monotonic()
                fleet.tell(Scale(wanted=wanted))
                fleet.until_running(wanted, 60)
                print(f"{kind}: {wanted} after {time.monotonic() - began:.1f} s", flush=True)
                time.sleep(max(BETWEEN_S, began + CHANGE_S - time.monotonic()))
        fleet.until_handled(len(texts), 120)
        code = fleet.stop(60)
    tell_twice(fleet)
    assert code == 0, f"sylph run ended with {code}"
    assert_each_once(fleet.times_handled(), texts)
    if kind == "FIFO":
        assert_ordered(fleet.ledger(), group_of)
    print(f"{kind}: {len(texts):,} messages handled, each once{', in order' if kind == 'FIFO' else ''}", flush=True)


def tell_twice(fleet: RealFleet) -> None:
    """Where and when each message ran that ran more than once, and what the fleet warned of."""
    calls: dict[str, list[Handled]] = {}
    for handled in fleet.ledger():
        calls.setdefault(handled.text, []).append(handled)
    twice = {text: runs for text, runs in calls.items() if len(runs) > 1}
    for text, runs in twice.items():
        print(text, *(f"in {run.pid} from {run.began:.3f} to {run.ended:.3f}" for run in runs), sep="  ")
    if twice:
        print("".join(line for line in fleet.log.open() if " INFO " not in line), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--most", type=int, default=8)
    parser.add_argument("--per-second", type=int, default=200)
    options = parser.parse_args()
    with own_broker() as broker:
        for kind in ("NORMAL", "FIFO"):
            with tempfile.TemporaryDirectory(prefix="sylph-") as folder:
                run(broker, kind, options, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
