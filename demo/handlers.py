"""The demo's handlers: three kinds of work, each call noted in a file; the consumer processes run them.

A line for each call, in the file TOPIC.PID of the folder SYLPH_DEMO_NOTES:

    number of the message, its group, when the call began (CLOCK_MONOTONIC ns)
"""

import asyncio
import os
import time
from pathlib import Path

import msgspec

from sylph_mp import App

app = App()


class Work(msgspec.Struct):
    number: int
    group: int


class Notes:
    """One open file for each topic of this process."""

    def __init__(self, folder: Path, topics: list[str]) -> None:
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY
        self._files = {topic: os.open(folder / f"{topic}.{os.getpid()}", flags) for topic in topics}

    def write(self, topic: str, work: Work) -> None:
        # One write to a file opened for appending is not cut in two by the other threads.
        os.write(self._files[topic], b"%d %d %d\n" % (work.number, work.group, time.monotonic_ns()))


notes: Notes


@app.on_start
def open_notes() -> None:
    global notes  # noqa: PLW0603  # made in each consumer process, not at import
    notes = Notes(Path(os.environ["SYLPH_DEMO_NOTES"]), list(app.handlers))


@app.handler("orders")
def charge(order: Work) -> None:
    """An ordinary function, in a thread of the WorkerPool."""
    notes.write("orders", order)
    time.sleep(0.005)  # stands for a call to a ledger


@app.handler("receipts")
def render(receipt: Work) -> None:
    """The topic is FIFO: one call at a time within a message group, groups in parallel."""
    notes.write("receipts", receipt)
    time.sleep(0.002)


@app.handler("mails")
async def send(mail: Work) -> None:
    """A coroutine: a hundred may wait at once without a thread each."""
    notes.write("mails", mail)
    await asyncio.sleep(0.05)
