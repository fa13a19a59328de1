"""`sylph devbroker`: an embedded broker in the foreground, to develop against.

The main thread of a process of its own.
"""

import asyncio
import signal
from typing import get_args

import click

from sylph_mp.devbroker.order import Group, Order, Topic, TopicType
from sylph_mp.errors import UsageError

TYPES: tuple[TopicType, ...] = get_args(TopicType)


@click.command("devbroker")
@click.option("--topic", "topics", multiple=True, metavar="NAME[:TYPE[:QUEUES]]", help="May be repeated.")
@click.option("--group", "groups", multiple=True, metavar="NAME[:fifo]", help="May be repeated.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8081, show_default=True, help="0: any that is free.")
@click.option("--memory", default=256, show_default=True, metavar="MIB", help="Sends beyond it are refused.")
def command(topics: tuple[str, ...], groups: tuple[str, ...], host: str, port: int, memory: int) -> None:
    """Run a broker in memory that speaks RocketMQ 5's protocol, until Ctrl-C.

    What it stores is gone when it ends. TYPE is NORMAL, FIFO, DELAY or TRANSACTION.
    """
    order = Order(
        topics=tuple(_topic(text) for text in topics),
        groups=tuple(_group(text) for text in groups),
        host=host,
        port=port,
        memory_bytes=memory << 20,
    )
    # gRPC and the protocol take a third of a second to import: not before the arguments are known to be good.
    from sylph_mp.devbroker.process import run  # noqa: PLC0415  see above

    def announce(endpoint: str) -> None:
        names = ", ".join(topic.name for topic in order.topics) or "none"
        click.echo(f"embedded broker on {endpoint}: topics {names}")

    run(order, until=_first_signal, listening=announce)


def _first_signal(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)


def _topic(text: str) -> Topic:
    name, _, rest = text.partition(":")
    word, _, queues = rest.partition(":")
    kind = next((kind for kind in TYPES if kind == (word.upper() or "NORMAL")), None)
    if not name or kind is None or not (queues or "8").isdigit() or queues == "0":
        raise UsageError(
            f"--topic {text}: NAME, NAME:TYPE or NAME:TYPE:QUEUES is due; TYPE is one of {', '.join(TYPES)}"
        )
    return Topic(name, kind, int(queues or "8"))


def _group(text: str) -> Group:
    name, _, rest = text.partition(":")
    if not name or rest not in ("", "fifo"):
        raise UsageError(f"--group {text}: NAME or NAME:fifo is due")
    return Group(name, fifo=rest == "fifo")
