"""Which thread of a dump is which of the WorkerPool, and what it runs."""

import os

from sylph_mp.control.status import RunningStatus
from sylph_mp.master.faulthandler_dump import Dump
from sylph_mp.master.stack_files import MAX_BYTES, StackFiles
from sylph_mp.master.stack_reader import threads_of


def running(thread, message):
    return RunningStatus(
        thread=thread, topic="orders", handler="charge", message=message, attempt=1, run_s=2.0, limit_s=30.0
    )


def test_threads_of_the_pool_come_first_with_what_they_run():
    dump = Dump("", None, {30: ["main.py:1 in run"], 12: ["idle.py:1 in wait"], 11: ["app.py:8 in charge"]})
    threads = threads_of(dump, (11, 12, 0), [running(1, "A"), running(1, "B")])
    assert [(each.thread, each.ident, [call.message for call in each.running]) for each in threads] == [
        (1, 11, ["A", "B"]),
        (2, 12, []),
        (None, 30, []),
    ]
    assert threads[0].calls == ("app.py:8 in charge",)


def test_a_thread_that_never_ran_is_none_of_the_pools():
    (thread,) = threads_of(Dump("", None, {0: []}), (0, 0), [])
    assert thread.thread is None


def test_what_was_asked_for_before_is_not_read_again(tmp_path):
    """faulthandler goes on writing where it was: the file begins with a hole then."""
    files = StackFiles(tmp_path)
    with open(files.path(1), "wb", buffering=0) as file:
        assert (files.size(1), files.read(1)) == (0, "")
        file.write(b"first")
        assert files.read(1) == "first"
        files.clear(1)
        assert (files.size(1), files.read(1)) == (0, "")
        file.write(b"second")
        assert files.size(1) > 0
        assert files.read(1) == "second"


def test_of_much_the_end_is_read(tmp_path):
    files = StackFiles(tmp_path)
    with open(files.path(1), "wb") as file:
        file.write(b"x" * MAX_BYTES + b"end")
    text = files.take(1)
    assert len(text) == MAX_BYTES
    assert text.endswith("xend")
    assert not os.path.exists(files.path(1))
    assert files.take(1) == ""
