"""The parts that the autoscaler is made of: load, need, peaks, history, and the host's figures."""

import pytest

from sylph_mp.master.host import Host
from sylph_mp.master.scaling_history import LINES, ScalingHistory, Size
from sylph_mp.master.scaling_load import LoadMeter
from sylph_mp.master.scaling_need import Demand, consumers_for, threads_for
from sylph_mp.master.scaling_peaks import PARTS, Peaks
from tests.unit.master.autoscaled import MIB, bounds, consumer, load


def demand(**some: float) -> Demand:
    return Demand(**{"waiting": 0.0, "computing": 0.0, "calls": 0.0, "calls_each": 0, **some})


def test_shares_are_of_the_last_seconds_and_of_all_consumers():
    meter = LoadMeter()
    assert meter.measure([consumer(1, 10.0)]) is None
    meter.measure([consumer(1, 14.0, busy_s=32.0), consumer(2, 14.0)])
    seen = meter.measure([consumer(1, 17.0, busy_s=38.0, cpu_s=1.5), consumer(2, 17.0, busy_s=24.0, cpu_s=3.0)])
    assert seen is not None
    assert (seen.consumers, seen.threads, seen.busy, seen.cpu) == (2, 16, 2.0 + 8.0, 0.5 + 1.0)


def test_a_process_that_is_gone_or_new_leaves_the_shares_alone():
    meter = LoadMeter()
    for at in (1.0, 2.0, 3.0):
        meter.measure([consumer(1, at, busy_s=8 * at), consumer(2, at, busy_s=8 * at)])
    seen = meter.measure([consumer(2, 4.0, busy_s=32.0), consumer(3, 4.0, busy_s=0.0)])
    assert seen is not None
    assert (seen.consumers, seen.busy_ratio) == (1, 1.0)


@pytest.mark.parametrize(
    ("busy", "cpu", "waiting"),
    [(8.0, 0.0, 8.0), (8.0, 1.0, 0.0), (1.0, 0.5, 1.0 - 0.5 / (1 - 0.5 * 7 / 8))],
)
def test_threads_at_the_interpreter_do_not_wait_for_something_outside(busy, cpu, waiting):
    assert Demand.of(load(busy=busy, cpu=cpu)).waiting == pytest.approx(waiting)


def test_a_single_thread_is_at_the_interpreter_no_longer_than_it_computes():
    assert Demand.of(load(threads=1, busy=1.0, cpu=0.5)) == demand(waiting=0.5, computing=0.5)


def test_as_few_consumers_as_bear_it():
    some = bounds((1, 8), (4, 16))
    cases = [
        (demand(waiting=11.9), 1),
        (demand(waiting=12.1), 2),
        (demand(computing=1.4), 2),
        (demand(computing=1.6), 3),
        (demand(calls=150.0, calls_each=100), 2),
    ]
    assert [consumers_for(each, target=0.75, bounds=some) for each, _ in cases] == [few for _, few in cases]


def test_threads_stay_within_their_bounds():
    some = bounds((1, 8), (4, 16))
    waiting = (0.0, 6.0, 100.0)
    assert [threads_for(demand(waiting=w), consumers=1, target=0.75, bounds=some) for w in waiting] == [4, 8, 16]


def test_the_peak_of_a_while_is_forgotten_after_it():
    peaks = Peaks(60.0)
    for second in range(200):
        peaks.add(demand(waiting=7.0 if second == 100 else 1.0), float(second))
        if second < 60:
            assert peaks.most(float(second)) is None
        else:
            most = peaks.most(float(second))
            assert most is not None
            assert most.waiting == (7.0 if 100 <= second <= 160 else 1.0), second
    assert len(peaks._parts) <= PARTS + 1  # fixed memory is the promise


def test_history_is_a_ring_in_which_a_refusal_is_not_repeated():
    history = ScalingHistory()
    news = [history.refused(Size(2, 8), "cpu", "no room", wall=1000.0) for _ in range(100)]
    assert news == [True] + [False] * 99
    assert history.refused(Size(2, 8), "cpu", "no room", wall=1700.0)
    assert history.refused(Size(2, 8), "memory", "no room", wall=1701.0)
    for number in range(100):
        history.changed(Size(number, 8), Size(number + 1, 8), "more", wall=1800.0)
    assert len(history.lines) == LINES
    assert history.lines[-1].after == Size(100, 8)


def test_a_cgroup_is_the_host_if_it_is_narrower(tmp_path):
    proc, mount = tmp_path / "proc", tmp_path / "groups"
    group = mount / "shop" / "orders"
    group.mkdir(parents=True)
    proc.mkdir()
    (proc / "cgroup").write_text("0::/shop/orders\n")
    (proc / "mountinfo").write_text(f"32 31 0:29 / {mount} rw,relatime shared:4 - cgroup2 cgroup2 rw\n")
    for name, text in {
        "cgroup.procs": "",
        "cpu.max": "50000 100000",
        "cpu.stat": "usage_usec 1000000\nuser_usec 1",
        "memory.events": "oom_kill 0",
        "memory.max": str(4 * MIB),
        "memory.current": str(3 * MIB),
        "memory.stat": f"anon 5\ninactive_file {MIB}",
    }.items():
        (group / name).write_text(text)
    (group.parent / "memory.max").write_text("max")
    probe = Host(proc)
    first = probe.look(10.0)
    assert (first.cores, first.cpu_ratio) == (0.5, None)
    assert (first.memory_bytes, first.memory_free_bytes) == (4 * MIB, 2 * MIB)
    (group / "cpu.stat").write_text("usage_usec 1500000")
    assert probe.look(11.0).cpu_ratio == 1.0


def test_without_a_cgroup_it_is_the_host(tmp_path):
    probe = Host(tmp_path / "none")
    probe.look(10.0)
    seen = probe.look(11.0)
    assert seen.cores >= 1
    assert seen.cpu_ratio is None or 0.0 <= seen.cpu_ratio <= 1.0
    assert 0 < seen.memory_free_bytes < seen.memory_bytes
