"""Brings a fleet from nothing to ready, step by step, and says so; the supervisor meanwhile keeps it alive.

Runs as one task on the master's loop thread, once.
"""

import asyncio
import os
from contextlib import AbstractAsyncContextManager

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Config, Control, Instance
from sylph_mp.errors import BrokerRefusedError
from sylph_mp.lifecycle import REGISTERS_S
from sylph_mp.master.broker_check import BrokerCheck, used_instances
from sylph_mp.master.fleet import Fleet
from sylph_mp.master.slot import Slot
from sylph_mp.master.spawner import Spawner
from sylph_mp.master.supervisor import Supervisor
from sylph_mp.master.transcript import Step, Transcript, groups_of, step

#: Between two attempts to reach a broker.
RETRY_S = 1.0


class Startup:
    def __init__(
        self,
        *,
        fleet: Fleet,
        supervisor: Supervisor,
        spawner: Spawner,
        brokers: BrokerCheck,
        transcript: Transcript,
        clock: Clock,
        began_at: float,
    ) -> None:
        self._fleet = fleet
        self._supervisor = supervisor
        self._spawner = spawner
        self._brokers = brokers
        self._transcript = transcript
        self._clock = clock
        self._began_at = began_at

    async def run(self) -> None:
        """Returns when the fleet runs. Raises BrokerRefusedError, and SylphError if nothing can be forked."""
        config = self._fleet.config
        await self._spawner.loaded()
        await self._load_app(config)
        await self._ask_brokers(config)
        await self._run_consumers()
        self._transcript.line("control", _where_to_look(config.control))
        self._supervisor.started()
        took_s = self._clock.monotonic() - self._began_at
        running = sum(_is_ready(slot) for slot in self._fleet.members)
        self._transcript.ready(took_s, consumers=running, topics=len(config.topics), groups=groups_of(config))

    async def _load_app(self, config: Config) -> None:
        async with self._step("app", f"{config.app} is being imported") as step:
            while not all(slot.gave_up or (slot.child and slot.child.booted) for slot in self._fleet.members):
                await self._supervisor.next_pass()
            topics = len(config.topics)
            step.text = f"{config.app} has handlers for " + ("its topic" if topics == 1 else f"all {topics} topics")

    async def _ask_brokers(self, config: Config) -> None:
        for instance in used_instances(config):
            named = f"{instance.name} ({instance.endpoints[0]})"
            async with self._step("broker", f"{named}: no answer yet, waiting") as step:
                await self._until_known(config, instance, named, step)
                count = sum(topic.instance == instance.name for topic in config.topics.values())
                step.text = f"{named} knows {count} of {count} topics"

    async def _until_known(self, config: Config, instance: Instance, named: str, step: Step) -> None:
        """A broker that has come back, before us or meanwhile, is given the time to register what it has."""
        away_at: float | None = None
        patient_until = self._clock.monotonic() + REGISTERS_S
        while True:
            patient = self._clock.monotonic() < patient_until
            try:
                reason = await self._brokers.instance(config, instance, patient=patient)
            except BrokerRefusedError as error:
                if away_at is None or self._clock.monotonic() - away_at > REGISTERS_S:
                    raise
                reason = str(error)
            else:
                if reason is None:
                    return
                away_at = self._clock.monotonic()
            step.waiting = f"{named}: {reason}, trying again"
            self._fleet.open = True  # from now on the consumers try for themselves, and status says how it goes
            await asyncio.sleep(RETRY_S)

    async def _run_consumers(self) -> None:
        async with self._step("consumers", "not all are ready, waiting") as step:
            self._fleet.open = True
            self._supervisor.happened.set()
            while not all(slot.gave_up or _is_ready(slot) for slot in self._fleet.members):
                await self._supervisor.next_pass()
            members = self._fleet.members
            step.text = f"{sum(_is_ready(slot) for slot in members)} of {len(members)} running"

    def _step(self, name: str, waiting: str) -> AbstractAsyncContextManager[Step]:
        return step(self._transcript, name, clock=self._clock, waiting=waiting)


def _where_to_look(control: Control) -> str:
    """`sylph.sock, http://127.0.0.1:9464`"""
    socket = min(control.socket, os.path.relpath(control.socket), key=len)
    return ", ".join([socket, *([f"http://{control.http}"] if control.http else [])])


def _is_ready(slot: Slot) -> bool:
    return slot.child is not None and slot.child.ready_at is not None
