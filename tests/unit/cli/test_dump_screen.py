"""The screen of `sylph dump`."""

import pytest

from sylph_mp.cli.screens.processes import process_screen
from sylph_mp.cli.screens.view import View
from sylph_mp.control.stacks import ProcessStacks, ThreadStacks
from sylph_mp.control.status import RunningStatus

LOOP = tuple(f"/lib/sylph_mp/consumer/main.py:{line} in run" for line in range(1, 6))


def running(thread, message, run_s):
    return RunningStatus(
        thread=thread, topic="orders", handler="charge", message=message, attempt=1, run_s=run_s, limit_s=30.0
    )


def thread(number, *calls, ident=1, runs=()):
    return ThreadStacks(ident=ident, thread=number, running=runs, calls=calls)


@pytest.fixture
def process():
    return ProcessStacks(
        slot=2,
        pid=41208,
        uptime_s=360.0,
        error=None,
        threads=(
            thread(1, "/lib/sylph_mp/consumer/worker_pool.py:143 in _wait"),
            thread(
                2,
                "/srv/ledger.py:7 in post",
                "/srv/app.py:21 in charge",
                "/lib/sylph_mp/consumer/worker_pool.py:119 in _work",
                runs=(running(2, "01A2B3C49F04", 97.0),),
            ),
            thread(3, "/lib/sylph_mp/consumer/worker_pool.py:144 in _wait"),
            thread(None, *LOOP, ident=9),
        ),
        async_running=(running(None, "01A2B3C48888", 1.0),),
    )


def screen(process, **how):
    return process_screen(process, View(width=80, **how), folder="/srv", now=0.0)


def test_what_runs_comes_first_and_what_waits_is_one_line(process):
    assert screen(process) == [
        "slot 2, pid 41208, up 6m0s: 1 of 3 threads run a handler; 1 other",
        "async call: charge runs 1.0 s, limit 30 s, message 01A2…8888",
        "thread 2: charge runs 1m37s, limit 30 s, message 01A2…9F04",
        "  app.py:21 in charge",
        "  ledger.py:7 in post",
        "threads 1, 3: no handler",
        "loop",
        "  /lib/sylph_mp/consumer/main.py:3 in run",
        "  /lib/sylph_mp/consumer/main.py:2 in run",
        "  /lib/sylph_mp/consumer/main.py:1 in run",
    ]


def test_all_of_it(process):
    lines = screen(process, all=True)
    assert sum("consumer/main.py" in line for line in lines) == len(LOOP)
    assert "  /lib/sylph_mp/consumer/worker_pool.py:143 in _wait" in lines


def test_a_process_that_does_not_answer():
    silent = ProcessStacks(slot=1, pid=7, uptime_s=2.0, error="no answer within 1 s", threads=(), async_running=())
    assert screen(silent) == ["slot 1, pid 7, up 2 s: no answer within 1 s"]
