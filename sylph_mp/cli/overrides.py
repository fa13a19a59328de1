"""`--set KEY=VALUE`, for every command that reads the configuration. In the command's process."""

from collections.abc import Callable
from typing import Any

import click

from sylph_mp.errors import UsageError


def set_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --set; the command gets `overrides`, values by dotted key."""
    return click.option(
        "--set",
        "overrides",
        metavar="KEY=VALUE",
        multiple=True,
        callback=lambda _context, _parameter, given: dict(map(_pair, given)),
        help="Wins over file and environment; can be given often.",
    )(command)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {text}: KEY=VALUE is due, such as --set consumers.threads=4")
    return key, value
