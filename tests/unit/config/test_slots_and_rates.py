"""How a configuration says a rate, and on which slots a topic is."""

import pytest

from sylph_mp.config.kinds import Rate, Slots, UnfitError
from sylph_mp.config.load import load
from sylph_mp.errors import ConfigError

CONFIG = """\
app = "app:app"
[instances.default]
endpoints = "127.0.0.1:1"
[consumers]
group = "g"
processes = { min = 2, max = 4 }
[topics.orders]
"""


@pytest.mark.parametrize(
    ("text", "per_s"),
    [("500/s", 500), ("30/min", 0.5), ("1.5/s", 1.5), ("36 / h", 0.01), ("off", 0), ("", 0)],
)
def test_a_rate(text, per_s):
    assert Rate().read(text) == pytest.approx(per_s)
    assert Rate().read(Rate().show(per_s).strip('"')) == pytest.approx(per_s)


@pytest.mark.parametrize("value", ["500", 500, "0/s", "5/day", "-1/s", False, "1e9/s"])
def test_no_rate(value):
    with pytest.raises(UnfitError):
        Rate().read(value)


@pytest.mark.parametrize(
    ("text", "numbers", "shown"),
    [("1-3", (1, 2, 3), '"1-3"'), ("3", (3,), '"3"'), ("5, 1-2,2", (1, 2, 5), '"1-2,5"'), ("", (), '""')],
)
def test_slots(text, numbers, shown):
    assert Slots(256).read(text) == numbers
    assert Slots(256).show(numbers) == shown


@pytest.mark.parametrize("value", ["0", "1-300", "3-1", "a", 2, "1--2", "1,"])
def test_no_slots(value):
    with pytest.raises(UnfitError):
        Slots(256).read(value)


def test_a_topic_needs_a_slot_that_is_always_there(tmp_path):
    file = tmp_path / "config.toml"
    file.write_text(CONFIG + 'slots = "2-3"\n')
    assert load(file).topics["orders"].slots == (2, 3)
    file.write_text(CONFIG + 'slots = "3-4"\n')
    with pytest.raises(ConfigError) as refused:
        load(file)
    (problem,) = refused.value.problems
    assert problem.what == "topics.orders: none of its slots is there with processes.min = 2"
    assert problem.place.endswith("config.toml:8:9")
