"""`sylph send`: sends the lines of a file, or one message, to a topic; needs no fleet.

In the command's process.
"""

import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec.structs import replace

from sylph_mp.cli.control_socket import CONFIG_FILE
from sylph_mp.cli.instances import reachable
from sylph_mp.cli.problems import render_error
from sylph_mp.cli.screens.sending import Sent, sent_lines
from sylph_mp.cli.sending.run import Order, Result, send_all
from sylph_mp.cli.sending.stencil import Stencil
from sylph_mp.config.kinds import TIMES, Rate, UnfitError
from sylph_mp.config.load import load
from sylph_mp.config.nearest import nearest
from sylph_mp.config.schema import Config, Instance
from sylph_mp.errors import OutgoingError, UsageError

SCHEMA = "sylph.sent/1"

#: The command line as it was given, for the one that goes on.
_GIVEN = "sylph_mp.send.given"


class SendCommand(click.Command):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_GIVEN] = list(args)
        return super().parse_args(ctx, args)


def _pairs(_context: click.Context, _parameter: click.Parameter, given: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--property {text}: K=V is due, such as --property region=eu")
        pairs[name] = value
    return pairs


def _rate(_context: click.Context, _parameter: click.Parameter, given: str | None) -> float:
    try:
        return Rate().read(given or "off")
    except UnfitError as error:
        raise UsageError(f"--rate: {error}; {error.note} is due") from error


def _duration(_context: click.Context, parameter: click.Parameter, given: str | None) -> float | None:
    if given is None:
        return None
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?) ?(s|min|h)?", given)
    if found is None:
        raise UsageError(f"{parameter.opts[0]} {given}: a time is due, such as 30s, 15min, 2h")
    return float(found[1]) * TIMES[found[2] or "s"]


@click.command("send", cls=SendCommand, short_help="Send the lines of a file to a topic.")
@click.argument("topic")
@click.option("--from", "source", metavar="FILE|-", help="JSON lines; - is the standard input.")
@click.option("--body", metavar="TEXT", help="One message, instead of a file.")
@click.option("--envelope", is_flag=True, help='Lines are {"payload": ..., "tag": ..., "keys": [...], ...}.')
@click.option("--skip", metavar="N", type=click.IntRange(min=0), default=0, help="Leave out the first N lines.")
@click.option("--failed", metavar="FILE", type=click.Path(path_type=Path), help="Append the lines that failed there.")
@click.option("--tag", metavar="TAG", help="Of every message; so are the next four.")
@click.option("--key", "keys", metavar="KEY", multiple=True, help="To find it by; may be repeated.")
@click.option("--property", "properties", metavar="K=V", multiple=True, callback=_pairs, help="May be repeated.")
@click.option("--group", metavar="GROUP", help="Message group, for FIFO topics.")
@click.option(
    "--deliver-after", "after_s", metavar="TIME", callback=_duration, help="30s, 15min, 2h: for DELAY topics."
)
@click.option("--rate", "per_s", metavar="N/s", callback=_rate, help="No more than so many, such as 500/s, 30/min.")
@click.option(
    "--give-up",
    "give_up_s",
    metavar="TIME",
    default="2min",
    show_default=True,
    callback=_duration,
    help="End when the broker has been away for so long.",
)
@click.option("--duplicates", is_flag=True, help="Send again where the answer did not come; it may be stored twice.")
@click.option("--instance", "named", metavar="NAME", help="The RocketMQ cluster; else the topic's, else default.")
@click.option("--config", metavar="FILE", help=f"The configuration ({CONFIG_FILE}).")
@click.option("--json", "as_json", is_flag=True, help="The summary as one object.")
@click.pass_context
def command(ctx: click.Context, /, topic: str, source: str | None, body: str | None, **options: Any) -> int:
    """Send each line of a file to TOPIC: JSON, as it is written. Ctrl-C sends what is under way and says how far it is.

    \b
    Exit code  0 all are stored    1 some are not    65 no line is a message    69 no broker, or it has no such topic
    """
    config = load(options["config"] or CONFIG_FILE, environ=os.environ, overrides={})
    instance = reachable(_instance(config, topic, options["named"]), config.control.socket)
    stencil = Stencil(
        topic=topic,
        envelope=options["envelope"],
        tag=options["tag"],
        keys=options["keys"],
        properties=options["properties"],
        group=options["group"],
        deliver_after_s=options["after_s"],
    )
    name, file = _source(source, body, options["failed"])
    order = Order(
        instance=instance,
        settings=replace(config.producers, give_up_s=options["give_up_s"], duplicates=options["duplicates"]),
        stencil=stencil,
        source=name,
        file=file,
        body=(body or "").encode(errors="surrogateescape"),
        skip=options["skip"],
        per_s=options["per_s"],
        failed=options["failed"],
    )
    return _told(send_all(order), order, _go_on(ctx.meta[_GIVEN]), as_json=options["as_json"])


