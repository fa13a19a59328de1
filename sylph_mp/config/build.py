"""Puts single values into the schema's tables: defaults filled in, topics inheriting from [consumers], paths absolute.

Pure. Takes what it gets: whether it makes sense together is for the rules to say.
"""

import os
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from sylph_mp.config.key import Key, Path, Table
from sylph_mp.config.keys import CONSUMERS, CONTROL, INSTANCE, LOG, PRODUCERS, TOPIC
from sylph_mp.config.said import Value, dotted
from sylph_mp.config.schema import Config, Consumers, Control, Instance, Logging, Producers, Range, Topic

#: For keys that have no default; the rules refuse them if they stay so.
_MISSING: dict[str, Any] = {"endpoints": (), "group": "", "app": ""}


def build(path: str, values: Mapping[Path, Value], *, cores: int) -> Config:
    """A Config of what was said; `path` is the file's absolute path."""
    consumers = _consumers(values, cores)
    folder = os.path.dirname(path)
    instances = {name: _instance(name, values, folder) for name in _names("instances", values)}
    topics = {name: _topic(name, values, consumers) for name in _names("topics", values)}
    app = values.get(("app",))
    return Config(
        path=path,
        app=app.value if app else _MISSING["app"],
        instances=instances,
        consumers=consumers,
        topics=topics,
        control=_control(values, folder),
        producers=Producers(**_fields(PRODUCERS, ("producers",), values)),
        log=Logging(**_fields(LOG, ("log",), values)),
        places=_places(values),
    )


def _consumers(values: Mapping[Path, Value], cores: int) -> Consumers:
    fields = _fields(CONSUMERS, ("consumers",), values)
    processes: Range = fields["processes"]
    most = processes.max or max(cores, processes.min)
    return Consumers(**{**fields, "processes": Range(processes.min or most, most)})


def _instance(name: str, values: Mapping[Path, Value], folder: str) -> Instance:
    fields = _fields(INSTANCE, ("instances", name), values)
    for key in ("ca_file", "cert_file", "key_file"):
        fields[key] = os.path.join(folder, fields[key]) if fields[key] else ""
    return Instance(name=name, **fields)


def _topic(name: str, values: Mapping[Path, Value], consumers: Consumers) -> Topic:
    return Topic(name=name, **_fields(TOPIC, ("topics", name), values, consumers))


def _control(values: Mapping[Path, Value], folder: str) -> Control:
    fields = _fields(CONTROL, ("control",), values)
    paths = {name: os.path.normpath(os.path.join(folder, fields[name])) for name in ("socket", "state")}
    return Control(**{**fields, **paths})


def _fields(
    table: Table, prefix: Path, values: Mapping[Path, Value], inherited: Consumers | None = None
) -> dict[str, Any]:
    def default(key: Key) -> Any:
        if inherited is not None and key.inherited:
            return getattr(inherited, key.name)
        return _MISSING.get(key.name, key.default)

    return {name: _value(key, (*prefix, name), values, default(key)) for name, key in table.keys.items()}


def _value(key: Key, path: Path, values: Mapping[Path, Value], default: Any) -> Any:
    if key.parts:
        assert isinstance(default, Struct)
        parts = {part.name: _value(part, (*path, part.name), values, getattr(default, part.name)) for part in key.parts}
        return type(default)(**parts)
    return values[path].value if path in values else default


def _names(table: str, values: Mapping[Path, Value]) -> list[str]:
    return list(dict.fromkeys(path[1] for path in values if path[0] == table and len(path) > 1))


def _places(values: Mapping[Path, Value]) -> dict[str, str]:
    """Places by dotted key; a topic's inherited key is where [consumers] sets it."""
    places = {dotted(path): value.place for path, value in values.items()}
    own = [(path, value.place) for path, value in values.items() if path[0] == "consumers" and len(path) > 1]
    for topic in _names("topics", values):
        for path, place in own:
            key = TOPIC.keys.get(path[1])
            if key is not None and key.inherited:
                places.setdefault(dotted(("topics", topic, *path[1:])), place)
    return places
