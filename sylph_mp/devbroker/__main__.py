"""`python -m sylph_mp.devbroker`: the other side of `launch`, a broker that lives as long as its standard input.

It is the main thread of a process of its own.
"""

import asyncio
import sys

import msgspec

from sylph_mp.devbroker.order import Listening, Order
from sylph_mp.devbroker.process import run
from sylph_mp.errors import ResourceError


def main() -> None:
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
    try:
        run(order, until=_end_of_input, listening=_announce)
    except ResourceError as error:
        sys.exit(str(error))


def _end_of_input(stop: asyncio.Event) -> None:
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), stop.set)


def _announce(endpoint: str) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(Listening(endpoint)) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
