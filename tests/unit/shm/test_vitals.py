from sylph_mp.shm.vitals import COUNTERS, Vitals, VitalsState, VitalsWriter, read_vitals

ZERO = dict.fromkeys(COUNTERS, 0)


def test_before_any_process(segment):
    assert read_vitals(segment) == Vitals(
        pid=0,
        generation=0,
        state=VitalsState.BOOTING,
        beat_s=None,
        counters={"orders": ZERO, "receipts": ZERO},
        thread_idents=(0, 0, 0, 0),
    )


def test_what_is_written_is_read(segment):
    vitals = VitalsWriter(segment)
    vitals.open(4711, 1_000_000_000)
    vitals.state = VitalsState.RUNNING
    vitals.beat(2_500_000_000)
    vitals.count(1, (9, 8, 7, 6, 5, 4, 3, 2, 2**64 - 1))
    vitals.thread(3, 2**63)

    seen = read_vitals(segment)

    assert (seen.pid, seen.generation, seen.state, seen.beat_s) == (4711, 1, VitalsState.RUNNING, 2.5)
    assert seen.counters["orders"] == ZERO
    assert list(seen.counters["receipts"].values()) == [9, 8, 7, 6, 5, 4, 3, 2, 2**64 - 1]
    assert seen.thread_idents == (0, 0, 0, 2**63)
    assert vitals.state is VitalsState.RUNNING


def test_a_successor_begins_at_zero(segment):
    first = VitalsWriter(segment)
    first.open(1, 1)
    first.state = VitalsState.STOPPED
    first.count(0, range(9))
    first.thread(0, 5)

    VitalsWriter(segment).open(2, 3_000_000_000)

    seen = read_vitals(segment)
    assert (seen.pid, seen.generation, seen.state, seen.beat_s) == (2, 2, VitalsState.BOOTING, 3.0)
    assert seen.counters == {"orders": ZERO, "receipts": ZERO}
    assert seen.thread_idents == (0, 0, 0, 0)
