"""`sylph quiet TARGET`: take no new deliveries."""

import click

from sylph_mp.cli.control_socket import socket_options, socket_path, user_name
from sylph_mp.control.client import tell
from sylph_mp.control.protocol import Quiet
from sylph_mp.control.target import parse_target


@click.command("quiet", short_help="Take no new deliveries.")
@click.argument("target")
@socket_options
def command(target: str, config: str | None, socket: str | None) -> None:
    """Take no new deliveries; what is in flight is handled.

    TARGET: fleet, a slot number, or a topic name (topic:3 if a topic is called 3). `sylph start TARGET` ends it.
    """
    verb = Quiet(parse_target(target), user_name())
    click.echo(tell(socket_path(config, socket), verb))
