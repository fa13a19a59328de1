"""What must hold between values: bounds that cross, names that refer, files that exist.

Each rule is a function of a whole configuration that yields findings. Pure, but for looking whether files exist.
"""

import ipaddress
import os
from collections.abc import Callable, Iterator
from itertools import groupby

from msgspec import Struct

from sylph_mp.config.key import Path
from sylph_mp.config.keys import APP
from sylph_mp.config.kinds import read_address
from sylph_mp.config.nearest import nearest
from sylph_mp.config.said import dotted, variable, with_note
from sylph_mp.config.schema import EMBEDDED, Config, Instance

#: sun_path of Linux has 108 bytes, the last of them 0 (unix(7)).
MAX_SOCKET_PATH = 107
#: Streams of one connection, of which heartbeats and acks need some; a shard has at least one poll outstanding.
MAX_POLLS = 999


class Finding(Struct, frozen=True, kw_only=True):
    """What a rule says about a key."""

    path: Path
    what: str
    hint: str = ""
    why: str = ""
    fix: str = ""
    quote: bool = True
    """False where `what` quotes the value already."""
    warning: bool = False


def check(config: Config) -> Iterator[Finding]:
    for rule in RULES:
        yield from rule(config)


def _app_is_named(config: Config) -> Iterator[Finding]:
    if not config.app:
        yield Finding(
            path=("app",),
            what="app is missing",
            why="it says where the handlers are",
            fix=with_note(f"app = {APP.example}", "module:attribute, above the first table"),
        )


def _there_are_topics(config: Config) -> Iterator[Finding]:
    if not config.topics:
        yield Finding(path=("topics",), what="no topic", why="there would be nothing to consume", fix="[topics.orders]")


def _there_are_instances(config: Config) -> Iterator[Finding]:
    if not config.instances:
        fix = '[instances.default]\nendpoints = "127.0.0.1:8081"'
        yield Finding(path=("instances",), what="no instance", why="it says where RocketMQ is", fix=fix)


def _ranges_are_in_order(config: Config) -> Iterator[Finding]:
    ranges = (
        ("consumers", "processes", config.consumers.processes),
        ("consumers", "threads", config.consumers.threads),
        ("producers", "linger_ms", config.producers.linger_ms),
    )
    for table, name, found in ranges:
        if found.min > found.max:
            what = f"{table}.{name}: min {found.min} is above max {found.max}"
            fix = f"{name} = {{ min = {found.max}, max = {found.min} }}"
            yield Finding(path=(table, name), what=what, fix=fix, quote=False)


def _waits_are_in_order(config: Config) -> Iterator[Finding]:
    paths = [("consumers", "retry"), *(("topics", name, "retry") for name in config.topics)]
    policies = [config.consumers.retry, *(topic.retry for topic in config.topics.values())]
    for path, policy in zip(paths, policies, strict=True):
        own = any(place.startswith(f"{dotted(path)}.") for place in config.places)
        if own and policy.first_s > policy.max_s:
            what = f"{dotted(path)}: first_s {policy.first_s:g} is above max_s {policy.max_s:g}"
            yield Finding(path=path, what=what, fix=f"max_s = {policy.first_s:g}")


def _endpoints_are_given(config: Config) -> Iterator[Finding]:
    for name, instance in config.instances.items():
        if not instance.endpoints:
            fix = with_note('endpoints = "127.0.0.1:8081"', 'host:port;host:port, or "embedded"')
            path = ("instances", name, "endpoints")
            yield Finding(path=path, what=f"instances.{name}: endpoints are missing", fix=fix)


def _certificates_are_complete(config: Config) -> Iterator[Finding]:
    for name, instance in config.instances.items():
        path = ("instances", name)
        for given, other in (("cert_file", "key_file"), ("key_file", "cert_file")):
            if getattr(instance, given) and not getattr(instance, other):
                what = f"instances.{name}: {given} needs {other}"
                why = "a certificate is of use with its key only"
                yield Finding(path=(*path, given), what=what, why=why, fix=f'{other} = "FILE.pem"')
        yield from _files_are_there(path, instance)
        if not instance.tls and (instance.ca_file or instance.cert_file):
            given = "ca_file" if instance.ca_file else "cert_file"
            what = f"instances.{name}: {given} has no effect without tls"
            yield Finding(path=(*path, given), what=what, fix="tls = true", warning=True)


def _files_are_there(path: Path, instance: Instance) -> Iterator[Finding]:
    for name in ("ca_file", "cert_file", "key_file"):
        file = getattr(instance, name)
        if file and not os.access(file, os.R_OK):
            there = os.path.exists(file)
            yield Finding(
                path=(*path, name),
                what=f"{dotted((*path, name))}: {file} {'cannot be read' if there else 'is not there'}",
                why="" if there else "a relative name is looked for from the configuration's folder",
                fix=f"chmod u+r {file}, as its owner" if there else "put the file there, or name another one",
            )


