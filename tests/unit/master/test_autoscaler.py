"""What makes the fleet grow, shrink or hold, and in which words."""

from sylph_mp.histogram import bucket_of
from sylph_mp.master.autoscaler import Autoscaler, Pace
from tests.unit.master.autoscaled import MIB, Steady, bounds, host

SECOND_BUCKET = bucket_of(1_000_000)


def steady(processes: tuple[int, int] = (1, 8), threads: tuple[int, int] = (8, 8), **there: int) -> Steady:
    return Steady(Autoscaler(pace=Pace()), bounds(processes, threads), **there)


def test_handlers_that_wait_get_as_many_processes_as_the_measured_load_needs():
    """160 a second are done and come three times as many: 24 threads' work, 75 % of 32."""
    fleet = steady()
    decision = fleet.go_on(5, busy=8, cpu=0.05, done=160, comes=480)[-1]
    assert (decision.action, decision.consumers, decision.wish) == ("grow", 4, 4)
    assert decision.why == (
        "threads 100 % busy for 3 s, above 80 %; handlers wait in as many threads as there may be; host CPU 41 %"
    )


def test_handlers_that_wait_get_threads_first():
    fleet = steady(threads=(8, 64))
    decision = fleet.go_on(5, busy=8, cpu=0.05, done=160, comes=480)[-1]
    assert (decision.action, decision.consumers) == ("grow", 1)
    assert 30 <= decision.threads <= 33
    assert decision.why.startswith("threads 100 % busy for 3 s, above 80 %; handlers wait; ")


def test_handlers_that_compute_get_processes_though_there_could_be_more_threads():
    fleet = steady(threads=(8, 64))
    decision = fleet.go_on(5, busy=8, cpu=0.99, done=50, comes=150)[-1]
    assert (decision.action, decision.consumers) == ("grow", 4)
    assert "handlers compute" in decision.why


def test_a_full_interpreter_counts_though_threads_are_idle():
    decision = steady().go_on(5, busy=4, cpu=0.9, done=50, comes=50)[-1]
    assert (decision.action, decision.consumers) == ("grow", 2)
    assert decision.why.startswith("consumers take 90 % of a core each for 3 s, above 80 %; handlers compute")


def test_handlers_that_let_go_of_the_interpreter_are_not_limited_by_it():
    decision = steady().go_on(5, busy=4, cpu=3.2, done=50, comes=50)[-1]
    assert decision.action == "hold"


def test_async_calls_need_processes():
    decision = steady().go_on(5, calls=100, calls_busy=95, cpu=0.2, done=95, comes=95)[-1]
    assert (decision.action, decision.consumers) == ("grow", 2)
    assert decision.why.startswith("async calls 95 % busy for 3 s")


def test_what_piles_up_at_the_broker_counts_as_what_comes():
    """160 a second are received, and each second they are half a second older: 320 come."""
    fleet = steady()
    decision = fleet.go_on(6, busy=8, cpu=0.05, done=160, comes=160, ages=0.5)[-1]
    assert decision.consumers == 3


def test_a_step_of_load_counts_in_full_though_hardly_anything_came_before():
    """A consumer that did one in 5 s finds twenty half a minute back; in the last 3 s it did 9 of 36."""
    fleet = Steady(Autoscaler(pace=Pace()), bounds((1, 8), (1, 8)), threads=1)
    fleet.go_on(30, busy=0.04, cpu=0.001, done=0.2, comes=0.2)
    decision = fleet.go_on(4, busy=1, cpu=0.02, done=3, comes=3, ages=0.75)[-1]
    assert (decision.action, decision.consumers, decision.threads) == ("grow", 1, 4)


def test_what_piled_up_and_is_worked_off_needs_nothing():
    fleet = steady()
    fleet.totals["ages"] = 30.0
    decision = fleet.go_on(6, busy=8, cpu=0.05, done=160, comes=160, ages=-0.9)[-1]
    assert decision.action == "hold"
    assert decision.why.endswith("what has piled up is worked off, now 25 s old")


def test_one_look_is_not_enough():
    fleet = steady()
    fleet.go_on(10, busy=2, cpu=0.05, done=40, comes=40)
    assert [decision.action for decision in fleet.go_on(2, busy=8, cpu=0.05, done=160, comes=480)] == ["hold", "hold"]


def test_its_own_prefetch_does_not_count():
    """Waits of a second: beside idle threads; of what one receive brings; of what is worked off, as no more comes."""
    waits = {"wait_bucket": SECOND_BUCKET}
    assert steady().go_on(6, busy=2, done=40, comes=60, **waits)[-1].action == "hold"
    assert steady().go_on(6, busy=6, done=6, comes=12, **waits)[-1].action == "hold"
    assert steady().go_on(6, busy=6.2, done=124, comes=124, **waits)[-1].action == "hold"


def test_long_waits_count_where_threads_are_rather_busy_and_more_comes():
    decision = steady().go_on(6, busy=6.2, done=124, comes=180, wait_bucket=SECOND_BUCKET)[-1]
    assert decision.consumers == 2
    assert decision.why.startswith("wait p99 1.0 s for 3 s, above 500 ms")


