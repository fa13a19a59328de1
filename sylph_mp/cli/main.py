"""The `sylph` command: finds a subcommand's module only when it is called, and ends with the right exit code."""

import importlib
import sys
from typing import ClassVar

import click

from sylph_mp import __version__
from sylph_mp.cli.problems import render_error
from sylph_mp.cli.usage import usage_error
from sylph_mp.config.nearest import MAX_NAMES, nearest
from sylph_mp.errors import SylphError, UsageError

#: What other tools call it.
SYNONYMS = {"pause": "quiet", "resume": "start", "restart": "recycle", "ps": "status", "serve": "run", "up": "run"}


class Commands(click.Group):
    """Subcommands are `command` in `sylph_mp.cli.<module>`; `sylph status` loads no broker library."""

    modules: ClassVar[dict[str, str]] = {
        "run": "run",
        "status": "status",
        "top": "top",
        "events": "events",
        "dump": "dump",
        "scale": "scale",
        "autoscale": "autoscale",
        "quiet": "quiet",
        "start": "start",
        "set": "set",
        "recycle": "recycle",
        "kill": "kill",
        "stop": "stop",
        "reload": "reload",
        "crashes": "crashes",
        "quarantine": "quarantine",
        "send": "send",
        "config": "config",
        "devbroker": "devbroker",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.modules)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.modules:
            return None
        command = importlib.import_module(f"sylph_mp.cli.{self.modules[name]}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self.modules and not name.startswith("-"):
            near = self._nearest(name)
            raise UsageError(f"no command {name}; " + (f"nearest: {', '.join(near)}" if near else "see sylph --help"))
        return super().resolve_command(ctx, args)

    def _nearest(self, name: str) -> list[str]:
        """What other tools call so; else what begins like it, and what is spelled nearly like it."""
        if name in SYNONYMS:
            return [SYNONYMS[name]]
        begun = [command for command in self.modules if command.startswith(name)]
        return [*dict.fromkeys([*begun, *nearest(name, self.modules)])][:MAX_NAMES]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="sylph", message="%(prog)s %(version)s")
def sylph() -> None:
    """A multi-process, sharded consumer runtime for Apache RocketMQ 5."""


def main() -> None:
    try:
        code = sylph.main(prog_name="sylph", standalone_mode=False)
    except click.exceptions.Exit as ended:
        code = ended.exit_code
    except click.Abort:
        code = 130
    except click.ClickException as error:
        click.echo(render_error(usage_error(error)), err=True)
        code = UsageError.exit_code
    except SylphError as error:
        click.echo(render_error(error), err=True)
        code = error.exit_code
    sys.exit(code if isinstance(code, int) else 0)
