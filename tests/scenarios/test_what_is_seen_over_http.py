"""Metrics of a fleet do not fall when a consumer is killed, its probes stay well, and the page marks what happened."""

import json
import os
import signal
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from sylph_mp.control.protocol import Scale
from tests.brokers.ports import free_port
from tests.scenarios.real_fleet import RealFleet, send


def get(address, path):
    with urllib.request.urlopen(f"http://{address}{path}", timeout=20) as answer:
        return answer.read().decode()


def totals(address):
    """What must not fall, by name and labels."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(get(address, "/metrics"))
        if family.type in {"counter", "histogram"}
        for sample in family.samples
    }


def acked(address, topic):
    return totals(address)["sylph_deliveries_acked_total", ("topic", topic)]


def test_what_is_seen_over_http(folder, embedded, monkeypatch):
    address = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("SYLPH_CONTROL_HTTP", address)
    topic, group = embedded.topic(), embedded.group()
    with RealFleet(folder, endpoint=embedded.endpoint, topic=topic, group=group) as fleet:
        fleet.until_running(2)
        send(embedded.endpoint, topic, [f"a{number}" for number in range(300)])
        fleet.until(lambda: acked(address, topic) >= 300)
        before = totals(address)
        os.kill(fleet.consumers()[0], signal.SIGKILL)
        fleet.until(lambda: fleet.look().slots[0].crashes + fleet.look().slots[1].crashes)
        fleet.until_running(2)
        fleet.tell(Scale(3, by="root"))
        fleet.until_running(3)
        send(embedded.endpoint, topic, [f"b{number}" for number in range(100)])
        fleet.until(lambda: acked(address, topic) >= 400)
        after = totals(address)
        assert {key: (value, after[key]) for key, value in before.items() if after[key] < value} == {}
        assert sum(value for key, value in after.items() if key[0] == "sylph_slot_crashes_total") == 1
        assert after["sylph_delivery_end_seconds_count", ("topic", topic)] >= 390, "what a kill hides is a second's"

        assert json.loads(get(address, "/health/ready"))["ok"]
        assert json.loads(get(address, "/health/startup"))["ok"]
        marks = [event["mark"] for event in json.loads(get(address, "/history.json"))["happened"]]
        assert [mark for mark in marks if mark] == ["crash", "grow"]
        assert "SLOT  STATE" in get(address, "/")
        assert fleet.stop() == 0
