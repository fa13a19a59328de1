"""`make chaos`: a run of chaos on a RocketMQ of its own; prints the seed first and the figures in the end.

    python -m tests.chaos [--minutes 10] [--seed N] [--keep FOLDER]

Ends with 1 if a message was lost, run out of order, or run twice without an excuse, or if the stop was not clean.
"""

import argparse
import random
import signal
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

from tests.brokers.real import OwnBroker
from tests.chaos.figures import figures
from tests.chaos.run import run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--keep", type=Path, help="an empty folder for the ledger and the log, which stay there")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # fleet and broker end with it
    print(f"chaos: --seed {options.seed} --minutes {options.minutes:g}", flush=True)
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sylph-")))
        store = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sylph-rocketmq-")))
        broker = stack.enter_context(closing(OwnBroker(store)))
        result = run(folder, broker, seed=options.seed, minutes=options.minutes)
    print(figures(result))
    return 0 if result.good else 1


if __name__ == "__main__":
    sys.exit(main())
