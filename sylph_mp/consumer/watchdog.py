"""Finds handler calls beyond their topic's time limit, lets them end, and tells the master of those that do not.

Runs on the loop thread.
"""

import traceback
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Protocol

from sylph_mp.consumer import overtime
from sylph_mp.consumer.thread_calls import Going
from sylph_mp.consumer.ticker import TICK_S
from sylph_mp.logs import Log
from sylph_mp.pipe import Stuck

NS = 1_000_000_000
#: Innermost frames that are logged.
MOST_FRAMES = 30


class Calls(Protocol):
    """ThreadCalls and AsyncCalls."""

    def going(self) -> list[Going]: ...
    def interrupt(self, going: Going) -> bool: ...
    def culprit(self, going: Going) -> Going: ...
    def frames(self, going: Going) -> list[FrameType]: ...


class Watchdog:
    def __init__(self, *, calls: Sequence[Calls], post: Callable[[Stuck], None], log: Log) -> None:
        self._calls = calls
        self._post = post
        self._log = log
        self._attendance = overtime.Attendance(tick_ns=int(TICK_S * NS))
        self._interrupted: dict[int, tuple[Going, float]] = {}
        """By the run's identity: the call, kept so that it stays one, and how long it had run."""
        self._told: set[int] = set()

    def look(self, now_ns: int) -> None:
        """To be called every TICK_S."""
        self._attendance.tick(now_ns)
        seen = set()
        for calls in self._calls:
            for going in calls.going():
                seen.add(id(going.run))
                self._judge(calls, going, now_ns)
        for run in self._interrupted.keys() - seen:
            del self._interrupted[run]
            self._told.discard(run)

    def _judge(self, calls: Calls, going: Going, now_ns: int) -> None:
        ran_s = self._ran_s(going, now_ns)
        _, at_s = self._interrupted.get(id(going.run), (None, None))
        limit_s = going.call[0].subscription.topic.time_limit_s
        match overtime.next_step(ran_s=ran_s, limit_s=limit_s, interrupted_at_s=at_s):
            case "interrupt":
                frames = calls.frames(going)
                if calls.interrupt(going):
                    self._interrupted[id(going.run)] = (going, ran_s)
                    self._warn(going, frames, ran_s)
            case "give-up":
                culprit = calls.culprit(going)
                self._tell(culprit, calls.frames(culprit), self._ran_s(culprit, now_ns))

    def _ran_s(self, going: Going, now_ns: int) -> float:
        return self._attendance.ran_ns(going.call[0].started_ns, now_ns) / NS

    def _warn(self, going: Going, frames: Sequence[FrameType], ran_s: float) -> None:
        first = going.call[0]
        topic = first.subscription.topic
        self._log.warn(
            "over-time",
            f"{first.subscription.handler.name} runs {ran_s:.1f} s, limit {topic.time_limit_s:g} s: it is ended"
            f"\n{_stack(frames)}".rstrip(),
            topic=topic.name,
            message=first.source.id,
            handler=first.subscription.handler.name,
            thread=going.thread,
            ran_s=round(ran_s, 1),
        )

    def _tell(self, going: Going, frames: Sequence[FrameType], ran_s: float) -> None:
        if id(going.run) in self._told:
            return
        self._told.add(id(going.run))
        first = going.call[0]
        self._post(
            Stuck(
                thread=going.thread,
                topic=first.subscription.name,
                handler=first.subscription.handler.name,
                message=first.source.id,
                entries=tuple(delivery.index for delivery in going.call),
                ran_s=ran_s,
                stack="\n".join(
                    f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
                    for frame in frames[: -MOST_FRAMES - 1 : -1]
                ),
            )
        )


def _stack(frames: Sequence[FrameType]) -> str:
    """As in a traceback, the innermost line last."""
    inner = [(frame, frame.f_lineno) for frame in frames[-MOST_FRAMES:]]
    return "".join(traceback.StackSummary.extract(iter(inner)).format())
