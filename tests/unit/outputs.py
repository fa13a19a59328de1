"""Outputs as handlers make them, and one by one what a ring's records have together."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from sylph_mp.consumer.outputs import Output
from sylph_mp.shm.outbox import Address, Run


class Message(NamedTuple):
    seq: int
    kind: int
    instance: str
    topic: str
    group: str
    part: bytes


def output(
    part: bytes, *, topic: str = "receipts", kind: int = 1, instance: str = "default", group: str = ""
) -> Output:
    return Output(Address(instance, kind, topic, group), f"id-{len(part)}", part)


def each_of(runs: Iterable[Run]) -> Iterator[Message]:
    for run in runs:
        instance, kind, topic, group = run.address
        for place, (begin, end) in enumerate(pairwise((0, *run.ends))):
            yield Message(run.seq + place, kind, instance, topic, group, run.parts[begin:end])