def _instance(config: Config, topic: str, named: str | None) -> Instance:
    name = named or (config.topics[topic].instance if topic in config.topics else "default")
    if name in config.instances:
        return config.instances[name]
    near = nearest(name, config.instances) or list(config.instances)
    raise UsageError(f"no instance {name} in {config.path}; --instance {' or '.join(near)}")


def _source(source: str | None, body: str | None, failed: Path | None) -> tuple[str, int | None]:
    """Its name, and the descriptor of its lines; None for the one message."""
    if (source is None) == (body is None) and (body is not None or sys.stdin.isatty()):
        raise UsageError("one of --from FILE and --body TEXT is due, or lines on the standard input")
    if body is not None:
        return "--body", None
    if source in {None, "-"}:
        return "stdin", sys.stdin.fileno()
    assert source is not None
    if failed is not None and failed.exists() and os.path.exists(source) and failed.samefile(source):
        raise UsageError(f"--failed {failed}: that is the file that is read")
    try:
        return source, os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}") from error


def _go_on(given: Sequence[str]) -> list[str]:
    """The same command, but for `--skip`, which comes last."""
    words = iter(given)
    kept = []
    for word in words:
        if word == "--skip":
            next(words)
        elif not word.startswith("--skip="):
            kept.append(word)
    return ["sylph", "send", *kept]


def _told(result: Result, order: Order, go_on: Sequence[str], *, as_json: bool) -> int:
    """Prints what became of it; returns the exit code, or raises why nothing was sent."""
    ledger = result.ledger
    if result.error is not None and not ledger.settled:
        raise result.error
    sent = _sent(result, order, go_on)
    if as_json:
        click.echo(msgspec.json.encode({"schema": SCHEMA, **_object(sent, result)}))
    else:
        if result.error is not None:
            click.echo(render_error(result.error), err=True)
        click.echo("\n".join(sent_lines(sent)))
    if result.error is not None:
        return result.error.exit_code
    if ledger.faulty and ledger.faulty == ledger.settled:
        return OutgoingError.exit_code
    return 0 if result.ended and ledger.stored == ledger.settled else 1


def _sent(result: Result, order: Order, go_on: Sequence[str]) -> Sent:
    ledger = result.ledger
    goes_on = not result.ended and not ledger.is_hopeless and order.file is not None
    return Sent(
        topic=order.stencil.topic,
        stored=ledger.stored,
        size=ledger.stored_bytes,
        took_s=result.took_s,
        failed=ledger.failed,
        unknown=ledger.unknown,
        ended=result.ended,
        not_sent=None if result.total is None else result.total - ledger.settled,
        why="no line so far could be stored" if ledger.is_hopeless else "",
        kept_in=str(order.failed) if order.failed else "",
        beyond=ledger.frontier.beyond,
        go_on=shlex.join([*go_on, "--skip", str(ledger.frontier.reached)]) if goes_on else "",
    )


def _object(sent: Sent, result: Result) -> dict[str, Any]:
    took_s = max(sent.took_s, 1e-3)
    return {
        "topic": sent.topic,
        "ended": sent.ended,
        "stored": sent.stored,
        "failed": sent.failed,
        "unknown": sent.unknown,
        "not_sent": sent.not_sent,
        "took_s": round(sent.took_s, 3),
        "rate_per_s": round(sent.stored / took_s, 1),
        "stored_bytes": sent.size,
        "first_failures": result.first_failures,
        "error": None if result.error is None else str(result.error),
        "skip": result.ledger.frontier.reached,
        "next": sent.go_on or None,
    }
