"""Writes into a flight recorder without end, every field a function of a running number, until it is killed."""

import itertools
import os
import sys

from sylph_mp.shm.recorder import RecorderWriter
from sylph_mp.shm.segment import Segment


def write_forever(segment: Segment) -> None:
    writer = RecorderWriter(segment, os.getpid())
    for number in itertools.count():
        writer.line(number, "info", f"{number} " * 100)
        writer.outcome(number, number, number % 7, number % 2, number % 4, f"m{number}")
        writer.sample(number, number, float(number))
        if number == 0:
            print("writing", flush=True)


if __name__ == "__main__":
    write_forever(Segment.attach(sys.argv[1]))
