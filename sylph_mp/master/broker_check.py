"""Asks the brokers, before deliveries are taken, whether they know what the configuration names.

Runs on the master's loop thread; how a broker is asked is given to it.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from msgspec import Struct

from sylph_mp.config.file import problem_at
from sylph_mp.config.schema import Config, Instance
from sylph_mp.errors import BrokerRefusedError, Problem, TransportError
from sylph_mp.master.known_names import KnownNames


class Answer(Struct, frozen=True, kw_only=True):
    """What a broker says about one name."""

    kind: Literal["topic", "group"]
    name: str
    state: Literal["ok", "missing", "refused", "unclear"]
    """`missing` and `refused` are for good; `unclear` may be better the next time."""
    reason: str = ""


Ask = Callable[[Instance, Sequence[str], Sequence[str]], Awaitable[Sequence[Answer]]]
"""Ask an instance about topics and groups; raises TransportError when it does not answer."""


class BrokerCheck:
    def __init__(self, ask: Ask, known: KnownNames | None = None) -> None:
        """`known` is told what the brokers have."""
        self._ask = ask
        self._known = known

    async def instance(self, config: Config, instance: Instance, *, patient: bool = False) -> str | None:
        """None when all is well, else why this is not known yet.

        Raises BrokerRefusedError with a problem for each name that the broker refuses for good; while `patient` it is
        expected to have again what it has had before.
        """
        topics = [topic for topic in config.topics.values() if topic.instance == instance.name]
        groups = list(dict.fromkeys(topic.group for topic in topics))
        try:
            answers = await self._ask(instance, [topic.name for topic in topics], groups)
        except TransportError as error:
            return str(error)
        had = self._known.of(instance) if patient and self._known is not None else frozenset()
        lost = [answer for answer in answers if answer.state == "missing" and _named(answer) in had]
        refused = [answer for answer in answers if answer.state in {"missing", "refused"} and answer not in lost]
        problems = tuple(_problem(answer, config, instance) for answer in refused)
        if problems:
            raise BrokerRefusedError(problems[0].what, problems=problems)
        if self._known is not None:
            self._known.add(instance, [_named(answer) for answer in answers if answer.state == "ok"])
        if lost:
            return f"does not know {_named(lost[0])}, which it had"
        return next((answer.reason for answer in answers if answer.state == "unclear"), None)

    async def all(self, config: Config) -> None:
        """Ask all instances once. Raises BrokerRefusedError; one that does not answer is no reason to refuse."""
        for instance in used_instances(config):
            await self.instance(config, instance)


def used_instances(config: Config) -> list[Instance]:
    """Those that a topic names."""
    names = dict.fromkeys(topic.instance for topic in config.topics.values())
    return [config.instances[name] for name in names]


def _problem(answer: Answer, config: Config, instance: Instance) -> Problem:
    broker, named = f"broker {instance.endpoints[0]}", _named(answer)
    if answer.state == "refused":
        variable = f"SYLPH_INSTANCES_{instance.name.upper()}"
        return problem_at(
            config,
            _key(answer, config),
            f"{broker} refuses {named}: {answer.reason}",
            why="its credentials are wrong, or not allowed to" if instance.access_key else "no credentials are set",
            fix=f"{variable}_ACCESS_KEY and _SECRET_KEY of somebody who may subscribe",
        )
    return problem_at(
        config,
        _key(answer, config),
        f"{broker} has no {named}",
        why=f"the broker makes no {answer.kind}s by itself for this protocol",
        fix=f"mqadmin {_MAKES[answer.kind]} {answer.name}",
    )


def _named(answer: Answer) -> str:
    return f'topic "{answer.name}"' if answer.kind == "topic" else f'consumer group "{answer.name}"'


_MAKES = {
    "topic": "updateTopic -n NAMESRV:9876 -c CLUSTER -t",
    "group": "updateSubGroup -n NAMESRV:9876 -c CLUSTER -g",
}


def _key(answer: Answer, config: Config) -> str:
    """The dotted key that names it."""
    if answer.kind == "topic":
        return f"topics.{answer.name}"
    owners = (topic.name for topic in config.topics.values() if topic.group == answer.name)
    own = (f"topics.{owner}.group" for owner in owners)
    return next((key for key in own if key in config.places), "consumers.group")
