"""Entry point of a consumer process: what the forkserver's child runs.

Loads the app before there is a loop or a thread, then hands over to uvloop for the rest of its life.
"""

import faulthandler
import gc
import os
import signal
import socket
import sys
import time

import uvloop
from setproctitle import setproctitle

from sylph_mp import frames, logs
from sylph_mp.api import App
from sylph_mp.consumer import topology
from sylph_mp.consumer.app_loading import innermost, load_app, run_start_hooks
from sylph_mp.consumer.flight_recorder import FlightRecorder
from sylph_mp.errors import ConfigError
from sylph_mp.logs import Log
from sylph_mp.pipe import Booted, Refused, Spawn
from sylph_mp.shm.recorder import RecorderWriter
from sylph_mp.shm.segment import Segment

#: Deliveries come and go without cycles, a thousand at a time; a handler's cycles are still found.
COLLECT = (20_000, 20, 20)


def run(spawn: Spawn, pipe: socket.socket) -> int:
    """Be the consumer of a slot until told to end; returns the exit code."""
    _set_signals(spawn.stacks)
    who = f"slot {spawn.slot}"
    logs.configure(form=spawn.log_form, level=spawn.config.log.level)
    segment = Segment.attach(spawn.segment)
    flight_recorder = FlightRecorder(RecorderWriter(segment, os.getpid()))
    logs.bridge(who, keep=flight_recorder.line)
    try:
        return _consume(spawn, pipe, segment, flight_recorder, Log(who))
    except BaseException as error:
        flight_recorder.ended_by(error, innermost(error, spawn.config))
        raise


def _consume(spawn: Spawn, pipe: socket.socket, segment: Segment, flight_recorder: FlightRecorder, log: Log) -> int:
    began = time.monotonic()
    try:
        app = load_app(spawn.config)
        run_start_hooks(app, spawn.config)
    except ConfigError as error:
        if error.__cause__ is not None:
            flight_recorder.ended_by(error.__cause__, error.problems[0].place)
        pipe.sendall(frames.encode(Refused(problems=error.problems, exit_code=error.exit_code)))
        return error.exit_code
    _calm_collector()
    handlers = {topic: handler.name for topic, handler in app.handlers.items()}
    instance = spawn.config.consumers.instance
    checkers = {topic: checker.instance or instance for topic, checker in app.checkers.items()}
    pipe.sendall(frames.encode(Booted(handlers=handlers, checkers=checkers, load_s=time.monotonic() - began)))
    uvloop.run(
        topology.run(
            spawn,
            pipe,
            app,
            segment=segment,
            flight_recorder=flight_recorder,
            log=log,
            title=lambda state: _set_title(spawn.slot, state),
        )
    )
    _run_stop_hooks(app, log)
    return 0


def _calm_collector() -> None:
    """Keep the collector from looking again and again at what stays: all modules, and what is in flight."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)


def _set_title(slot: int, state: str) -> None:
    setproctitle(f"sylph: consumer {slot} [{state}]")


def _set_signals(stacks: str) -> None:
    """The master decides when to end; a terminal's Ctrl-C reaches it as well. SIGTERM is set where the loop runs."""
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR2):
        signal.signal(ignored, signal.SIG_IGN)
    file = open(stacks, "w") if stacks else sys.stderr  # noqa: SIM115 - open to the process's end
    faulthandler.enable(file)
    faulthandler.register(signal.SIGUSR1, file, all_threads=True)


def _run_stop_hooks(app: App, log: Log) -> None:
    for hook in app.stop_hooks:
        try:
            hook()
        except Exception as error:
            log.exception("stop-hook", f"{hook.__name__} failed: {error}", error)
