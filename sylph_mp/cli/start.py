"""`sylph start TARGET`: end a quiet, or try again a slot that gave up."""

import click

from sylph_mp.cli.control_socket import socket_options, socket_path, user_name
from sylph_mp.control.client import tell
from sylph_mp.control.protocol import Start
from sylph_mp.control.target import parse_target


@click.command("start", short_help="Take deliveries again.")
@click.argument("target")
@socket_options
def command(target: str, config: str | None, socket: str | None) -> None:
    """Take deliveries again after a quiet.

    TARGET: fleet, a slot number, or a topic name (topic:3 if a topic is called 3).
    """
    verb = Start(parse_target(target), user_name())
    click.echo(tell(socket_path(config, socket), verb))
