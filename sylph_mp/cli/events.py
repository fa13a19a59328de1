"""`sylph events`: what the master did and why. Reads only."""

import sys
from collections.abc import Iterable

import click
from msgspec.structs import replace

from sylph_mp.cli.control_socket import socket_options, socket_path
from sylph_mp.control.client import events
from sylph_mp.control.event import Event
from sylph_mp.logs import JsonForm, TextForm

SCHEMA = "sylph.event/1"


@click.command("events", short_help="What the master did and why.")
@socket_options
@click.option("-f", "--follow", is_flag=True, help="Go on until the master ends, or Ctrl-C.")
@click.option("-n", "--lines", type=click.IntRange(min=0), default=50, show_default=True, help="Of those there are.")
@click.option("--json", "as_json", is_flag=True, help="One object a line, of schema sylph.event/1.")
def command(config: str | None, socket: str | None, *, follow: bool, lines: int, as_json: bool) -> None:
    """Show what the master did and why, the newest last."""
    told = events(socket_path(config, socket), follow=follow)
    try:
        for place, some in enumerate(told):
            shown = some[max(0, len(some) - lines) :] if place == 0 else some
            _print(shown, as_json=as_json)
    except KeyboardInterrupt:
        return


def _print(shown: Iterable[Event], *, as_json: bool) -> None:
    text = TextForm(dates=not sys.stdout.isatty())
    for event in shown:
        click.echo(_object(event) if as_json else text.encode(event.line))


def _object(event: Event) -> str:
    about = {"schema": SCHEMA, "number": event.number}
    return JsonForm().encode(replace(event.line, fields={**about, **event.line.fields}))
