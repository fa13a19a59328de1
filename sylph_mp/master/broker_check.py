"""Asks the brokers, before deliveries are taken, whether they know what the configuration names.

Runs on the master's loop thread; how a broker is asked is given to it.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from msgspec import Struct

from sylph_mp.config.schema import Config, Instance
from sylph_mp.errors import BrokerRefusedError, Problem, TransportError


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
    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def instance(self, config: Config, instance: Instance) -> str | None:
        """None when all is well, else why this is not known yet.

        Raises BrokerRefusedError with a problem for each name that the broker refuses for good.
        """
        topics = [topic for topic in config.topics.values() if topic.instance == instance.name]
        groups = list(dict.fromkeys(topic.group for topic in topics))
        try:
            answers = await self._ask(instance, [topic.name for topic in topics], groups)
        except TransportError as error:
            return str(error)
        problems = tuple(
            _problem(answer, config, instance) for answer in answers if answer.state in {"missing", "refused"}
        )
        if problems:
            raise BrokerRefusedError(problems[0].what, problems=problems)
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
    broker = f"broker {instance.endpoints[0]}"
    place = _place(answer, config)
    if answer.state == "refused":
        name = instance.name.upper()
        return Problem(
            place=place,
            what=f'{broker} refuses {answer.kind} "{answer.name}": {answer.reason}',
            fix=f"SYLPH_INSTANCES_{name}_ACCESS_KEY and _SECRET_KEY of a user that may subscribe",
        )
    if answer.kind == "topic":
        return Problem(
            place=place,
            what=f'{broker} has no topic "{answer.name}"',
            why="the broker makes no topics by itself for this protocol",
            fix=f"mqadmin updateTopic -n NAMESRV:9876 -c CLUSTER -t {answer.name}",
        )
    return Problem(
        place=place,
        what=f'{broker} has no consumer group "{answer.name}"',
        why="the broker makes no groups by itself for this protocol",
        fix=f"mqadmin updateSubGroup -n NAMESRV:9876 -c CLUSTER -g {answer.name}",
    )


def _place(answer: Answer, config: Config) -> str:
    if answer.kind == "topic":
        keys = [f"topics.{answer.name}"]
    else:
        owners = [topic.name for topic in config.topics.values() if topic.group == answer.name]
        keys = [*(f"topics.{owner}.group" for owner in owners), "consumers.group"]
    return next((config.places[key] for key in keys if key in config.places), config.path)
