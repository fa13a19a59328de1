"""Asks the app's checkers about transactions that nobody has ended, for the master. Started on the loop thread.

A checker runs in a thread of its own, not of the WorkerPool: the answer must not wait behind a thousand messages.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from sylph_mp.api import Message, Resolution
from sylph_mp.api.app import Checker
from sylph_mp.consumer.background import Background
from sylph_mp.logs import Log
from sylph_mp.pipe import CheckTransaction, TransactionChecked

#: The server asks again: there is no need to wait for a checker for longer.
LIMIT_S = 10.0
THREADS = 2
#: Questions that are with the threads, or wait for one.
MOST = 64


class TransactionChecks:
    def __init__(
        self,
        *,
        checkers: Mapping[str, Checker],
        background: Background,
        post: Callable[[TransactionChecked], None],
        log: Log,
    ) -> None:
        self._checkers = checkers
        self._background = background
        self._post = post
        self._log = log
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="checker")
        self._places = threading.BoundedSemaphore(MOST)

    def answer(self, question: CheckTransaction) -> None:
        """Post what the checker says; UNKNOWN where it fails, takes too long, or too many wait."""
        self._background.run(self._answer(question))

    async def _answer(self, question: CheckTransaction) -> None:
        checker = self._checkers.get(question.message.topic)
        resolution = Resolution.UNKNOWN if checker is None else await self._ask(checker, question.message)
        self._post(TransactionChecked(question.number, resolution))

    async def _ask(self, checker: Checker, message: Message) -> Resolution:
        if not self._places.acquire(blocking=False):
            return Resolution.UNKNOWN
        call = self._threads.submit(_call, checker, message)
        call.add_done_callback(lambda _: self._places.release())
        try:
            said = await asyncio.wait_for(asyncio.wrap_future(call), LIMIT_S)
        except Exception as error:  # noqa: BLE001 - whatever the app's code raises: it does not know
            self._log.exception(
                "transaction-checker",
                f"{checker.name}: {type(error).__name__}: {error or f'no answer within {LIMIT_S:g} s'}",
                error,
                topic=message.topic,
                message=message.id,
                place=checker.place,
            )
            return Resolution.UNKNOWN
        if not isinstance(said, Resolution):
            self._log.warn(
                "return-value",
                f"{checker.name} returned {type(said).__name__}: taken for UNKNOWN; return a Resolution",
                topic=message.topic,
                place=checker.place,
            )
            return Resolution.UNKNOWN
        return said


def _call(checker: Checker, message: Message) -> object:
    """In a thread. Raises what the checker raises, nothing that would end the loop."""
    try:
        argument = message if checker.signature.decode is None else checker.signature.decode(message.body)
        said = checker.function(argument)
        return asyncio.run(said) if checker.is_async else said
    except (SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"the checker raised {type(error).__name__}") from error
