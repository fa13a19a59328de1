"""What does consuming cost? The whole runtime on a real RocketMQ, CPU of all its processes per message.

    python -m benchmarks.consume --endpoint 127.0.0.1:8081 --topic T --group G [--messages 100000] [--processes 2]

Topic and group must exist, and the group must be new to the topic. The messages are stored first, then the fleet is
started, so that the broker's work of storing is over. Handlers write each message's number into a file: the script
ends with 1 unless each was handled exactly once. The figures are CPU time, which a noisy host changes less than rates.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from rocketmq.grpc_protocol import definition_pb2
from rocketmq.v5.util import MessageIdCodec

from sylph_mp.clock import SystemClock
from sylph_mp.config.schema import Instance
from sylph_mp.control.client import look
from sylph_mp.control.status import Snapshot
from sylph_mp.errors import SylphError
from sylph_mp.rocketmq.calls import Calls
from sylph_mp.rocketmq.metadata import new_client_id

APP = """\
import struct
from sylph_mp import App

app = App()
numbers = open("{folder}/handled-" + str(__import__("os").getpid()), "ab", buffering=1 << 16)


@app.handler("{topic}")
def handle(body: bytes) -> None:
    numbers.write(body[:8])


app.on_stop(numbers.close)
"""

CONFIG = """\
app = "app:app"
[instances.default]
endpoints = "{endpoint}"
[consumers]
group = "{group}"
processes = {processes}
threads = {threads}
[topics.{topic}]
shards = {shards}
"""

BATCH = 200


async def store(endpoint: str, topic: str, count: int, size: int) -> None:
    """Store messages whose first 8 bytes are their number."""
    calls = Calls.to(
        Instance(name="default", endpoints=(endpoint,), request_timeout_s=20),
        client_id=new_client_id(),
        clock=SystemClock(),
    )
    codec = MessageIdCodec()
    try:
        for start in range(0, count, BATCH):
            await calls.send(
                [message(topic, number, size, codec) for number in range(start, min(count, start + BATCH))]
            )
    finally:
        calls.close()


def message(topic: str, number: int, size: int, codec: MessageIdCodec) -> definition_pb2.Message:
    made = definition_pb2.Message(body=number.to_bytes(8, "big").ljust(size, b"."))
    made.topic.name = topic
    system = made.system_properties
    system.message_id = codec.next_message_id()
    system.message_type = definition_pb2.NORMAL
    system.body_encoding = definition_pb2.IDENTITY
    system.born_timestamp.GetCurrentTime()
    system.born_host = "127.0.0.1"
    return made


def cpu_s(master: psutil.Process) -> float:
    """Of the master and all that it started."""
    total = 0.0
    for process in (master, *master.children(recursive=True)):
        times = process.cpu_times()
        total += times.user + times.system
    return total


def settled(socket: str) -> Snapshot | None:
    try:
        return look(socket)
    except SylphError:
        return None


def watch(socket: str, count: int, master: psutil.Process) -> Iterator[tuple[float, int, float]]:
    """(time, acked, CPU seconds) from the first message to the last."""
    while True:
        seen = settled(socket)
        acked = seen.topics[0].acked if seen else 0
        if acked:
            yield time.monotonic(), acked, cpu_s(master)
        if acked >= count:
            return
        time.sleep(0.2)


def numbers_in(folder: Path) -> list[int]:
    found = []
    for path in folder.glob("handled-*"):
        data = path.read_bytes()
        found += [int.from_bytes(data[at : at + 8], "big") for at in range(0, len(data), 8)]
    return found


def run(options: argparse.Namespace, folder: Path) -> int:
    asyncio.run(store(options.endpoint, options.topic, options.messages, options.size))
    (folder / "app.py").write_text(APP.format(folder=folder, topic=options.topic))
    (folder / "config.toml").write_text(CONFIG.format(**vars(options)))
    process = subprocess.Popen([sys.executable, "-m", "sylph_mp", "run"], cwd=folder, stderr=subprocess.DEVNULL)
    samples = list(watch(str(folder / "sylph.sock"), options.messages, psutil.Process(process.pid)))
    process.send_signal(signal.SIGTERM)
    code = process.wait(60)
    (began, first, cpu_first), (ended, last, cpu_last) = samples[0], samples[-1]
    each_us = 1e6 * (cpu_last - cpu_first) / (last - first)
    print(f"{(last - first) / (ended - began):,.0f} messages/s, {each_us:.1f} us CPU a message, all processes together")
    numbers = numbers_in(folder)
    lost, again = options.messages - len(set(numbers)), len(numbers) - len(set(numbers))
    print(
        f"{options.messages:,} sent, {len(numbers):,} handled, {lost} lost, {again} again; sylph run ended with {code}"
    )
    return int(bool(lost or again or code))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", default="127.0.0.1:8081")
    parser.add_argument("--topic", required=True)
    parser.add_argument("--group", required=True)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--shards", type=int, default=4)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {options}")
    with tempfile.TemporaryDirectory(prefix="sylph-") as folder:
        return run(options, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
