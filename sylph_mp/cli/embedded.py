"""The brokers that `sylph run` starts for instances with `endpoints = "embedded"`, and stops after the fleet.

In the process of `sylph run`, which becomes the master; each broker is a process of its own.
"""

from typing import TYPE_CHECKING, Self

import msgspec

from sylph_mp.config.schema import EMBEDDED, Config

if TYPE_CHECKING:
    from sylph_mp.devbroker.launch import Launched


class EmbeddedBrokers:
    """`with` stops them."""

    def __init__(self) -> None:
        self._launched: dict[str, Launched] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for launched in self._launched.values():
            launched.stop()

    @property
    def endpoints(self) -> list[str]:
        return [launched.endpoint for launched in self._launched.values()]

    def started(self, config: Config) -> Config:
        """The same configuration with the endpoints of brokers that run now; those that run already are kept.

        Raises ResourceError.
        """
        instances = dict(config.instances)
        for name, instance in instances.items():
            if EMBEDDED in instance.endpoints:
                if name not in self._launched:
                    self._launched[name] = _launch(config, name)
                instances[name] = msgspec.structs.replace(instance, endpoints=(self._launched[name].endpoint,))
        return msgspec.structs.replace(config, instances=instances)


def _launch(config: Config, instance: str) -> "Launched":
    from sylph_mp.devbroker.launch import Group, Order, Topic, launch  # noqa: PLC0415  most have a broker

    topics = [topic for topic in config.topics.values() if topic.instance == instance]
    groups = dict.fromkeys(topic.group for topic in topics)
    return launch(
        Order(
            topics=tuple(Topic(topic.name) for topic in topics),
            groups=tuple(Group(group) for group in groups),
        )
    )
