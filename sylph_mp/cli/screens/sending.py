"""What `sylph send` says: a line while it goes on, sentences at its end. Pure."""

from msgspec import Struct

from sylph_mp.cli.screens.view import View
from sylph_mp.control.quantities import count, rate, seconds, share, size, spaced


class Going(Struct, frozen=True, kw_only=True):
    topic: str
    settled: int
    total: int | None
    """Messages in all; None while that is not known."""
    rate_per_s: float
    failed: int
    note: str = ""
    """Why it stands still, or that it stops."""


class Sent(Struct, frozen=True, kw_only=True):
    topic: str
    stored: int
    size: int
    """Of what is stored, in bytes."""
    took_s: float
    failed: int
    unknown: int
    ended: bool
    """All lines were read, and sent where they could be."""
    not_sent: int | None
    """None where nobody knows how many lines there are."""
    why: str = ""
    """What stopped it, if that was not the user."""
    kept_in: str = ""
    """Where the lines are that failed."""
    beyond: int = 0
    """Lines that are settled and would be sent again by `go_on`."""
    go_on: str = ""
    """The command that sends the rest."""


def going_line(going: Going, view: View) -> str:
    """`sending to orders  41,200 of 100,000  41%  12.0k/s  0 failed  5 s left`"""
    parts = [f"sending to {going.topic}", count(going.settled)]
    left = None if going.total is None else max(0, going.total - going.settled)
    if going.total is not None and left is not None:
        parts[-1] += f" of {count(max(going.total, going.settled))}"
        parts.append(share(going.settled / max(1, going.settled + left)))
    parts += [f"{rate(going.rate_per_s)}/s", f"{count(going.failed)} failed"]
    if going.note:
        parts.append(going.note)
    elif left and going.rate_per_s:
        parts.append(f"{spaced(seconds(left / going.rate_per_s))} left")
    line = "  ".join(parts)
    if view.width is not None and len(line) >= view.width:
        return line[: view.width - 1 - len(view.cut)] + view.cut
    return line


def sent_lines(sent: Sent) -> list[str]:
    """`sent 100,000 to orders in 8.3 s (12.0k/s, 11.7 MiB/s); 0 failed`"""
    line = _ended(sent) if sent.ended else _stopped(sent)
    lines = [line + (f"; what failed is in {sent.kept_in}" if sent.failed and sent.kept_in else "")]
    if sent.go_on:
        if sent.beyond:
            lines.append(f"note: {count(sent.beyond)} lines behind the first that is not stored are sent twice by this")
        lines.append(f"next: {sent.go_on}")
    return lines


def _ended(sent: Sent) -> str:
    took_s = max(sent.took_s, 1e-3)
    pace = f"{rate(sent.stored / took_s)}/s, {spaced(size(sent.size / took_s))}/s"
    line = f"sent {count(sent.stored)} to {sent.topic} in {took_s:.1f} s ({pace}); {count(sent.failed)} failed"
    return line + (f", {_unknown(sent)}" if sent.unknown else "")


def _stopped(sent: Sent) -> str:
    parts = [f"{count(sent.stored)} stored"]
    if sent.failed:
        parts.append(f"{count(sent.failed)} failed")
    parts.append(_unknown(sent) if sent.unknown else "0 unknown")
    parts.append("the rest not sent" if sent.not_sent is None else f"{count(sent.not_sent)} not sent")
    why = f", because {sent.why}" if sent.why else ""
    return f"stopped{why}: {', '.join(parts)}"


def _unknown(sent: Sent) -> str:
    return f"{count(sent.unknown)} unknown ({'they' if sent.unknown > 1 else 'it'} may be stored)"
