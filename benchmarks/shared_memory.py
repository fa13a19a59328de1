"""What do the shared-memory parts cost by themselves? No broker: what one message costs in each, and beside pipes.

    python -m benchmarks.shared_memory [--rounds 5] [--messages 100000]

A ring's messages of 1 KB go from one process to another, in commits of 32 as a busy consumer makes them, through a Pipe
and a Queue of multiprocessing one by one. CPU is that of both processes.
"""

import multiprocessing
import os
import resource
import select
import sys
import time
import uuid
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.queues import Queue

from benchmarks import question
from benchmarks.answer import Rounds
from sylph_mp.consumer.outputs import Output
from sylph_mp.shm.arena import Arena
from sylph_mp.shm.layout import Geometry
from sylph_mp.shm.outbox import Address, OutboxReader, OutboxWriter
from sylph_mp.shm.segment import Segment
from sylph_mp.shm.table import EntryOutcome, Table

BODY = b"." * 1024
ENTRIES = 1024
COMMIT = 32
#: How long a side of the ring sleeps that was told nothing.
LOOK_S = 0.001

fork = multiprocessing.get_context("fork")


@contextmanager
def segment() -> Iterator[Segment]:
    geometry = Geometry(topics=("orders",), entries=ENTRIES, threads=8, arena_bytes=4 << 20)
    made = Segment.create(f"sylph-bench-{uuid.uuid4().hex[:8]}", slot=1, geometry=geometry, master_pid=os.getpid())
    try:
        yield made
    finally:
        made.close()
        made.unlink()


def table(count: int) -> None:
    """A delivery's way through its entry."""
    with segment() as held:
        entries = Table(held)
        for number in range(count):
            index = number % ENTRIES
            entries.put(index, 0, 1, 0, 0, 4096, 1024, 1, 1)
            entries.start(index, 3, 1)
            entries.finish(index, EntryOutcome.ACK, 0)
            entries.free(index)
        del entries


def arena(count: int) -> None:
    """A frame of 1 KB is written, and its block given back."""
    with segment() as held:
        blocks = Arena(held)
        for _ in range(count):
            at = blocks.alloc(len(BODY))
            assert at is not None
            blocks.write(at, BODY)
            blocks.free(at, len(BODY))
        del blocks


def ring(count: int) -> None:
    """The outbox, with a pipe for a doorbell as between consumer and master."""
    bell, rung = os.pipe()
    with segment() as held:
        reader = fork.Process(target=take_all, args=(held, bell, count))
        reader.start()
        writer = OutboxWriter(held)
        output = Output(Address("default", 1, "receipts", ""), "01AA", BODY)
        while count:
            put = writer.put([output] * min(COMMIT, count))
            ring_bell(writer, rung)
            count -= put
            if not put:
                time.sleep(LOOK_S)
        reader.join()
        del writer
    os.close(bell)
    os.close(rung)


def ring_bell(writer: OutboxWriter, rung: int) -> None:
    if writer.commit():
        os.write(rung, b"!")


def take_all(held: Segment, bell: int, count: int) -> None:
    reader, taken = OutboxReader(held), 0
    while taken < count:
        if select.select([bell], [], [], LOOK_S)[0]:
            os.read(bell, 4096)
        taken += sum(len(run.ends) for run in reader.take())
    os._exit(0)


def pipe(count: int) -> None:
    receiving, sending = fork.Pipe(duplex=False)
    reader = fork.Process(target=receive_all, args=(receiving, count))
    reader.start()
    for _ in range(count):
        sending.send_bytes(BODY)
    reader.join()


def receive_all(receiving: Connection, count: int) -> None:
    for _ in range(count):
        receiving.recv_bytes()
    os._exit(0)


def queue(count: int) -> None:
    passed: Queue[bytes] = fork.Queue()
    reader = fork.Process(target=get_all, args=(passed, count))
    reader.start()
    for _ in range(count):
        passed.put(BODY)
    reader.join()
    passed.close()
    passed.join_thread()


def get_all(passed: "Queue[bytes]", count: int) -> None:
    for _ in range(count):
        passed.get()
    os._exit(0)


PARTS: dict[tuple[str, str], Callable[[int], None]] = {
    ("within a process", "in-flight table: put, start, finish, free"): table,
    ("within a process", "arena: alloc, write 1 KB, free"): arena,
    ("1 KB to another process", "outbox ring"): ring,
    ("1 KB to another process", "multiprocessing.Pipe"): pipe,
    ("1 KB to another process", "multiprocessing.Queue"): queue,
}


def cpu_used_s() -> float:
    """Of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> int:
    parser = question.parser(__doc__ or "", rounds=5)
    parser.add_argument("--messages", type=int, default=100_000)
    return question.answer_alone("shared_memory", parser, measure)


def measure(options: Namespace, rounds: Rounds) -> None:
    for _ in range(options.rounds):
        for (case, name), work in PARTS.items():
            began, cpu_s = time.perf_counter(), cpu_used_s()
            work(options.messages)
            took_s = time.perf_counter() - began
            each_us = 1e6 * (cpu_used_s() - cpu_s) / options.messages
            rounds.add(case, name, {"messages/s": options.messages / took_s, "us CPU a message": each_us})


if __name__ == "__main__":
    sys.exit(main())
