"""What a broker does not know is an error at the line that names it; what it cannot say yet is waited for."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from sylph_mp.config.load import load
from sylph_mp.config.schema import Config, Instance
from sylph_mp.errors import BrokerRefusedError, TransportError
from sylph_mp.master.broker_check import Answer, BrokerCheck
from sylph_mp.master.known_names import KnownNames

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


class Broker:
    """Has some of the topics of the configuration above, and all groups."""

    def __init__(self, *topics: str) -> None:
        self.topics = topics

    async def __call__(self, _: Instance, topics: Sequence[str], groups: Sequence[str]) -> list[Answer]:
        states = [(name, "ok" if name in self.topics else "missing") for name in topics]
        return [Answer(kind="topic", name=name, state=state) for name, state in states] + [
            Answer(kind="group", name=name, state="ok") for name in groups
        ]


def test_what_a_broker_has_had_is_no_reason_to_refuse_while_there_is_patience(config: Config, tmp_path: Path) -> None:
    broker, instance = Broker("orders"), config.instances["default"]

    def asked(*, patient: bool) -> str | None:
        """By a master that has just started."""
        return asyncio.run(BrokerCheck(broker, KnownNames(tmp_path)).instance(config, instance, patient=patient))

    with pytest.raises(BrokerRefusedError):
        asked(patient=True)
    broker.topics = ("orders", "refunds")
    assert asked(patient=True) is None
    broker.topics = ()
    assert asked(patient=True) == 'does not know topic "orders", which it had'
    with pytest.raises(BrokerRefusedError) as caught:
        asked(patient=False)
    assert len(caught.value.problems) == 2


def test_what_was_never_there_is_refused_beside_what_was(config: Config, tmp_path: Path) -> None:
    known, instance = KnownNames(tmp_path), config.instances["default"]
    known.add(instance, ['topic "orders"'])
    with pytest.raises(BrokerRefusedError) as caught:
        asyncio.run(BrokerCheck(Broker(), known).instance(config, instance, patient=True))
    assert [problem.what for problem in caught.value.problems] == ['broker 127.0.0.1:8081 has no topic "refunds"']


def test_another_broker_is_another_one_and_a_broken_file_knows_nothing(config: Config, tmp_path: Path) -> None:
    known, instance = KnownNames(tmp_path), config.instances["default"]
    known.add(instance, ["a"])
    known.add(instance, ["b", "a"])
    assert known.of(instance) == {"a", "b"}
    assert known.of(replace(instance, endpoints=("127.0.0.1:9",))) == frozenset()
    assert known.of(replace(instance, namespace="other")) == frozenset()
    (tmp_path / "known-names.json").write_bytes(b"")
    assert known.of(instance) == frozenset()
    known.add(instance, ["c"])
    assert KnownNames(tmp_path).of(instance) == {"c"}
