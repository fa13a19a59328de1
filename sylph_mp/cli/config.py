"""`sylph config check` and `sylph config show`: what is wrong with the configuration, and what holds.

In the command's process; starts nothing.
"""

import os
from typing import Any

import click
import msgspec

from sylph_mp.cli.overrides import set_option
from sylph_mp.cli.problems import render
from sylph_mp.config.effective import Setting, settings
from sylph_mp.config.load import load
from sylph_mp.config.nearest import nearest
from sylph_mp.config.schema import Config
from sylph_mp.control.quantities import size, spaced
from sylph_mp.errors import BrokerRefusedError, ConfigError, Problem, UsageError
from sylph_mp.master.slot import geometry_of
from sylph_mp.shm.segment import needed_bytes

CHECK_SCHEMA = "sylph.config-check/1"
SHOW_SCHEMA = "sylph.config/1"


@click.group("config")
def command() -> None:
    """Check the configuration, or show what holds."""


_file = click.option("--config", "file", metavar="FILE", default="config.toml", show_default=True)
_json = click.option("--json", "as_json", is_flag=True, help="One object, for programs.")


@command.command("check")
@_file
@set_option
@click.option("--broker", is_flag=True, help="Also ask the brokers for the topics and groups.")
@_json
def check(file: str, overrides: dict[str, str], *, broker: bool, as_json: bool) -> int:
    """Say everything that is wrong; starts nothing.

    \b
    Exit code  0 fine    69 a broker refuses, or is away    78 errors in the configuration
    """
    try:
        config = load(file, environ=os.environ, overrides=overrides)
        answers = _ask_brokers(config) if broker else []
    except (ConfigError, BrokerRefusedError) as error:
        if not as_json:
            raise
        _print_json(_checked(str(error), error.problems))
        return error.exit_code
    sentence = f"{os.path.basename(config.path)} is fine: {summary(config)}"
    if as_json:
        _print_json(_checked(sentence, config.warnings))
        return 0
    for warning in config.warnings:
        click.echo(render(warning) + "\n", err=True)
    for answer in answers:
        click.echo(answer, err=True)
    click.echo(sentence)
    return 0


@command.command("show")
@click.argument("key", required=False)
@_file
@set_option
@_json
def show(key: str | None, file: str, overrides: dict[str, str], *, as_json: bool) -> None:
    """Show the values that hold and where each came from; of one KEY, all that is known."""
    config = load(file, environ=os.environ, overrides=overrides)
    found = _matching(key, list(settings(config)))
    if as_json:
        _print_json({"schema": SHOW_SCHEMA, "file": config.path, "settings": [_object(setting) for setting in found]})
    elif len(found) == 1 and found[0].name == key:
        click.echo(_explained(found[0]))
    else:
        click.echo(_listed(found))


def _ask_brokers(config: Config) -> list[str]:
    from sylph_mp.cli.broker_questions import ask_brokers  # noqa: PLC0415 - most checks need no libcurl

    return ask_brokers(config)


def summary(config: Config) -> str:
    """`3 topics, 10 shards, 2 to 4 consumers, 73.2 MiB`"""
    processes = config.consumers.processes
    topics, shards = len(config.topics), sum(topic.shards for topic in config.topics.values())
    consumers = f"{processes.min} to {processes.max}" if processes.min < processes.max else f"{processes.max}"
    memory = needed_bytes(geometry_of(config)) * processes.max
    return ", ".join(
        (
            _counted(f"{topics}", topics, "topic"),
            _counted(f"{shards:,}", shards, "shard"),
            _counted(consumers, processes.max, "consumer"),
            spaced(size(memory)),
        )
    )


def _counted(shown: str, count: int, noun: str) -> str:
    return f"{shown} {noun}{'' if count == 1 else 's'}"


def _matching(key: str | None, known: list[Setting]) -> list[Setting]:
    """One setting, or those of a table. Raises UsageError."""
    found = [setting for setting in known if key is None or f"{setting.name}.".startswith(f"{key}.")]
    if found:
        return found
    assert key is not None
    names = nearest(key, [setting.name for setting in known])
    raise UsageError(f"there is no key {key}" + (f"; nearest: {', '.join(names)}" if names else ""))


def _listed(found: list[Setting]) -> str:
    rows = [(setting.name, setting.text, setting.place or "default") for setting in found]
    rows.insert(0, ("KEY", "VALUE", "FROM"))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {place}" for name, value, place in rows)


def _explained(setting: Setting) -> str:
    key = setting.key
    lines = [
        f"{setting.name} = {setting.text}",
        f"  {key.doc}",
        f"  from      {setting.place or 'default'}",
        f"  default   {key.show(key.default)}" if key.default not in {None, ""} else "",
        f"  bounds    {key.kind.bounds}" if key.kind.bounds else "",
        f"  variable  {setting.variable}",
    ]
    return "\n".join(line for line in lines if line)


def _object(setting: Setting) -> dict[str, Any]:
    key = setting.key
    return {
        "key": setting.name,
        "value": setting.value,
        "from": setting.place,
        "default": key.default,
        "bounds": key.kind.bounds or None,
        "variable": setting.variable,
        "doc": key.doc,
    }


def _checked(sentence: str, problems: tuple[Problem, ...]) -> dict[str, Any]:
    fine = all(problem.warning for problem in problems)
    return {"schema": CHECK_SCHEMA, "fine": fine, "sentence": sentence, "problems": problems}


def _print_json(value: object) -> None:
    click.echo(msgspec.json.encode(value))
