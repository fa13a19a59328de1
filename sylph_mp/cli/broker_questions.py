"""Asks the brokers, for `sylph config check --broker`, whether they know the configured topics and groups.

In the command's process, on a loop of its own; nothing is received.
"""

import uvloop

from sylph_mp.clock import SystemClock
from sylph_mp.config.file import problem_at
from sylph_mp.config.schema import EMBEDDED, Config, Instance
from sylph_mp.errors import BrokerError, BrokerRefusedError, Problem
from sylph_mp.master.broker_check import BrokerCheck, used_instances
from sylph_mp.master.topology import asking


def ask_brokers(config: Config) -> list[str]:
    """A sentence for each instance. Raises BrokerRefusedError: what brokers refuse, and which are away."""
    return uvloop.run(_ask_all(config))


async def _ask_all(config: Config) -> list[str]:
    sentences: list[str] = []
    problems: list[Problem] = []
    for instance in used_instances(config):
        try:
            sentences.append(await _ask_one(config, instance))
        except BrokerError as error:
            problems.append(_away(config, instance, str(error)))
        except BrokerRefusedError as error:
            problems += error.problems
    if problems:
        raise BrokerRefusedError(_verdict(len(problems)), problems=tuple(problems))
    return sentences


async def _ask_one(config: Config, instance: Instance) -> str:
    if EMBEDDED in instance.endpoints:
        return f"{instance.name} is the embedded broker, which starts with the fleet"
    if (reason := await BrokerCheck(asking(SystemClock())).instance(config, instance)) is not None:
        raise BrokerError(reason)
    count = sum(topic.instance == instance.name for topic in config.topics.values())
    return f"{instance.name} ({instance.endpoints[0]}) knows {count} of {count} topics"


def _verdict(count: int) -> str:
    return f"{count} error{'s' * (count > 1)} between the configuration and its brokers; nothing was started"


def _away(config: Config, instance: Instance, reason: str) -> Problem:
    return problem_at(
        config,
        f"instances.{instance.name}.endpoints",
        f"broker {instance.endpoints[0]}: {reason}",
        why="sylph run would wait for it",
        fix="start its proxy, or name another address",
    )
