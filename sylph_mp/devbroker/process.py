"""The broker's process: serves an `Order` until it is told to stop.

One loop thread, on uvloop; gRPC has threads of its own.
"""

import asyncio
from collections.abc import Callable

import uvloop

from sylph_mp.devbroker.order import Order
from sylph_mp.devbroker.server import Server
from sylph_mp.devbroker.store.record import Kind


def run(order: Order, *, until: Callable[[asyncio.Event], None], listening: Callable[[str], None]) -> None:
    """Serve. `listening` is told the endpoint; `until` gets an event on the loop and sets it to end the broker.

    Raises ResourceError if the port is taken.
    """
    uvloop.run(_serve(order, until, listening))


async def _serve(order: Order, until: Callable[[asyncio.Event], None], listening: Callable[[str], None]) -> None:
    server = Server(host=order.host, port=order.port, memory_bytes=order.memory_bytes)
    for topic in order.topics:
        server.broker.create_topic(topic.name, Kind[topic.type], topic.queues)
    for group in order.groups:
        server.broker.create_group(group.name, fifo=group.fifo, max_attempts=group.max_attempts)
    stop = asyncio.Event()
    until(stop)
    await server.start()
    listening(server.endpoint)
    await stop.wait()
    await server.stop()
