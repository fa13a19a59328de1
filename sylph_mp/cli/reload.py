"""`sylph reload`: apply a changed configuration and new code."""

import click

from sylph_mp.cli.control_socket import socket_options, socket_path
from sylph_mp.control.client import tell
from sylph_mp.control.protocol import Reload


@click.command("reload", short_help="Apply a changed configuration and code.")
@socket_options
def command(config: str | None, socket: str | None) -> None:
    """Read the configuration again and replace the consumers one after the other, so that they run the new code."""
    click.echo(tell(socket_path(config, socket), Reload()))
