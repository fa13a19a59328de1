"""Killed between any two stores, an entry is as before or as after, and usable either way."""

import sys
from collections.abc import Callable

from sylph_mp.shm.table import Entry, EntryOutcome, Table


class Killed(BaseException):
    pass


def stages(call: Callable[[], None], look: Callable[[], Entry | None]) -> list[Entry | None]:
    """What is seen if `call` ends before its first line, before its second, and so on to its end; no repeats."""
    seen: list[Entry | None] = []
    line = 0
    while _killed_before(line, call):
        seen.append(look())
        line += 1
    seen.append(look())
    return [entry for i, entry in enumerate(seen) if i == 0 or entry != seen[i - 1]]


def _killed_before(line: int, call: Callable[[], None]) -> bool:
    lines = 0

    def trace(frame, event, arg):
        nonlocal lines
        if frame.f_code.co_qualname.startswith("Table.") and event == "line":
            if lines == line:
                raise Killed
            lines += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except Killed:
        return True
    finally:
        sys.settrace(before)
    return False


def changed(entry: Entry, **changes) -> Entry:
    return Entry(**({name: getattr(entry, name) for name in Entry.__struct_fields__} | changes))


def put(table: Table) -> Entry:
    table.put(3, 1, 1, 0, 0, 256, 1000, 40_000_000_000, 10_000_000_000)
    return table.read(3)


def test_put_shows_nothing_before_it_is_complete(segment):
    table = Table(segment)
    queued = put(table)
    table.clear()
    assert stages(lambda: put(table), lambda: table.read(3)) == [None, queued]


def test_start_and_finish_change_the_state_last(segment):
    table = Table(segment)
    queued = put(table)

    started = stages(lambda: table.start(3, 2, 11_000_000_000), lambda: table.read(3))
    running = table.read(3)
    assert started == [queued, changed(queued, started_s=11.0), running]
    assert (running.state.name, running.thread) == ("RUNNING", 2)

    finished = stages(lambda: table.finish(3, EntryOutcome.RETRY, 1500), lambda: table.read(3))
    done = table.read(3)
    assert finished == [running, done]
    assert (done.state.name, done.outcome.name, done.after_s) == ("DONE", "RETRY", 1.5)


def test_requeue_keeps_the_outcome_until_it_is_queued(segment):
    table = Table(segment)
    put(table)
    table.finish(3, EntryOutcome.RETRY, 1500)
    done = table.read(3)

    seen = stages(lambda: table.requeue(3, 2), lambda: table.read(3))

    assert seen == [done, changed(done, attempt=2), table.read(3)]
    assert seen[-1].state.name == "QUEUED"


def test_extend_names_the_new_handle_before_the_lease_grows(segment):
    table = Table(segment)
    queued = put(table)
    with_handle = changed(queued, handle_at=2048, handle_room=128, handle_which=1)

    seen = stages(lambda: table.extend(3, 70_000_000_000, 2048, 128, 1), lambda: table.read(3))

    assert seen == [queued, with_handle, changed(with_handle, lease_s=70.0)]
