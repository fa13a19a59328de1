from sylph_mp.shm.table import ASYNC_THREAD, Counts, Entry, EntryOutcome, EntryState, Table

QUEUED = Entry(
    index=5,
    state=EntryState.QUEUED,
    outcome=EntryOutcome.NONE,
    strikes=1,
    flags=2,
    topic=1,
    thread=None,
    attempt=3,
    frame_at=256,
    frame_len=1000,
    lease_s=40.0,
    received_s=10.0,
    started_s=None,
    after_s=0.0,
    handle_at=0,
    handle_room=0,
    handle_which=0,
)


def put(table: Table, index: int) -> None:
    table.put(index, 1, 3, 1, 2, 256, 1000, 40_000_000_000, 10_000_000_000)


def entry(**changes) -> Entry:
    return Entry(**({name: getattr(QUEUED, name) for name in Entry.__struct_fields__} | changes))


def test_a_delivery_from_queued_to_free(segment):
    table = Table(segment)
    assert table.read(5) is None

    put(table, 5)
    assert table.read(5) == QUEUED
    table.start(5, 7, 11_000_000_000)
    assert table.read(5) == entry(state=EntryState.RUNNING, thread=7, started_s=11.0)
    table.finish(5, EntryOutcome.ACK, 0)
    assert table.read(5) == entry(state=EntryState.DONE, outcome=EntryOutcome.ACK, started_s=11.0)
    table.free(5)
    assert table.read(5) is None


def test_a_retry_carries_its_wait(segment):
    table = Table(segment)
    put(table, 5)
    table.finish(5, EntryOutcome.RETRY, 2**32 - 1)
    assert table.read(5) == entry(state=EntryState.DONE, outcome=EntryOutcome.RETRY, after_s=4294967.295)


def test_requeued_it_keeps_nothing_of_its_outcome(segment):
    table = Table(segment)
    put(table, 5)
    table.start(5, 7, 11_000_000_000)
    table.finish(5, EntryOutcome.RETRY, 1500)
    table.requeue(5, 4)
    assert table.read(5) == entry(attempt=4, started_s=11.0)


def test_a_reused_entry_keeps_nothing_of_the_delivery_before(segment):
    table = Table(segment)
    table.put(5, 0, 9, 9, 9, 9, 9, 9, 9)
    table.start(5, 9, 9)
    table.extend(5, 9, 9, 9, 1)
    table.finish(5, EntryOutcome.DEAD_LETTER, 9)
    table.free(5)
    put(table, 5)
    assert table.read(5) == QUEUED


def test_an_async_handler_runs_on_no_thread(segment):
    table = Table(segment)
    put(table, 5)
    table.start(5, ASYNC_THREAD, 11_000_000_000)
    assert table.read(5) == entry(state=EntryState.RUNNING, started_s=11.0)


def test_a_renewal_names_the_new_handle_and_lease(segment):
    table = Table(segment)
    put(table, 5)
    table.extend(5, 70_000_000_000, 2**32 - 1, 2**16 - 1, 1)
    assert table.read(5) == entry(lease_s=70.0, handle_at=2**32 - 1, handle_room=2**16 - 1, handle_which=1)


def test_scan_and_counts_see_all_that_is_held_to_the_last_entry(segment):
    table = Table(segment)
    for index in (0, 5, 6, 62, 63):
        put(table, index)
    table.start(5, 0, 1)
    table.finish(6, EntryOutcome.ACK, 0)
    table.start(63, 0, 1)

    assert [(seen.index, seen.state.name) for seen in table.scan()] == [
        (0, "QUEUED"),
        (5, "RUNNING"),
        (6, "DONE"),
        (62, "QUEUED"),
        (63, "RUNNING"),
    ]
    assert table.counts() == Counts(queued=2, running=2, done=1, held=0)
    table.clear()
    assert table.scan() == []
    assert table.counts() == Counts(queued=0, running=0, done=0, held=0)


def test_the_first_lease_to_end_of_each_topic_that_something_is_held_of(segment):
    table = Table(segment)
    assert table.earliest_leases() == {}
    for index, topic, lease_s in ((3, 1, 40), (7, 1, 31), (9, 0, 55), (60, 1, 2)):
        table.put(index, topic, 1, 0, 0, 0, 0, lease_s * 10**9, 10**9)
    table.start(3, 0, 2 * 10**9)
    table.finish(7, EntryOutcome.ACK, 0)
    table.free(60)
    assert table.earliest_leases() == {0: 55.0, 1: 31.0}
    table.extend(7, 90 * 10**9, 0, 0, 0)
    assert table.earliest_leases() == {0: 55.0, 1: 40.0}