def _credentials_are_complete(config: Config) -> Iterator[Finding]:
    for name, instance in config.instances.items():
        for given, other in (("access_key", "secret_key"), ("secret_key", "access_key")):
            if getattr(instance, given) and not getattr(instance, other):
                path, missing = ("instances", name, given), variable(("instances", name, other))
                yield Finding(
                    path=path,
                    what=f"its {other.replace('_', ' ')} is missing",
                    why="the one says who we are, the other proves it",
                    fix=f"set {missing} too, or neither",
                )


def _slots_are_there(config: Config) -> Iterator[Finding]:
    fewest = config.consumers.processes.min
    for name, topic in config.topics.items():
        if topic.slots and min(topic.slots) > fewest:
            yield Finding(
                path=("topics", name, "slots"),
                what=f"topics.{name}: none of its slots is there with processes.min = {fewest}",
                why="a fleet that shrinks empties its highest slots first",
                fix=f'slots = "1-{fewest}", or processes.min = {min(topic.slots)}',
            )


def _instances_exist(config: Config) -> Iterator[Finding]:
    for name, topic in config.topics.items():
        if config.instances and topic.instance not in config.instances:
            names = nearest(topic.instance, config.instances) or list(config.instances)[:2]
            yield Finding(
                path=_own_or_inherited(config, name, "instance"),
                what=f'topics.{name}: there is no instance "{topic.instance}"',
                hint=f"nearest: {', '.join(names)}",
                fix=f'instance = "{names[0]}", or add [instances.{topic.instance}]',
            )


def _groups_are_named(config: Config) -> Iterator[Finding]:
    for name, topic in config.topics.items():
        if not topic.group:
            yield Finding(
                path=("topics", name, "group"),
                what=f"topics.{name}: no consumer group",
                why="the broker remembers for a group what it has consumed",
                fix='group = "orders-service" here, or in [consumers] for all topics',
            )


def _one_filter(config: Config) -> Iterator[Finding]:
    for name in config.topics:
        path = ("topics", name)
        if all(dotted((*path, key)) in config.places for key in ("filter", "filter_sql")):
            what = f"topics.{name}: filter and filter_sql exclude each other"
            why = "the broker takes one expression for a topic"
            yield Finding(path=(*path, "filter_sql"), what=what, why=why, fix="remove one of them")


def _polls_fit(config: Config) -> Iterator[Finding]:
    def session(name: str) -> tuple[str, str]:
        return config.topics[name].instance, config.topics[name].group

    for (_, group), found in groupby(sorted(config.topics, key=session), key=session):
        names = list(found)
        shards = sum(config.topics[name].shards for name in names)
        if shards > MAX_POLLS:
            most = max(names, key=lambda name: config.topics[name].shards)
            yield Finding(
                path=("topics", most, "shards"),
                what=f"the topics of group {group} have {shards:,} shards, {MAX_POLLS} are possible",
                why="one connection carries the polls of all of them when a single process runs",
                fix="fewer shards, or another group for some of the topics",
            )


def _socket_path_fits(config: Config) -> Iterator[Finding]:
    length = len(os.fsencode(config.control.socket))
    if length > MAX_SOCKET_PATH:
        yield Finding(
            path=("control", "socket"),
            what=f"control.socket: its path has {length} bytes, {MAX_SOCKET_PATH} are possible",
            why=f"it is {config.control.socket}",
            fix='socket = "/run/sylph.sock"',
        )


def _http_is_local(config: Config) -> Iterator[Finding]:
    if not config.control.http:
        return
    host, port = read_address(config.control.http)
    if not _is_loopback(host):
        yield Finding(
            path=("control", "http"),
            what=f"control.http: {host} can be reached from other hosts",
            why="this port has no login; it shows names and numbers, and changes nothing",
            fix=with_note(f'http = "127.0.0.1:{port}"', "or keep it behind a firewall"),
            warning=True,
        )


def _embedded_is_known_to_forget(config: Config) -> Iterator[Finding]:
    for name, instance in config.instances.items():
        if EMBEDDED in instance.endpoints and (instance.tls or instance.access_key):
            what = f"instances.{name}: the embedded broker knows no tls and no access keys"
            yield Finding(path=("instances", name, "endpoints"), what=what, warning=True)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _own_or_inherited(config: Config, topic: str, key: str) -> Path:
    own = ("topics", topic, key)
    return own if dotted(own) in config.places else ("consumers", key)


#: All of them; the order does not matter, findings are sorted by line.
RULES: tuple[Callable[[Config], Iterator[Finding]], ...] = (
    _app_is_named,
    _there_are_topics,
    _there_are_instances,
    _ranges_are_in_order,
    _waits_are_in_order,
    _endpoints_are_given,
    _certificates_are_complete,
    _credentials_are_complete,
    _slots_are_there,
    _instances_exist,
    _groups_are_named,
    _one_filter,
    _polls_fit,
    _socket_path_fits,
    _http_is_local,
    _embedded_is_known_to_forget,
)
