from sylph_mp.control.history import History
from sylph_mp.histogram import Histogram
from tests.unit.control.observed import acked, counters, error_count, report, topic_report


def totals(history, topic="orders"):
    past = history.topic(topic)
    return past.totals if past else {}


def test_totals_are_of_all_processes_that_ever_ran():
    history = History()
    history.report(1, acked(100.0, 500))
    history.report(2, acked(100.2, 300))
    history.ended(1, {"orders": counters(received=520, acked=510)}, at=100.7)
    history.report(1, acked(102.0, 40))
    assert totals(history)["acked"] == 510 + 300 + 40
    assert totals(history)["received"] == 520 + 300 + 40
    assert history.slot(1).totals["acked"] == 510 + 40


def test_a_kill_without_readable_vitals_loses_no_reported_count():
    history = History()
    history.report(1, acked(100.0, 500))
    history.ended(1, None, at=101.0)
    history.report(1, acked(103.0, 7))
    assert totals(history)["acked"] == 507


def test_counts_of_a_process_that_died_before_its_first_report_count():
    history = History()
    history.ended(1, {"orders": counters(acked=3)}, at=50.0)
    assert totals(history)["acked"] == 3


def test_final_counters_behind_the_last_report_take_nothing_back():
    history = History()
    history.report(1, acked(100.0, 500))
    history.ended(1, {"orders": counters(acked=490)}, at=100.1)
    assert totals(history)["acked"] == 500


def test_rate_is_the_mean_of_ten_seconds_of_all_slots():
    history = History()
    for second in range(31):
        history.report(1, acked(100.3 + second, 100 * second))
        history.report(2, acked(100.8 + second, 50 * second))
    assert round(history.topic("orders").rate_per_s(131.0), 6) == 150.0
    assert history.rate_per_s(131.0) == history.topic("orders").rate_per_s(131.0)


def test_a_rate_falls_to_zero_when_nothing_is_reported_any_more():
    history = History()
    for second in range(31):
        history.report(1, acked(100.0 + second, 100 * second))
    assert history.topic("orders").rate_per_s(145.0) == 0.0


def test_fail_is_retry_and_dead_letter_of_what_was_settled():
    history = History()
    history.report(1, report(100.0, topic_report(counters=counters(acked=70, retried=20, dead=10, failed=30))))
    failing = history.topic("orders").failing(101.0)
    assert (failing.ratio, failing.settled) == (0.3, 100.0)
    assert history.topic("orders").failing(200.0).ratio is None


def test_percentiles_come_of_added_histograms():
    fast, slow = Histogram(), Histogram()
    for _ in range(97):
        fast.record(1_000)
    for _ in range(3):
        slow.record(500_000)
    history = History()
    history.report(1, report(100.0, topic_report(run=fast.take())))
    history.report(2, report(103.0, topic_report(run=slow.take())))
    run = history.topic("orders").run
    assert run.quantiles(110.0).p50_s < 0.00113
    assert 0.5 < run.quantiles(110.0).p99_s < 0.57
    assert run.quantiles(180.0).p99_s is None


def test_durations_of_all_time_outlive_the_window_and_the_process():
    history = History()
    for at in (100.0, 500.0):
        history.report(1, report(at, topic_report(end={40: 3, 41: 1})))
        history.ended(1, None, at=at + 1)
    assert history.topic("orders").end.total == {40: 6, 41: 2}


def test_rates_tell_the_outcomes_apart():
    history = History()
    for second in range(31):
        counted = counters(acked=60 * second, retried=30 * second, dead=10 * second)
        history.report(1, report(100.0 + second, topic_report(counters=counted)))
    rates = history.topic("orders").rates(10, 131.0)
    assert [round(rate, 6) for rate in (rates.acked, rates.retried, rates.dead)] == [60.0, 30.0, 10.0]
    assert round(history.topic("orders").settled_per_s(131.0), 6) == 100.0


def test_shares_are_of_the_running_process():
    history = History()
    for second in range(15):
        history.report(1, acked(100.0 + second, 10 * second, threads=4, busy_s=2.0 * second, cpu_s=0.25 * second))
    shares = history.slot(1).shares()
    assert (shares.rate_per_s, shares.busy_ratio, shares.cpu_ratio) == (10.0, 0.5, 0.25)
    history.ended(1, None, at=115.0)
    assert history.slot(1).shares().rate_per_s is None


def test_frequent_errors_of_ten_minutes():
    history = History()
    for minute, kind in enumerate(("Old", "LedgerClosed", "LedgerClosed", "KeyError", "A", "B", "C", "D")):
        errors = (error_count(minute + 1, kind=kind, text=f"{kind} " + "x" * 500),)
        history.report(1, report(60.0 * (minute + 1), topic_report(errors=errors)))
    top = history.topic("orders").errors(60.0 * 11)
    assert [(error.kind, error.count) for error in top] == [("D", 8), ("C", 7), ("B", 6), ("A", 5), ("LedgerClosed", 5)]
    assert len(top[0].text) == 200
    assert top[0].share == 8 / (2 + 3 + 4 + 5 + 6 + 7 + 8)


def test_a_topic_that_a_report_leaves_out_is_as_it_was_told_last():
    history = History()
    both = [topic_report(name, counters=counters(acked=acked)) for name, acked in (("orders", 100), ("refunds", 7))]
    history.report(1, report(100.0, *both))
    history.report(1, report(101.0, topic_report("orders", counters=counters(acked=130))))
    history.report(1, report(102.0))
    assert (totals(history)["acked"], totals(history, "refunds")["acked"]) == (130, 7)
    assert history.slot(1).shares().rate_per_s == 15.0
    history.report(1, report(103.0, topic_report("refunds", counters=counters(acked=9))))
    assert totals(history, "refunds")["acked"] == 9
    assert history.slot(1).totals["acked"] == 139
