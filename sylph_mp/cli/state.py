"""Where crash reports and quarantine are, for the commands that read them without a master.

In the command's process.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from sylph_mp.cli.control_socket import CONFIG_FILE
from sylph_mp.config.load import load
from sylph_mp.errors import UsageError

#: Default of `control.state`, for a folder without a configuration.
STATE = "sylph.state"


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --config; the command gets `config`, for `state_folder`."""
    return click.option("--config", metavar="FILE", help=f"The configuration ({CONFIG_FILE}).")(command)


def state_folder(config: str | None) -> Path:
    """The absolute path. Raises ConfigError if the configuration that says it is wrong, UsageError if it is closed."""
    if config is None and not Path(CONFIG_FILE).exists():
        folder = Path(STATE).absolute()
    else:
        folder = Path(load(config or CONFIG_FILE, environ=os.environ, overrides={}).control.state)
    if folder.exists() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise UsageError(f"{folder} is for user {folder.stat().st_uid} only; run this as that user")
    return folder


def app_folder(config: str | None) -> str:
    """From which the names of the app's files are shown."""
    return os.path.dirname(os.path.abspath(config or CONFIG_FILE))
