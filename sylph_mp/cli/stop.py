"""`sylph stop`: drain the fleet, and wait until the master is gone."""

import click

from sylph_mp.cli.control_socket import socket_options, socket_path
from sylph_mp.control.client import stop


@click.command("stop", short_help="Drain the fleet and end it.")
@socket_options
def command(config: str | None, socket: str | None) -> int:
    """Stop the fleet: no new deliveries, finish what runs, hand back the rest. Ends when the master is gone.

    Ctrl-C ends the waiting, not the stop. Ends with what `sylph run` ends with.
    """
    last = stop(socket_path(config, socket), told=lambda text: click.echo(f"stopping: {text}", err=True))
    click.echo(last.text)
    return last.exit_code
