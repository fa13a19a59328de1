"""`sylph kill TARGET`: end consumers at once."""

import click

from sylph_mp.cli.control_socket import socket_options, socket_path
from sylph_mp.control.client import tell
from sylph_mp.control.protocol import Kill
from sylph_mp.control.target import parse_target


@click.command("kill", short_help="Kill consumers at once.")
@click.argument("target")
@socket_options
def command(target: str, config: str | None, socket: str | None) -> None:
    """Kill consumers without a drain; new ones are started, and what was in flight runs again.

    TARGET: fleet or a slot number.
    """
    verb = Kill(parse_target(target))
    click.echo(tell(socket_path(config, socket), verb))
