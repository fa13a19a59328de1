"""What was set while the master runs: checked as the configuration is, kept across restarts of consumers and reloads.

Owned by the master, on its loop thread. It changes the fleet's configuration; the supervisor's next pass makes it so.
"""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

from msgspec.structs import replace

from sylph_mp.clock import Clock
from sylph_mp.config.schema import Config
from sylph_mp.control.observation import LiveMark
from sylph_mp.control.protocol import DeniedError
from sylph_mp.master.fleet import Fleet

#: Keys of a topic, of [consumers] and of [log] that hold at once. All others are read by consumers when they start.
OF_TOPICS = ("shards", "rate", "burst", "slots")
OF_CONSUMERS = ("processes", "threads", "recycle")
OF_LOG = ("level",)

Load = Callable[[Mapping[str, str]], Config]
"""Reads the configuration anew; what is given by dotted key wins over file and environment. Raises ConfigError."""


class LiveSettings:
    def __init__(self, *, fleet: Fleet, load: Load, clock: Clock) -> None:
        self._fleet = fleet
        self._load = load
        self._clock = clock
        self._marks: dict[str, tuple[LiveMark, object]] = {}
        """By key: who set it, and what it is in the configuration."""

    @property
    def marks(self) -> tuple[LiveMark, ...]:
        """The oldest first; what a failed replacement of consumers took back is none."""
        config = self._fleet.config
        return tuple(mark for key, (mark, value) in self._marks.items() if _value(config, key) == value)

    def reloaded(self) -> Config:
        """The configuration as it is written now, with what was set. Raises ConfigError."""
        return self._load(self._values())

    def changed(self, key: str, value: str) -> Config:
        """The fleet's configuration with that value. Raises DeniedError for a key that cannot be set, ConfigError."""
        path = tuple(key.split("."))
        read = self._load(self._values() | {key: value})  # says what is wrong with key and value
        if not _is_live(path):
            raise DeniedError(
                f"{key} cannot be set while consumers run: they read it when they start", next="sylph reload"
            )
        return _merged(self._fleet.config, read, path)

    def mark(self, key: str, value: str, by: str) -> None:
        """It is in the fleet's configuration from now on."""
        self._marks.pop(key, None)
        mark = LiveMark(key=key, value=value, since_wall=self._clock.time(), by=by)
        self._marks[key] = (mark, _value(self._fleet.config, key))

    def forget(self, key: str) -> None:
        """It stands in the file."""
        self._marks.pop(key, None)

    def _values(self) -> dict[str, str]:
        return {mark.key: mark.value for mark in self.marks}


def _is_live(path: tuple[str, ...]) -> bool:
    match path:
        case ("topics", _, name):
            return name in OF_TOPICS
        case ("consumers", name, *_):
            return name in OF_CONSUMERS
        case ("log", name):
            return name in OF_LOG
    return False


def _merged(running: Config, read: Config, path: tuple[str, ...]) -> Config:
    """`running`, with the key at `path` as `read` has it; whatever else the file says by now is for a reload."""
    if path[0] in ("consumers", "log"):
        table = _with(getattr(running, path[0]), getattr(read, path[0]), path[1])
        return replace(running, **{path[0]: table})
    name = path[1]
    if name not in running.topics:
        raise DeniedError(f"{name} came into the file after the start", next="sylph reload")
    return replace(running, topics=running.topics | {name: _with(running.topics[name], read.topics[name], path[2])})


def _value(config: Config, key: str) -> object:
    """What a key that is live holds; None for a topic that is gone."""
    names = key.split(".")
    if names[0] in ("consumers", "log"):
        return reduce(getattr, names, config)
    return getattr(config.topics[names[1]], names[2]) if names[1] in config.topics else None


def _with(running: Any, read: Any, name: str) -> Any:
    return replace(running, **{name: getattr(read, name)})
