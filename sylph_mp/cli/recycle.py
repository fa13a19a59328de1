"""`sylph recycle TARGET`: replace consumers on purpose."""

import click

from sylph_mp.cli.control_socket import socket_options, socket_path
from sylph_mp.control.client import tell
from sylph_mp.control.protocol import Recycle
from sylph_mp.control.target import parse_target


@click.command("recycle", short_help="Replace consumers, draining them.")
@click.argument("target")
@socket_options
def command(target: str, config: str | None, socket: str | None) -> None:
    """Replace consumers by new ones, one after the other; each drains first.

    TARGET: fleet or a slot number.
    """
    verb = Recycle(parse_target(target))
    click.echo(tell(socket_path(config, socket), verb))
