from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from sylph_mp.control.history import History
from sylph_mp.control.metrics import CONTENT_TYPE, exposition
from sylph_mp.control.observation import QuarantineMark
from sylph_mp.control.snapshot import snapshot
from sylph_mp.histogram import Histogram
from tests.unit.control.observed import NOW, counters, instance, observation, report, slot, topic, topic_report


def scrape(history, *slots, **changed):
    """Values by name and labels."""
    shown = snapshot(observation(*slots, **changed), history, ())
    text = exposition(shown, history).decode()
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def lived(history, number, at, **counts):
    history.report(number, report(at, topic_report(counters=counters(**counts))))


def test_the_format_is_the_text_of_prometheus():
    assert CONTENT_TYPE.startswith("text/plain; version=")


def test_counters_of_a_topic_are_those_of_the_snapshot():
    history = History()
    lived(history, 1, NOW, received=9, started=8, acked=4, retried=2, dead=1, failed=2, handed_back=1, expired=3)
    values = scrape(history, slot(1))
    expected = {"received": 9, "started": 8, "acked": 4, "retried": 2, "dead": 1, "handed_back": 1, "expired": 3}
    assert {name: values[f"sylph_deliveries_{name}_total", ("topic", "orders")] for name in expected} == expected
    assert values["sylph_handler_failures_total", ("topic", "orders")] == 2


def test_nothing_falls_when_a_process_is_replaced():
    history = History()
    history.report(1, report(NOW - 9, topic_report(counters=counters(acked=500), run={70: 500}, end={80: 500})))
    before = scrape(history, slot(1))
    history.ended(1, {"orders": counters(acked=510)}, at=NOW - 8)
    history.report(1, report(NOW, topic_report(counters=counters(acked=3), run={70: 3}, end={80: 3})))
    after = scrape(history, slot(1, restarts=1, crashes=1))
    rising = [key for key in before if key[0].endswith(("_total", "_bucket", "_sum", "_count"))]
    assert all(after[key] >= before[key] for key in rising)
    assert after["sylph_deliveries_acked_total", ("topic", "orders")] == 513
    assert after["sylph_handler_run_seconds_count", ("topic", "orders")] == 503


def test_a_histogram_has_every_sample_in_its_bucket():
    durations_us = [300, 1_000, 1_500, 40_000, 900_000, 30_000_000, 4_000_000_000]
    measured = Histogram()
    for duration in durations_us:
        measured.record(duration)
    history = History()
    history.report(1, report(NOW, topic_report(wait=measured.take())))
    values = scrape(history, slot(1))
    buckets = {
        float(dict(labels)["le"]): value
        for (name, *labels), value in values.items()
        if name == "sylph_delivery_wait_seconds_bucket"
    }
    for bound, count in buckets.items():
        assert count == sum(duration < bound * 1e6 for duration in durations_us), bound
    assert buckets[float("inf")] == values["sylph_delivery_wait_seconds_count", ("topic", "orders")] == 7
    total = values["sylph_delivery_wait_seconds_sum", ("topic", "orders")]
    assert abs(total - sum(durations_us) / 1e6) < 0.065 * sum(durations_us) / 1e6


def test_what_is_unknown_is_left_out():
    hung = slot(1, beat_age_s=20.0, report=report(NOW - 20.0))
    values = scrape(History(), hung)
    assert ("sylph_slot_busy_ratio", ("slot", "1")) not in values
    assert ("sylph_deliveries_queued", ("topic", "orders")) not in values
    assert values["sylph_slot_heartbeat_age_seconds", ("slot", "1")] == 20.0
    assert values["sylph_slots", ("state", "hung")] == 1


def test_the_fleet_in_words_and_numbers():
    reports = report(NOW, instances=(instance(),))
    mark = QuarantineMark(messages=3, since_wall=0.0)
    slots = (slot(1, report=reports), replace(slot(2, crashes=2), state="gave-up", pid=None, report=None))
    values = scrape(History(), *slots, quarantine=mark, wanted=4, topics=(topic("orders"), topic("refunds")))
    assert values["sylph_verdict", ("verdict", "healthy")] == 1
    assert values["sylph_verdict", ("verdict", "broken")] == 0
    assert (values["sylph_slots", ("state", "running")], values["sylph_slots", ("state", "gave-up")]) == (1, 1)
    assert values["sylph_slot_crashes_total", ("slot", "2")] == 2
    assert values[("sylph_consumers_wanted",)] == 4
    assert values[("sylph_quarantine_messages",)] == 3
    assert values["sylph_instance_up", ("instance", "default")] == 1
