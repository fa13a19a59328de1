"""What does sending cost? `send_many` and `send` of the library beside the official client's `send` and `send_async`.

    python -m benchmarks.produce [--messages 100000] [--size 1024] [--profile]

All run in this process, one after the other, in each round: a host's noise hits all of them. How long a single `send`
takes is measured with both in turn, 50 at a time: else one pause of the broker would decide whose p99 is the better.
CPU is that of the whole process. `--profile` says where the CPU time of `send_many` goes, in encoding and in the loop
thread, and measures nothing else. Ends with an error if a message was not stored.
"""

import asyncio
import cProfile
import os
import pstats
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import uvloop

from benchmarks import question
from benchmarks.answer import Rounds
from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Producers as Settings
from sylph_mp.lifecycle import Deadline
from sylph_mp.producer import Producers
from sylph_mp.producer.encoding import Encoded, Encoder
from sylph_mp.producer.outgoing import Limits, Outgoing
from sylph_mp.producer.outlet import Receipt
from sylph_mp.producer.producers import instance_of
from sylph_mp.producer.publisher import Publisher
from tests.brokers.real import RealBroker

#: Messages of one `send_many`.
CALL = 10_000
MANY, SINGLE = "many at once", "one after the other"
OURS_MANY, OURS = "sylph-mp send_many", "sylph-mp send"
OFFICIAL_ASYNC, OFFICIAL = "official Python send_async", "official Python send"
#: Single messages that one sends before the other does.
TURN = 50


def cost(count: int, send: Callable[[int], None]) -> dict[str, float]:
    cpu, began = time.process_time(), time.perf_counter()
    send(count)
    took_s = time.perf_counter() - began
    return {
        "messages/s": count / took_s,
        "us CPU a message": 1e6 * (time.process_time() - cpu) / count,
    }


def latencies(count: int, senders: Mapping[str, Callable[[], object]]) -> dict[str, dict[str, float]]:
    """Of each, by its name."""
    taken: dict[str, list[float]] = {name: [] for name in senders}
    for turn in range(count // TURN):
        for name in sorted(senders, reverse=bool(turn % 2)):
            for _ in range(TURN):
                began = time.perf_counter()
                senders[name]()
                taken[name].append(time.perf_counter() - began)
    return {
        name: {"p50 ms": 1e3 * quantile(each, 50), "p99 ms": 1e3 * quantile(each, 99)} for name, each in taken.items()
    }


def quantile(values: list[float], percent: int) -> float:
    return sorted(values)[len(values) * percent // 100]


@contextmanager
def ours(endpoint: str, topic: str, options: Namespace, body: bytes, rounds: Rounds) -> Iterator[Callable[[], object]]:
    """Measures what it costs, then lends what sends a message."""
    with Producers(instance_of(endpoint)) as producers:
        producer = producers.normal(topic)

        def send_many(count: int) -> None:
            for start in range(0, count, CALL):
                receipts = producer.send_many([body] * min(CALL, count - start))
                failed = [receipt.error for receipt in receipts if receipt.error is not None]
                if failed:
                    raise AssertionError(f"{len(failed)} not stored, the first: {failed[0]}")

        def send(count: int) -> None:
            for _ in range(count):
                producer.send(body)

        send_many(min(CALL, options.messages))  # warms the broker, too
        rounds.add(MANY, OURS_MANY, cost(options.messages, send_many))
        rounds.add(SINGLE, OURS, cost(options.singles, send))
        yield lambda: producer.send(body)


@contextmanager
def official(
    endpoint: str, topic: str, options: Namespace, body: bytes, rounds: Rounds
) -> Iterator[Callable[[], object]]:
    """The same with the official client."""
    from rocketmq import ClientConfiguration, Credentials, Message, Producer

    def message() -> Message:
        made = Message()
        made.topic = topic
        made.body = body
        return made

    producer = Producer(ClientConfiguration(endpoint, Credentials()), (topic,))
    producer.startup()

    def send(count: int) -> None:
        for _ in range(count):
            producer.send(message())

    def send_async(count: int) -> None:
        futures = [producer.send_async(message()) for _ in range(count)]
        for future in futures:
            future.result()

    try:
        send(200)
        rounds.add(MANY, OFFICIAL_ASYNC, cost(options.singles, send_async))
        rounds.add(SINGLE, OFFICIAL, cost(options.singles, send))
        yield lambda: producer.send(message())
    finally:
        producer.shutdown()


def measure(options: Namespace, broker: RealBroker, rounds: Rounds) -> None:
    body, topic = os.urandom(options.size // 2).hex().encode(), broker.topic()
    if options.profile:
        profile(broker.endpoint, topic, options, body)
        return
    for _ in range(options.rounds):
        with (
            ours(broker.endpoint, topic, options, body, rounds) as send,
            official(broker.endpoint, topic, options, body, rounds) as send_officially,
        ):
            for subject, figures in latencies(options.singles, {OURS: send, OFFICIAL: send_officially}).items():
                rounds.add(SINGLE, subject, figures)


def profile(endpoint: str, topic: str, options: Namespace, body: bytes) -> None:
    """Encoding, then the loop thread's part, each without the other and in one thread."""
    encoder = Encoder("", Limits())
    outgoing = Outgoing(topic=topic, payload=body)

    def encode() -> list[Encoded]:
        return [encoder.encode(outgoing, time.time()) for _ in range(options.messages)]

    encoded = encode()
    print("encode", cost(options.messages, lambda _: encoded.extend(encode())))
    del encoded[options.messages :]
    print_profile(encode)

    async def publish() -> None:
        clock = SystemClock()
        publisher = Publisher(instance_of(endpoint), Settings(), clock=clock)
        receipts: list[Receipt] = []
        for place, one in enumerate(encoded):
            while not publisher.submit(one, receipts.append):
                room = asyncio.Event()
                publisher.when_room(room.set)
                await room.wait()
            if place % 256 == 0:
                await asyncio.sleep(0)
        await publisher.close(Deadline.after(60, clock))

    print("publish", cost(options.messages, lambda _: uvloop.run(publish())))
    print_profile(lambda: uvloop.run(publish()))


def print_profile(work: Callable[[], object]) -> None:
    profiler = cProfile.Profile()
    profiler.runcall(work)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(14)


def main() -> int:
    parser = question.parser(__doc__ or "")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--singles", type=int, default=4_000)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--profile", action="store_true")
    return question.answer("produce", parser, measure)


if __name__ == "__main__":
    sys.exit(main())
