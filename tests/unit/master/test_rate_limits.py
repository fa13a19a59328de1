"""The rates of the configuration, as consumers find them in shared memory."""

import os
import uuid

import pytest
from msgspec.structs import replace

from sylph_mp.config.load import load
from sylph_mp.errors import ResourceError
from sylph_mp.master.rate_limits import SPARE_LINES, RateLimits
from sylph_mp.shm.rates import RateTaker
from tests.unit.hands import Hands

CONFIG = """\
app = "app:app"
[instances.default]
endpoints = "127.0.0.1:1"
[consumers]
group = "g"
[topics.orders]
rate = "200/s"
[topics.refunds]
"""


class Known:
    """What holds now; the test changes it."""

    def __init__(self, config):
        self.config = config

    def set(self, topic, **changed):
        topics = self.config.topics | {topic: replace(self.config.topics[topic], **changed)}
        self.config = replace(self.config, topics=topics)


@pytest.fixture
def known(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text(CONFIG)
    return Known(load(file))


@pytest.fixture
def play(known):
    hands = Hands()
    name = f"sylph-limits-{os.getpid()}-{uuid.uuid4().hex[:6]}"
    limits = RateLimits(name=name, config=lambda: known.config, clock=hands)
    limits.reserve()
    taker = RateTaker.attach(name, slot=1)
    yield limits, taker, hands
    taker.close()
    limits.release()


def available(taker, line, hands):
    return taker.available(line, int(hands.now * 1e9))


def test_a_topics_rate_is_in_its_line(play, known):
    limits, taker, _ = play
    lines = limits.lines(known.config)
    assert lines == {"orders": 0, "refunds": 1}
    assert (taker.rate_per_s(0), taker.rate_per_s(1)) == (200.0, 0.0)


def test_a_change_is_seen_at_the_next_look(play, known):
    limits, taker, hands = play
    known.set("orders", rate=500.0)
    hands.now += 0.1
    limits.look()
    taker.take(0, int(available(taker, 0, hands)))
    hands.now += 1.0
    assert available(taker, 0, hands) == pytest.approx(500)


@pytest.mark.parametrize(("burst", "left"), [(0, 100), (7, 7)])
def test_a_pause_leaves_the_burst(play, known, burst, left):
    limits, taker, hands = play
    known.set("orders", burst=burst)
    for _ in range(30):
        hands.now += 0.1
        limits.look()
    assert available(taker, 0, hands) == pytest.approx(left)


def test_a_slow_rate_lets_one_through_at_a_time(play, known):
    limits, taker, hands = play
    known.set("refunds", rate=0.1)
    for _ in range(300):
        hands.now += 0.1
        limits.look()
    assert available(taker, 1, hands) == pytest.approx(1)


def test_reloads_add_topics_up_to_a_limit(play, known):
    limits, _, _ = play
    more = {f"t{n}": replace(known.config.topics["orders"], name=f"t{n}") for n in range(SPARE_LINES)}
    grown = replace(known.config, topics={**more, **known.config.topics})
    assert limits.lines(grown)["orders"] == 0
    assert len(set(limits.lines(grown).values())) == len(more) + 2
    with pytest.raises(ResourceError, match="more than 64 topics"):
        limits.lines(replace(grown, topics={**grown.topics, "one": grown.topics["orders"]}))
