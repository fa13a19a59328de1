"""What a broker does not know is an error at the line that names it; what it cannot say yet is waited for."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from sylph_mp.config.load import load
from sylph_mp.config.schema import Config, Instance
from sylph_mp.errors import BrokerRefusedError, TransportError
from sylph_mp.master.broker_check import Answer, BrokerCheck

TOML = """\
app = "app:app"
[instances.default]
endpoints = "127.0.0.1:8081"
[consumers]
group = "service"
[topics.orders]
[topics.refunds]
group = "other"
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(TOML)
    return load("config.toml", environ={}, overrides={})


def check(config: Config, *answers: Answer) -> str | None:
    async def ask(_: Instance, topics: Sequence[str], groups: Sequence[str]) -> list[Answer]:
        assert (list(topics), list(groups)) == (["orders", "refunds"], ["service", "other"])
        return list(answers)

    return asyncio.run(BrokerCheck(ask).instance(config, config.instances["default"]))


@pytest.mark.parametrize(
    ("answer", "place", "what", "fix"),
    [
        (
            Answer(kind="topic", name="refunds", state="missing"),
            "config.toml:7:9",
            'broker 127.0.0.1:8081 has no topic "refunds"',
            "mqadmin updateTopic -n NAMESRV:9876 -c CLUSTER -t refunds",
        ),
        (
            Answer(kind="group", name="service", state="missing"),
            "config.toml:5:9",
            'broker 127.0.0.1:8081 has no consumer group "service"',
            "mqadmin updateSubGroup -n NAMESRV:9876 -c CLUSTER -g service",
        ),
        (
            Answer(kind="group", name="other", state="refused", reason="40100: no"),
            "config.toml:8:9",
            'broker 127.0.0.1:8081 refuses consumer group "other": 40100: no',
            "SYLPH_INSTANCES_DEFAULT_ACCESS_KEY and _SECRET_KEY of somebody who may subscribe",
        ),
    ],
)
def test_what_is_refused_for_good_names_its_place_and_remedy(
    config: Config, answer: Answer, place: str, what: str, fix: str
) -> None:
    with pytest.raises(BrokerRefusedError) as caught:
        check(config, Answer(kind="topic", name="orders", state="ok"), answer)
    (problem,) = caught.value.problems
    assert (problem.place, problem.what, problem.fix) == (place, what, fix)


def test_all_that_is_refused_comes_together(config: Config) -> None:
    missing = [Answer(kind="topic", name=name, state="missing") for name in ("orders", "refunds")]
    with pytest.raises(BrokerRefusedError) as caught:
        check(config, *missing)
    assert len(caught.value.problems) == 2


def test_what_is_unclear_is_a_reason_to_ask_again(config: Config) -> None:
    assert check(config, Answer(kind="topic", name="orders", state="unclear", reason="50001: busy")) == "50001: busy"
    assert check(config, Answer(kind="topic", name="orders", state="ok")) is None


def test_a_broker_that_is_away_refuses_nothing(config: Config) -> None:
    async def away(*_: object) -> list[Answer]:
        raise TransportError("connection refused")

    assert asyncio.run(BrokerCheck(away).instance(config, config.instances["default"])) == "connection refused"
    asyncio.run(BrokerCheck(away).all(config))
