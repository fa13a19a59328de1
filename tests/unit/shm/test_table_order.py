"""Killed between any two stores, an entry is as before or as after, and usable either way."""

from functools import partial

from sylph_mp.shm.table import Entry, EntryOutcome, Table
from tests.unit.shm import killed

stages = partial(killed.stages, Table)


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
