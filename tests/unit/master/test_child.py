"""What a consumer leaves out of its reports is what it told last; who looks always finds all of it."""

from types import SimpleNamespace

from sylph_mp.master.child import Child
from tests.unit.control.observed import counters, report, topic_report


def child():
    spawn = SimpleNamespace(config=None)
    return Child(process=SimpleNamespace(pid=7), stream=None, spawn=spawn, clock=SimpleNamespace(monotonic=lambda: 1.0))


def test_reports_are_completed():
    of = child()
    orders, refunds = (topic_report(name, counters=counters(started=5)) for name in ("orders", "refunds"))
    of._take(report(10.0, orders, refunds))
    assert of.report.topics == (orders, refunds)
    more = topic_report("refunds", counters=counters(started=8))
    of._take(report(11.0, more, rss_bytes=1))
    assert (of.report.topics, of.report.rss_bytes, of.calls_begun) == ((orders, more), 1, 13)


def test_while_nothing_is_told_the_topics_are_the_same_object():
    of = child()
    of._take(report(10.0, topic_report()))
    topics = of.report.topics
    of._take(report(11.0))
    assert of.report.at == 11.0
    assert of.report.topics is topics
