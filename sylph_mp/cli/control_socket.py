"""Where the master's control socket is, for every command that talks to a running master.

In the command's process, before it connects.
"""

import getpass
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sylph_mp.config.load import load

CONFIG_FILE = "config.toml"
#: Default of `control.socket`, for a folder without a configuration.
SOCKET = "sylph.sock"


def socket_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --config and --socket; the command gets `config` and `socket`, for `socket_path`."""
    socket = click.option("--socket", metavar="PATH", help="The control socket; else the configuration says it.")
    config = click.option("--config", metavar="FILE", help=f"The configuration ({CONFIG_FILE}).")
    return config(socket(command))


def socket_path(config: str | None, socket: str | None) -> str:
    """The absolute path. Raises ConfigError if the configuration that says it is wrong."""
    if socket is not None:
        return os.path.abspath(socket)
    if config is None and not Path(CONFIG_FILE).exists():
        return os.path.abspath(SOCKET)
    return load(config or CONFIG_FILE, environ=os.environ, overrides={}).control.socket


def addressed(command: str, config: str | None, socket: str | None) -> str:
    """A proposed `sylph` command, so that it can be pasted and reaches the same master."""
    words = command.split(" ", 2)
    if words[0] != "sylph" or len(words) < 2:
        return command
    options = [f"--config {shlex.quote(config)}"] if config is not None else []
    if socket is not None and words[1] not in {"run", "config"}:
        options.append(f"--socket {shlex.quote(socket)}")
    return " ".join([command, *options])


def user_name() -> str:
    """Who is at the command line, for `quiet since 09:14 by root`."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"
