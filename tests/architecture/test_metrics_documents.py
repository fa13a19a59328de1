"""What is written about metrics fits the metrics: the reference has each of them, the dashboard uses no others."""

import json
import re

from prometheus_client.parser import text_string_to_metric_families

from sylph_mp.control.history import History
from sylph_mp.control.metrics import exposition
from tests.unit.cli import snapshots

#: What Prometheus makes of one histogram.
SUFFIXES = ("_bucket", "_sum", "_count")


def families():
    text = exposition(snapshots.degraded(), History()).decode()
    return list(text_string_to_metric_families(text))


def name_of(family):
    """As it is scraped."""
    return f"{family.name}_total" if family.type == "counter" else family.name


def label_of(family):
    """Its labels, without the `le` of a histogram."""
    return ", ".join(sorted({label for sample in family.samples for label in sample.labels} - {"le"}))


def test_the_reference_has_every_metric_with_its_type_labels_and_meaning(root):
    rows = re.findall(
        r"^\| `(sylph_\w+)` \| (\w+) \| (?:`([^|]*)`)? ?\| (.*) \|$",
        (root / "docs/reference/metrics.md").read_text(),
        re.MULTILINE,
    )
    listed = {name: (kind, labels.replace("`", ""), meaning) for name, kind, labels, meaning in rows}
    known = {name_of(family): (family.type, family.documentation) for family in families()}
    assert {name: (kind, meaning) for name, (kind, _, meaning) in listed.items()} == known
    sampled = {name_of(family): label_of(family) for family in families() if family.samples}
    assert {name: listed[name][1] for name in sampled} == sampled


def test_metrics_are_named_by_the_conventions():
    """Unit and type at the end, `_total` for counters alone: prometheus.io, Metric and label naming."""
    for family in families():
        name = name_of(family)
        assert re.fullmatch(r"sylph(_[a-z]+)+", name), name
        assert name.endswith("_total") == (family.type == "counter"), name
        assert family.type != "histogram" or name.endswith("_seconds"), name
        assert not name.endswith(("_ms", "_s", "_percent", "_mib", "_minutes")), name


def test_the_dashboard_uses_only_metrics_that_are_there(root):
    board = json.loads((root / "docs/grafana.json").read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    used = {name for query in queries for name in re.findall(r"sylph_\w+", query)}
    there = {name_of(family) for family in families()}
    histograms = {family.name for family in families() if family.type == "histogram"}
    assert used
    assert used <= there | {name + suffix for name in histograms for suffix in SUFFIXES}


def test_the_dashboard_shows_every_counter_and_histogram(root):
    """But for details of a delivery that are looked up when they are needed."""
    text = (root / "docs/grafana.json").read_text()
    left_out = {"received", "started", "unshared", "skewed"}
    names = {name_of(family) for family in families() if family.type in {"counter", "histogram"}}
    assert {name for name in names if name not in text} == {f"sylph_deliveries_{name}_total" for name in left_out}


def test_the_dashboards_panels_do_not_overlap(root):
    places = [panel["gridPos"] for panel in json.loads((root / "docs/grafana.json").read_text())["panels"]]
    taken = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) == 23
