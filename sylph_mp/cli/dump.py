"""`sylph dump [SLOT]`: what all threads of the consumers do. Changes nothing; the consumers answer without noticing."""

import sys
import time

import click
import msgspec

from sylph_mp.cli.control_socket import socket_options, socket_path
from sylph_mp.cli.screens.processes import process_screen
from sylph_mp.cli.screens.view import of_stream
from sylph_mp.cli.state import app_folder
from sylph_mp.control.client import stacks


@click.command("dump", short_help="What all threads of the consumers do, call by call.")
@click.argument("slot", required=False, type=click.IntRange(min=1))
@socket_options
@click.option("--all", "show_all", is_flag=True, help="Every call of the threads without a handler, too.")
@click.option("--json", "as_json", is_flag=True, help="One object of schema sylph.stacks/1.")
def command(slot: int | None, config: str | None, socket: str | None, *, show_all: bool, as_json: bool) -> None:
    """Show the stacks of all threads, of the consumer in SLOT or of all, with what they run.

    Works for a consumer whose interpreter is held by C code, too.
    """
    found = stacks(socket_path(config, socket), slot=slot)
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    view = of_stream(sys.stdout, color="auto", show_all=show_all)
    lines: list[str] = []
    for process in found.processes:
        lines += ["", *process_screen(process, view, folder=app_folder(config), now=time.time())]
    click.echo(view.characters("\n".join(lines[1:])))
