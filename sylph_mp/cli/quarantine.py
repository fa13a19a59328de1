"""`sylph quarantine ls`, `show`, `release` and `drop`: the messages that killed their consumers; needs no master.

In the command's process. Only `release` speaks with a broker, and only then its library is loaded.
"""

import base64
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from sylph_mp.cli.control_socket import CONFIG_FILE, addressed, socket_options, socket_path
from sylph_mp.cli.screens.quarantine import body_lines, message_screen, name_of, quarantine_table
from sylph_mp.cli.screens.recording import line_objects
from sylph_mp.cli.screens.view import View, of_stream
from sylph_mp.cli.state import app_folder, config_option, state_folder
from sylph_mp.clock import SystemClock
from sylph_mp.config.load import load
from sylph_mp.control.quantities import size, spaced
from sylph_mp.control.timestamps import rfc3339
from sylph_mp.errors import UsageError
from sylph_mp.master.quarantine import Label, Quarantine, Quarantined
from sylph_mp.master.strikes import Strikes

LIST_SCHEMA = "sylph.quarantine/1"
SCHEMA = "sylph.quarantine-message/1"
RELEASED_SCHEMA = "sylph.quarantine-released/1"
DROPPED_SCHEMA = "sylph.quarantine-dropped/1"


@click.group("quarantine", short_help="Messages that killed their consumers.")
def command() -> None:
    """Show the messages that killed their consumers; send them to their topics again, or drop them.

    An ID may be shortened while it is unique: 01D2C4, or 01D2…A7F3 as the list has it.
    """


_json = click.option("--json", "as_json", is_flag=True, help="One object, for programs.")
_ids = click.argument("names", metavar="ID...", nargs=-1, required=True)


@command.command("ls")
@config_option
@_json
def ls(config: str | None, *, as_json: bool) -> None:
    """List what is in quarantine, the oldest first."""
    labels = Quarantine(state_folder(config), SystemClock()).list()
    if as_json:
        _print_json({"schema": LIST_SCHEMA, "messages": [_object(label) for label in labels]})
    elif not labels:
        click.echo("quarantine is empty")
    else:
        view = _view()
        first = name_of(labels[0].id, [label.id for label in labels], view)
        following = addressed(f"sylph quarantine show {first}", config, None)
        click.echo(view.characters("\n".join([*quarantine_table(labels, view, now=time.time()), f"next: {following}"])))


@command.command("show")
@click.argument("name", metavar="ID")
@config_option
@click.option("--body", "with_body", is_flag=True, help="The first 256 bytes of the body; with --json all of it.")
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="Write the whole body there.")
@_json
def show(name: str, config: str | None, *, with_body: bool, out: Path | None, as_json: bool) -> None:
    """Show all that is known of one message; its body only if it is asked for."""
    store = Quarantine(state_folder(config), SystemClock())
    message = store.find(name)
    if out is not None:
        _write(out, message.body)
    if as_json:
        body = {"body": base64.b64encode(message.body).decode()} if with_body else {}
        _print_json({"schema": SCHEMA, **_object(message), **body})
        return
    view = _view()
    lines = message_screen(message, view, now=time.time(), folder=app_folder(config))
    if with_body:
        lines += ["", *body_lines(message.body)]
    if out is not None:
        lines += ["", f"the body is in {out}"]
    short = name_of(message.id, [label.id for label in store.list()], view)
    lines += _ways_on(message, short, config)
    click.echo(view.characters("\n".join(lines)))


@command.command("release")
@_ids
@socket_options
@_json
def release(names: Sequence[str], config: str | None, socket: str | None, *, as_json: bool) -> None:
    """Send messages to their topics again, as they were, and take them out of quarantine.

    \b
    Exit code  0 all are stored    64 no such message    69 a broker is away or refuses; what it has not stored stays
    """
    from sylph_mp.cli.release import Released, release_all  # noqa: PLC0415 - the others need no libcurl

    state = state_folder(config)
    store, strikes = Quarantine(state, SystemClock()), Strikes(state)
    messages = _found(store, names)
    view = _view()

    def released(done: Released) -> None:
        store.remove(done.message)
        strikes.clear(done.message.id)
        if not as_json:
            click.echo(view.characters(f"released {done.message.id}: {done.message.topic} has it as {done.new_id}"))

    settings = load(config or CONFIG_FILE, environ=os.environ, overrides={})
    done = release_all(messages, config=settings, socket=socket_path(config, socket), done=released)
    if as_json:
        told = [{"id": one.message.id, "topic": one.message.topic, "sent_as": one.new_id} for one in done]
        _print_json({"schema": RELEASED_SCHEMA, "released": told})


@command.command("drop")
@_ids
@config_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@_json
def drop(names: Sequence[str], config: str | None, *, yes: bool, as_json: bool) -> None:
    """Remove messages from quarantine for good."""
    state = state_folder(config)
    store, strikes = Quarantine(state, SystemClock()), Strikes(state)
    dropped = []
    for message in _found(store, names):
        if yes or _confirmed(message):
            store.remove(message)
            strikes.clear(message.id)
            dropped.append(message)
            if not as_json:
                click.echo(f"dropped {message.id} of {message.topic}")
    if as_json:
        told = [{"id": message.id, "topic": message.topic} for message in dropped]
        _print_json({"schema": DROPPED_SCHEMA, "dropped": told})


def _found(store: Quarantine, names: Sequence[str]) -> list[Quarantined]:
    """All of them, each once, before anything is done. Raises UsageError."""
    return list({message.id: message for message in map(store.find, names)}.values())


def _confirmed(message: Label) -> bool:
    if not _is_asked():
        raise UsageError("drop asks before it removes a message; without a terminal say --yes")
    what = f"{message.id} of {message.topic}, {spaced(size(message.size))}"
    return click.confirm(f"drop {what}? It cannot be had back from here", err=True)


def _is_asked() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin.isatty()


def _ways_on(message: Label, name: str, config: str | None) -> list[str]:
    ways = {
        addressed(f"sylph quarantine release {name}", config, None): f"sends it to {message.topic} again",
        addressed(f"sylph quarantine drop {name}", config, None): "removes it for good",
    }
    width = max(map(len, ways))
    starts = ("next: ", "      ")
    return ["", *(f"{start}{way:{width}}  {does}" for start, (way, does) in zip(starts, ways.items(), strict=True))]


def _write(file: Path, body: bytes) -> None:
    try:
        file.write_bytes(body)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error


def _object(label: Label) -> dict[str, Any]:
    """As programs get it: times in RFC 3339, sizes with their unit."""
    fields: dict[str, Any] = msgspec.to_builtins(label)
    fields.pop("body", None)
    times = {"since": fields.pop("since_wall"), "born_at": fields.pop("born_at"), "stored_at": fields.pop("stored_at")}
    fields["size_bytes"] = fields.pop("size")
    fields["log_lines"] = line_objects(label.log_lines)
    return fields | {name: None if wall is None else rfc3339(wall) for name, wall in times.items()}


def _view() -> View:
    return of_stream(sys.stdout, color="auto", show_all=False)


def _print_json(found: dict[str, Any]) -> None:
    click.echo(msgspec.json.encode(found).decode())
