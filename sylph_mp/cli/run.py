"""`sylph run`: be the master of a fleet, in the foreground."""

import os
import sys

import click

from sylph_mp import logs
from sylph_mp.cli.problems import render
from sylph_mp.config.load import load
from sylph_mp.config.schema import Config
from sylph_mp.errors import UsageError
from sylph_mp.logs import Log
from sylph_mp.master.options import Options
from sylph_mp.master.transcript import LogLines, Screen


@click.command("run")
@click.option("--config", "path", default="config.toml", metavar="FILE", show_default=True, help="The configuration.")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Overrides a key, such as consumers.threads=4."
)
@click.option("--log", "form", type=click.Choice(["auto", "text", "json"]), default="auto", show_default=True)
@click.option("--log-level", "level", type=click.Choice(["debug", "info", "warn", "error"]), default="info")
def command(path: str, settings: tuple[str, ...], form: logs.Form, level: str) -> int:
    """Start the fleet and supervise it until Ctrl-C or SIGTERM, which let it drain; a second one kills.

    SIGHUP reloads the configuration and the code, SIGTTIN and SIGTTOU add and remove a consumer.
    """
    from sylph_mp.master.main import run  # noqa: PLC0415 - so that `sylph --help` need not load libcurl

    overrides = dict(_pair(text) for text in settings)

    def read() -> Config:
        return load(path, environ=os.environ, overrides=overrides)

    config = read()
    for problem in config.warnings:
        click.echo(render(problem), err=True)
    logs.configure(form=form, level=level)
    on_terminal = sys.stderr.isatty() and form == "auto"
    transcript = Screen(lambda line: click.echo(line, err=True)) if on_terminal else LogLines(Log("master"))
    options = Options(log_form="json" if form == "json" else "text", log_level=level, stacks=sys.stderr)
    return run(config, load=read, transcript=transcript, options=options)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--set {text}: KEY=VALUE is due")
    return key, value
