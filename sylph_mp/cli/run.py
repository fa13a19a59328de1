"""`sylph run`: be the master of a fleet, in the foreground."""

import os
import sys
import time
from collections.abc import Mapping
from typing import get_args

import click

from sylph_mp import logs
from sylph_mp.cli.embedded import EmbeddedBrokers
from sylph_mp.cli.overrides import set_option
from sylph_mp.cli.problems import render
from sylph_mp.cli.screens.overview import overview
from sylph_mp.cli.screens.view import View
from sylph_mp.config.load import load
from sylph_mp.config.schema import Config, LogLevel
from sylph_mp.control.status import Snapshot
from sylph_mp.logs import Log
from sylph_mp.master.options import Options
from sylph_mp.master.transcript import LogLines, Screen, Transcript, open_transcript


@click.command("run")
@click.option("--config", "file", default="config.toml", metavar="FILE", show_default=True, help="The configuration.")
@set_option
@click.option("--log", "form", type=click.Choice(["auto", "text", "json"]), default="auto", show_default=True)
@click.option("--log-level", type=click.Choice(get_args(LogLevel)), help="The same as --set log.level=.")
def command(file: str, overrides: dict[str, str], form: logs.Form, log_level: str | None) -> int:
    """Start the fleet and supervise it until Ctrl-C or SIGTERM, which let it drain; a second one kills.

    SIGHUP reloads the configuration and the code, SIGTTIN and SIGTTOU add and remove a consumer.

    \b
    Exit code   0 stopped, all settled or handed back    1 the same, but some left to their lease
               69 a broker refuses for good             70 every slot is in a crash loop
               71 no memory, port or socket             78 errors in the configuration or the app
    """
    if log_level is not None:
        overrides["log.level"] = log_level
    with EmbeddedBrokers() as brokers:

        def read(live: Mapping[str, str]) -> Config:
            return brokers.started(load(file, environ=os.environ, overrides={**overrides, **live}))

        began = time.monotonic()
        config = load(file, environ=os.environ, overrides=overrides)
        took_s = time.monotonic() - began
        from sylph_mp.master.main import run  # noqa: PLC0415 - a wrong configuration need not wait for libcurl

        for problem in config.warnings:
            click.echo(render(problem), err=True)
        transcript = _transcript(form)
        open_transcript(transcript, config, took_s=took_s)
        config = brokers.started(config)
        for endpoint in brokers.endpoints:
            transcript.line("broker", f"embedded on {endpoint}, in memory, for trying out")
        options = Options(log_form=form, stacks=sys.stderr, screen=_status)
        return run(config, load=read, transcript=transcript, options=options)


def _status(snapshot: Snapshot) -> str:
    return "\n".join(overview(snapshot, View(width=80)))


def _transcript(form: logs.Form) -> Transcript:
    """Steps for who looks on, log lines for a log store."""
    if sys.stderr.isatty() and form == "auto":
        return Screen(lambda line: click.echo(line, err=True), log=Log("master"))
    return LogLines(Log("master"))
