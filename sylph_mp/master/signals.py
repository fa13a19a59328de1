"""Signals as data: the handler puts one on a queue, `obey` acts on it.

Runs on the master's loop thread.
"""

import asyncio
import faulthandler
import signal
from typing import TextIO

from sylph_mp.control.protocol import DeniedError
from sylph_mp.logs import Log
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.operations import Operations
from sylph_mp.master.supervisor import Supervisor

Queue = asyncio.Queue[signal.Signals]

STOPPING = (signal.SIGTERM, signal.SIGINT)
HANDLED = (*STOPPING, signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU)


def catch(queue: Queue, *, stacks: TextIO) -> None:
    """Have all signals put on `queue`; SIGUSR1 writes the stacks of all threads to `stacks` by itself."""
    loop = asyncio.get_running_loop()
    for number in HANDLED:
        loop.add_signal_handler(number, queue.put_nowait, number)
    faulthandler.register(signal.SIGUSR1, file=stacks, all_threads=True)


def release() -> None:
    loop = asyncio.get_running_loop()
    for number in HANDLED:
        loop.remove_signal_handler(number)
    faulthandler.unregister(signal.SIGUSR1)


async def obey(queue: Queue, *, operations: Operations, supervisor: Supervisor, fleet: Fleet, log: Log) -> None:
    """Act on each signal: TERM and INT stop, a second one kills; HUP reloads; TTIN and TTOU scale by one."""
    while True:
        number = await queue.get()
        try:
            if number in STOPPING:
                log.aside("stop", f"{number.name} was sent to the master")
                supervisor.stop()
            elif number is signal.SIGHUP:
                await operations.reload()
            else:
                await operations.scale(fleet.wanted + (1 if number is signal.SIGTTIN else -1), number.name)
        except DeniedError as error:
            log.warn("refused", f"{number.name}: {error}", next=error.next)
