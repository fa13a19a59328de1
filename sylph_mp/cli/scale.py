"""`sylph scale N`: how many consumers are to run."""

import click

from sylph_mp.cli.control_socket import socket_options, socket_path, user_name
from sylph_mp.control.client import tell
from sylph_mp.control.protocol import Scale


@click.command("scale")
@click.argument("wanted", metavar="N", type=click.IntRange(min=0))
@socket_options
def command(wanted: int, config: str | None, socket: str | None) -> None:
    """Run N consumers from now on, until `sylph autoscale release`."""
    click.echo(tell(socket_path(config, socket), Scale(wanted, user_name())))