def test_it_waits_for_the_effect_of_a_change():
    fleet = steady()
    assert fleet.go_on(5, busy=8, done=160, comes=480)[-1].consumers == 4
    fleet.wanted = 4
    assert {decision.consumers for decision in fleet.go_on(4, busy=8, done=160, comes=480)} == {4}
    assert fleet.go_on(2, busy=8, done=160, comes=480)[-1].consumers > 4


def test_a_slot_that_gave_up_is_made_up_for():
    fleet = steady()
    lost = {"lost": 1}
    assert fleet.go_on(5, fleet_has=lost, busy=7, done=140, comes=140)[-1].wish == 3


def test_limits_are_told_and_held():
    asked = {"busy": 8, "cpu": 0.9, "done": 160, "comes": 480}

    def refused(**fleet_has):
        return steady().go_on(5, fleet_has=fleet_has, **asked)[-1]

    cases = {
        "wanted 4, but there is 1 shard": {"shards": 1},
        "wanted 4, but /dev/shm holds no further slot": {"shm_slots": 0},
        "wanted 4, but host CPU 93 %, up to 90 %": {"host": host(cpu_ratio=0.93, cores=3.0)},
        "wanted 4, but host CPU 80 %, up to 90 %": {"host": host(cpu_ratio=0.8, cores=3.0)},
        "wanted 4, but a consumer takes 100 MiB, 850 MiB of 8.0 GiB are free": {
            "host": host(memory_free_bytes=850 * MIB)
        },
    }
    for words, limit in cases.items():
        decision = refused(**limit)
        assert (decision.action, decision.consumers, decision.wish) == ("refuse", 1, 4), words
        assert decision.why.startswith(words), decision.why


def test_handlers_that_wait_grow_though_others_keep_the_host_busy():
    others = {"host": host(cpu_ratio=1.0, cores=2.0)}
    assert steady().go_on(5, fleet_has=others, busy=8, cpu=0.1, done=160, comes=480)[-1].consumers == 4
    assert steady().go_on(5, fleet_has=others, busy=8, cpu=0.3, done=160, comes=480)[-1].consumers == 3


def test_it_grows_as_far_as_a_limit_lets_it():
    decision = steady(processes=(1, 3)).go_on(5, busy=8, cpu=0.05, done=160, comes=480)[-1]
    assert (decision.action, decision.consumers, decision.wish) == ("grow", 3, 4)
    assert decision.why.endswith("; wanted 4, but processes.max is 3 (config.toml:9)")


def test_it_shrinks_one_at_a_time_when_five_minutes_would_fit_on_fewer():
    fleet = steady(consumers=4)
    actions = [decision.action for decision in fleet.go_on(320, busy=1.6, cpu=0.05, done=32, comes=32)]
    assert actions.index("shrink") >= 300
    fleet = steady(consumers=4)
    decision = next(d for d in fleet.go_on(320, busy=1.6, cpu=0.05, done=32, comes=32) if d.action == "shrink")
    assert (decision.consumers, decision.threads) == (3, 8)
    assert decision.why == "threads 20 % busy at most for 5m0s; one at a time"


def test_one_busy_moment_in_five_minutes_keeps_it():
    fleet = steady(consumers=4)
    fleet.go_on(200, busy=1.6, cpu=0.05, done=32, comes=32)
    fleet.go_on(4, busy=6.2, cpu=0.05, done=124, comes=124)
    assert {decision.action for decision in fleet.go_on(290, busy=1.6, cpu=0.05, done=32, comes=32)} == {"hold"}


def test_threads_shrink_when_processes_cannot():
    fleet = Steady(Autoscaler(pace=Pace()), bounds((1, 8), (4, 64)), threads=40)
    decision = next(d for d in fleet.go_on(320, busy=4, cpu=0.05, done=80, comes=80) if d.action == "shrink")
    assert (decision.consumers, decision.threads) == (1, 30)


def test_having_to_grow_soon_after_a_shrink_makes_it_slower():
    autoscaler = Autoscaler(pace=Pace())
    fleet = Steady(autoscaler, bounds(), consumers=2)
    assert any(d.action == "shrink" for d in fleet.go_on(320, busy=1.6, cpu=0.05, done=32, comes=32))
    fleet.wanted = 1
    grown = fleet.go_on(12, busy=7.5, cpu=0.05, done=150, comes=200)[-1]
    assert grown.action == "grow"
    assert autoscaler.patience_s == 600


def test_nothing_is_decided_while_it_is_blocked():
    decision = steady().go_on(6, fleet_has={"blocked": "broker default does not answer"}, busy=8, done=160, comes=480)[
        -1
    ]
    assert (decision.action, decision.why) == ("hold", "broker default does not answer")


def test_new_bounds_hold_at_once():
    decision = steady(processes=(3, 8)).go_on(1, busy=0)[-1]
    assert (decision.consumers, decision.why) == (3, "bounds are 3 to 8 consumers (config.toml:9)")
