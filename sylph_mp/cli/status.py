"""`sylph status`: what the fleet is doing, and what is wrong. Reads only; no consumer and no broker notices."""

import os
import shutil
import sys
import time
from collections.abc import Callable

import click
import msgspec
from msgspec.structs import replace

from sylph_mp.cli.control_socket import addressed, socket_options, socket_path
from sylph_mp.cli.looking import look_or_say
from sylph_mp.cli.screens.details import slot_screen, topic_screen
from sylph_mp.cli.screens.next_command import beyond
from sylph_mp.cli.screens.overview import instance_screen, overview
from sylph_mp.cli.screens.view import Color, View, of_stream
from sylph_mp.config.nearest import nearest
from sylph_mp.control.status import Snapshot
from sylph_mp.control.target import Fleet, Slot, Target, Topic, parse_target
from sylph_mp.errors import UsageError

#: What a probe sees; a verdict that this version does not know counts as unknown.
EXIT_CODES = {"healthy": 0, "degraded": 1, "no-master": 2, "broken": 3, "unknown": 4}
#: More often says nothing new: consumers report once a second.
MIN_WATCH_S = 0.2
#: Cursor home, and clear from there on: the screen does not flicker as it does when cleared first.
_HOME = "\x1b[H\x1b[J"

Screen = Callable[[Snapshot, View], list[str]]


@click.command("status", short_help="What the fleet does and what is wrong.")
@click.argument("target", required=False)
@socket_options
@click.option("--json", "as_json", is_flag=True, help="One object of schema sylph.status/1; with --watch one a line.")
@click.option("--watch", metavar="[S]", is_flag=False, flag_value="1", help="Again each S seconds (1), until Ctrl-C.")
@click.option("-q", "quiet", is_flag=True, help="Print nothing; the exit code says it.")
@click.option("--all", "show_all", is_flag=True, help="Every column and row.")
@click.option("--strict", is_flag=True, help="Exit 1 for notes too, such as a topic made quiet.")
@click.option("--instances", is_flag=True, help="The RocketMQ clusters, and how their calls fare.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
def command(
    target: str | None,
    config: str | None,
    socket: str | None,
    *,
    as_json: bool,
    watch: str | None,
    quiet: bool,
    show_all: bool,
    strict: bool,
    instances: bool,
    color: Color,
) -> int:
    """Show what the fleet is doing and what is wrong; of a TARGET, a topic or a slot number, all that is known.

    \b
    Exit code  0 healthy    1 degraded    2 no master    3 broken    4 unknown    64 wrong usage
    """
    path = socket_path(config, socket)
    looked_at = parse_target(target) if target is not None else Fleet()
    screen = instance_screen if instances else _screen(looked_at)
    typed = "sylph status --instances" if instances else f"sylph status {looked_at}"

    def show() -> int:
        snapshot = look_or_say(path)
        if not quiet:
            view = of_stream(sys.stdout, color=color, show_all=show_all)
            lines = [] if as_json else screen(_addressed(beyond(snapshot, typed), config, socket), view)
            _print(_json(snapshot) if as_json else _text(lines, view, redraw=watch is not None))
        return _exit_code(snapshot, strict=strict)

    return show() if watch is None else _repeat(show, _seconds(watch))


def _addressed(snapshot: Snapshot, config: str | None, socket: str | None) -> Snapshot:
    """With commands that can be pasted, wherever the master was found."""
    return replace(
        snapshot,
        next=None if snapshot.next is None else addressed(snapshot.next, config, socket),
        problems=tuple(replace(found, next=addressed(found.next, config, socket)) for found in snapshot.problems),
        notes=tuple(replace(note, next=addressed(note.next, config, socket)) for note in snapshot.notes),
    )


def _screen(target: Target) -> Screen:
    match target:
        case Fleet():
            return overview
        case Slot(number):
            return lambda snapshot, view: _slot(snapshot, number, view)
        case Topic(name):
            return lambda snapshot, view: _topic(snapshot, name, view)


def _slot(snapshot: Snapshot, number: int, view: View) -> list[str]:
    if snapshot.master is None:
        return overview(snapshot, view)
    for slot in snapshot.slots:
        if slot.slot == number:
            return slot_screen(snapshot, slot, view)
    slots = ", ".join(str(slot.slot) for slot in snapshot.slots)
    raise UsageError(f"slot {number} is not in use; in use: {slots or 'none'}")


def _topic(snapshot: Snapshot, name: str, view: View) -> list[str]:
    if snapshot.master is None:
        return overview(snapshot, view)
    for topic in snapshot.topics:
        if topic.topic == name:
            return topic_screen(snapshot, topic, view)
    near = nearest(name, [topic.topic for topic in snapshot.topics])
    raise UsageError(f'no topic "{name}" here' + (f"; nearest: {', '.join(near)}" if near else ""))


def _json(snapshot: Snapshot) -> bytes:
    return msgspec.json.encode(snapshot) + b"\n"


def _text(lines: list[str], view: View, *, redraw: bool) -> bytes:
    on_terminal = redraw and view.width is not None
    if on_terminal:
        lines = _fitting(lines, shutil.get_terminal_size().lines, view)
    text = view.characters("\n".join(lines)) + "\n"
    if redraw:
        text = _HOME + text if on_terminal else text + "\n"
    return text.encode(errors="replace")


def _fitting(lines: list[str], height: int, view: View) -> list[str]:
    """The first lines: if the screen scrolled, the verdict would be gone."""
    room = max(2, height - 1)
    if len(lines) <= room:
        return lines
    return [*lines[: room - 1], f"{view.cut} {len(lines) - room + 1} more lines"]


def _print(output: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(output)
    sys.stdout.buffer.flush()


def _exit_code(snapshot: Snapshot, *, strict: bool) -> int:
    code = EXIT_CODES.get(snapshot.verdict, EXIT_CODES["unknown"])
    return 1 if strict and code == 0 and snapshot.notes else code


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise UsageError(f'--watch "{text}": a number of seconds is due') from None
    return max(MIN_WATCH_S, seconds)


def _repeat(show: Callable[[], int], interval_s: float) -> int:
    """Until Ctrl-C, or until nobody reads on; the last verdict is the exit code."""
    code = EXIT_CODES["unknown"]
    try:
        while True:
            code = show()
            time.sleep(interval_s)
    except KeyboardInterrupt:
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains at its end
        return code
