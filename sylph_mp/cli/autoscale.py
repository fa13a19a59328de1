"""`sylph autoscale`: why there are so many consumers, and who decides."""

import sys

import click
import msgspec

from sylph_mp.cli.control_socket import socket_options, socket_path, user_name
from sylph_mp.cli.screens.autoscale import autoscale_screen, wish_line
from sylph_mp.cli.screens.view import of_stream
from sylph_mp.control.autoscale_status import AutoscaleStatus
from sylph_mp.control.client import look, tell
from sylph_mp.control.protocol import Autoscale
from sylph_mp.errors import NoAnswerError

SCHEMA = "sylph.autoscale/1"


@click.group("autoscale", invoke_without_command=True, short_help="Why there are so many consumers.")
@socket_options
@click.option("--dry-run", is_flag=True, help="Only what it would do now, were it not held.")
@click.option("--json", "as_json", is_flag=True, help="One object of schema sylph.autoscale/1.")
@click.pass_context
def command(context: click.Context, config: str | None, socket: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Show what the autoscaler sees, what it decided and why."""
    if context.invoked_subcommand is not None:
        return
    status = _look(socket_path(config, socket))
    if as_json:
        click.echo(msgspec.json.encode({"schema": SCHEMA, **msgspec.to_builtins(status)}).decode())
        return
    view = of_stream(sys.stdout, color="auto", show_all=False)
    lines = [wish_line(status)] if dry_run else autoscale_screen(status, view)
    click.echo(view.characters("\n".join(lines)))


@command.command("hold")
@socket_options
def hold(config: str | None, socket: str | None) -> None:
    """Keep the fleet as large as it is; wishes are still written down."""
    click.echo(tell(socket_path(config, socket), Autoscale("hold", user_name())))


@command.command("release")
@socket_options
def release(config: str | None, socket: str | None) -> None:
    """End a hold, or what `sylph scale` has set."""
    click.echo(tell(socket_path(config, socket), Autoscale("release", user_name())))


def _look(path: str) -> AutoscaleStatus:
    status = look(path).autoscale
    if status is None:
        raise NoAnswerError("unknown: the master says nothing of an autoscaler\nnext: sylph --version")
    return status
