"""What is set while the master runs: which keys, what it changes, and how long it counts."""

from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from sylph_mp.config.load import load
from sylph_mp.config.schema import Range, Recycle
from sylph_mp.control.protocol import DeniedError
from sylph_mp.errors import ConfigError
from sylph_mp.master.live_settings import LiveSettings

CONFIG = """\
app = "app:app"
[instances.default]
endpoints = "127.0.0.1:1"
[consumers]
group = "g"
processes = { min = 1, max = 4 }
[topics.orders]
shards = 4
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def fleet(file):
    return SimpleNamespace(config=load(file))


@pytest.fixture
def settings(file, fleet):
    clock = SimpleNamespace(time=lambda: 100.0)
    return LiveSettings(fleet=fleet, load=lambda live: load(file, overrides=live), clock=clock)


def put(settings, fleet, key, value):
    fleet.config = settings.changed(key, value)
    settings.mark(key, value, "root")


def test_one_value_is_changed(settings, fleet):
    put(settings, fleet, "topics.orders.rate", "500/s")
    put(settings, fleet, "consumers.processes.max", "6")
    assert (fleet.config.topics["orders"].rate, fleet.config.topics["orders"].shards) == (500, 4)
    assert fleet.config.consumers.processes == Range(1, 6)
    assert [(mark.key, mark.value, mark.by) for mark in settings.marks] == [
        ("topics.orders.rate", "500/s", "root"),
        ("consumers.processes.max", "6", "root"),
    ]


def test_the_log_level_is_set(settings, fleet):
    put(settings, fleet, "log.level", "debug")
    assert fleet.config.log.level == "debug"
    assert [mark.key for mark in settings.marks] == ["log.level"]
    with pytest.raises(ConfigError) as refused:
        settings.changed("log.level", "loud")
    assert '"warn" or "error" is due, not "loud"' in refused.value.problems[0].what


def test_limits_for_recycling_are_set_one_by_one(settings, fleet):
    put(settings, fleet, "consumers.recycle.memory", "512 MiB")
    put(settings, fleet, "consumers.recycle.age_s", "3600")
    assert fleet.config.consumers.recycle == Recycle(memory=512 << 20, age_s=3600)
    assert [mark.key for mark in settings.marks] == ["consumers.recycle.memory", "consumers.recycle.age_s"]
    assert settings.reloaded().consumers.recycle == Recycle(memory=512 << 20, age_s=3600)


def test_what_else_changed_in_the_file_is_left_to_a_reload(settings, fleet, file):
    file.write_text(CONFIG.replace("shards = 4", "shards = 8"))
    put(settings, fleet, "topics.orders.rate", "500/s")
    assert fleet.config.topics["orders"].shards == 4
    reloaded = settings.reloaded()
    assert (reloaded.topics["orders"].shards, reloaded.topics["orders"].rate) == (8, 500)


def test_what_is_saved_is_the_files(settings, fleet):
    put(settings, fleet, "topics.orders.shards", "8")
    settings.forget("topics.orders.shards")
    assert settings.marks == ()
    assert settings.reloaded().topics["orders"].shards == 4


def test_what_was_taken_back_does_not_count(settings, fleet):
    before = fleet.config
    put(settings, fleet, "consumers.threads", "16")
    fleet.config = before
    assert settings.marks == ()
    assert settings.reloaded().consumers.threads == before.consumers.threads


@pytest.mark.parametrize("key", ["consumers.lease_s", "topics.orders.group", "control.http"])
def test_what_consumers_read_when_they_start_is_refused(settings, key):
    with pytest.raises(DeniedError, match="cannot be set while consumers run"):
        settings.changed(key, {"control.http": "127.0.0.1:1"}.get(key, "60"))


@pytest.mark.parametrize(
    ("key", "value"), [("topics.order.shards", "8"), ("topics.orders.shards", "0"), ("consumers.processes.min", "9")]
)
def test_what_is_wrong_is_said_as_of_the_file(settings, key, value):
    with pytest.raises(ConfigError):
        settings.changed(key, value)


def test_a_topic_that_came_into_the_file_later_waits_for_a_reload(settings, file):
    file.write_text(CONFIG + "[topics.refunds]\n")
    with pytest.raises(DeniedError, match="came into the file"):
        settings.changed("topics.refunds.shards", "2")


def test_a_topic_that_is_gone_has_no_mark(settings, fleet):
    put(settings, fleet, "topics.orders.shards", "8")
    fleet.config = replace(fleet.config, topics={})
    assert settings.marks == ()
