"""Asks a RocketMQ cluster, before anything is started, whether it has the topics and groups and lets us at them.

Runs on the loop thread of the master, and of `sylph config check --broker`.
"""

import asyncio
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Instance
from sylph_mp.errors import BrokerError, StatusError, TransportError
from sylph_mp.rocketmq.calls import Calls
from sylph_mp.rocketmq.endpoints import parse_address
from sylph_mp.rocketmq.link import Link
from sylph_mp.rocketmq.metadata import new_client_id
from sylph_mp.rocketmq.settings import is_access_refused, is_group_missing, settings_of
from sylph_mp.rocketmq.status import Code

#: Trying again does not help with these names.
_ILLEGAL_NAMES = frozenset({Code.ILLEGAL_TOPIC, Code.ILLEGAL_CONSUMER_GROUP})


class Finding(Struct, frozen=True, kw_only=True):
    """What the cluster says about one topic or group."""

    name: str
    state: Literal["ok", "missing", "refused", "unclear"]
    """`missing` and `refused` (access, illegal name) are for good; `unclear` may be better the next time."""
    error: BrokerError | None = None


class Findings(Struct, frozen=True, kw_only=True):
    topics: tuple[Finding, ...]
    groups: tuple[Finding, ...]


async def probe(instance: Instance, topics: Sequence[str], groups: Sequence[str], clock: Clock) -> Findings:
    """Raises TransportError with a short reason when the cluster does not answer."""
    return Findings(
        topics=tuple(await _probe_topics(instance, topics, clock)),
        groups=tuple(await asyncio.gather(*(_probe_group(instance, group, clock) for group in groups))),
    )


async def _probe_topics(instance: Instance, topics: Sequence[str], clock: Clock) -> list[Finding]:
    calls = Calls.to(instance, client_id=new_client_id(), clock=clock)

    async def probe_topic(topic: str) -> Finding:
        try:
            await calls.query_route(topic)
        except BrokerError as error:
            return _finding(topic, error)
        return Finding(name=topic, state="ok")

    try:
        return await asyncio.gather(*(probe_topic(topic) for topic in topics))
    finally:
        calls.close()


async def _probe_group(instance: Instance, group: str, clock: Clock) -> Finding:
    """Only telemetry tells whether a group exists."""
    calls = Calls.to(instance, client_id=new_client_id(), clock=clock)
    addresses = tuple(parse_address(text) for text in instance.endpoints)
    link = Link(calls, settings=settings_of(instance, group, {}, addresses=addresses))
    try:
        await link.start()
    except BrokerError as error:
        return _finding(group, error)
    finally:
        await link.stop()
    return Finding(name=group, state="ok")


def _finding(name: str, error: BrokerError) -> Finding:
    if isinstance(error, TransportError):
        raise error
    reason = error.__cause__ if isinstance(error.__cause__, BrokerError) else error
    if is_group_missing(reason) or (isinstance(reason, StatusError) and reason.code == Code.TOPIC_NOT_FOUND):
        return Finding(name=name, state="missing", error=error)
    if is_access_refused(reason) or (isinstance(reason, StatusError) and reason.code in _ILLEGAL_NAMES):
        return Finding(name=name, state="refused", error=error)
    return Finding(name=name, state="unclear", error=error)
