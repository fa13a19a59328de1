"""Tells on the transcript how a stop goes on.

Runs as one task on the master's loop thread.
"""

import asyncio

from sylph_mp.clock import Clock
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.observer import Observer
from sylph_mp.master.shutdown import Shutdown
from sylph_mp.master.stop_story import Call, StopStory, View
from sylph_mp.master.supervisor import Supervisor
from sylph_mp.master.transcript import Transcript

LOOK_S = 0.1


class Narrator:
    def __init__(
        self, *, fleet: Fleet, supervisor: Supervisor, observer: Observer, transcript: Transcript, clock: Clock
    ) -> None:
        self._fleet = fleet
        self._supervisor = supervisor
        self._observer = observer
        self._transcript = transcript
        self._clock = clock

    async def run(self) -> None:
        """From the stop's begin on, until cancelled."""
        await self._supervisor.stopping.wait()
        shutdown = self._supervisor.shutdown
        if shutdown is None or self._supervisor.failed:
            return  # the error says it all
        self._transcript.stopping(self._fleet.config.consumers.drain_s)
        story = StopStory()
        while True:
            view = self._view(shutdown)
            for text in story.tell(view):
                self._transcript.progress(view.after_s, text)
            await asyncio.sleep(LOOK_S)

    def _view(self, shutdown: Shutdown) -> View:
        now = self._clock.monotonic()
        slots = [slot for slot in self._fleet if slot.child is not None]
        counts = [slot.counts() for slot in slots]
        told = [slot.child.progress for slot in slots if slot.child is not None]
        calls = [Call(slot.number, call) for slot in slots for call in self._observer.running(slot)]
        return View(
            after_s=now - shutdown.began_at,
            now=now,
            running=sum(count.running for count in counts),
            queued=sum(count.queued for count in counts),
            settled=shutdown.tally.settled + sum(progress.settled for progress in told),
            handed_back=shutdown.tally.handed_back + sum(progress.handed_back for progress in told),
            calls=sorted(calls, key=lambda each: each.call.started_at),
            killed=shutdown.killed,
        )
