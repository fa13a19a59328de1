"""`sylph set KEY=VALUE`: change a running fleet, and with --save its file."""

import os
from pathlib import Path

import click

from sylph_mp.cli.control_socket import socket_options, socket_path, user_name
from sylph_mp.config.edit import UneditableError, with_value
from sylph_mp.config.file import shown_path
from sylph_mp.config.keys import key_of
from sylph_mp.control.client import look, tell
from sylph_mp.control.protocol import Set
from sylph_mp.errors import Problem, UsageError


@click.command("set", short_help="Change a setting of the running fleet.")
@click.argument("setting", metavar="KEY=VALUE")
@socket_options
@click.option("--save", is_flag=True, help="Write it into the configuration's file too, which keeps its comments.")
def command(setting: str, config: str | None, socket: str | None, *, save: bool) -> None:
    """Change a setting while the fleet runs.

    KEY is topics.NAME.shards, slots, rate or burst, log.level, or consumers.processes, threads,
    recycle.messages, recycle.memory or recycle.age_s.

    It holds until the master ends, across restarts of consumers and reloads; with --save for good.
    """
    key, equals, value = setting.partition("=")
    if not equals:
        raise UsageError(f"{setting}: KEY=VALUE is due, such as topics.orders.rate=500/s")
    path = socket_path(config, socket)
    click.echo(tell(path, Set(key, value, user_name(), saved=False)))
    if save:
        master = look(path).master
        assert master is not None
        _save(Path(master.config), key, value)
        click.echo(tell(path, Set(key, value, user_name(), saved=True)))


def _save(file: Path, key: str, value: str) -> None:
    """Raises UsageError: it holds in the fleet, but not in the file."""
    names = tuple(key.split("."))
    found = key_of(names)
    assert found is not None  # the master has taken it
    place = shown_path(file)
    try:
        edited = with_value(file.read_text(), names, found.kind.from_text(value))
        temporary = file.with_name(f".{file.name}.{os.getpid()}")
        temporary.write_text(edited)
        temporary.chmod(file.stat().st_mode & 0o7777)
        temporary.replace(file)
    except (UneditableError, OSError) as error:
        what = f"{key} holds now, but could not be written: {error}"
        raise UsageError(what, problems=(Problem(place=place, what=what, fix=f"{names[-1]} = {value}"),)) from error
