"""`sylph autoscale`: figures with their limits, and the decisions made by them. Pure."""

from datetime import tzinfo

from sylph_mp.cli.screens.table import Column, Row, render
from sylph_mp.cli.screens.text import wrapped
from sylph_mp.cli.screens.view import View
from sylph_mp.control.autoscale_status import AutoscaleStatus, ScalingStatus, SignalStatus
from sylph_mp.control.quantities import UNKNOWN, rate, roughly, seconds, setting, share, size, spaced, whole_duration
from sylph_mp.control.timestamps import parse_rfc3339

_SIGNALS = (
    Column(name="SIGNAL", right=False),
    Column(name="NOW"),
    Column(name="GROW-FROM"),
    Column(name="SHRINK-BELOW"),
    Column(name="SAYS", right=False),
)
#: Quantities by their unit.
_WORDS = {"ratio": share, "s": whole_duration, "bytes": size, "messages": rate}
_TIME, _GAP = len("14:10:21"), 2


def autoscale_screen(status: AutoscaleStatus, view: View, *, zone: tzinfo | None = None) -> list[str]:
    """`zone` is that of clock times; None: the host's."""
    last = f"last change {roughly(status.changed_s)} ago" if status.changed_s is not None else "no change yet"
    second = f"{status.bounds}; {last}; next look in {spaced(seconds(status.next_look_s))}"
    rows = [_row(signal) for signal in status.signals]
    lines = [*wrapped(status.headline, view.width), *wrapped(second, view.width)]
    if status.wish is not None:
        lines += wrapped(wish_line(status), view.width)
    lines += ["", *render(_SIGNALS, rows, view, what="calm")]
    return [*lines, *_history(status.history, view, zone)]


def autoscale_line(status: AutoscaleStatus | None, view: View) -> list[str]:
    """Its sentence; nothing where the size is fixed."""
    if status is None or status.mode == "fixed":
        return []
    return wrapped(f"autoscale: {status.sentence}", view.width)


def wish_line(status: AutoscaleStatus) -> str:
    """What it would do now."""
    if status.wish is not None:
        return f"held by {status.held_by}; it would: {status.wish}"
    return f"no wish: {status.headline}"


def _row(signal: SignalStatus) -> Row:
    below = signal.shrink_below
    return Row(
        cells={
            "SIGNAL": signal.signal,
            "NOW": _quantity(signal.value, signal.unit),
            "GROW-FROM": _grow_from(signal),
            "SHRINK-BELOW": UNKNOWN if below is None else _quantity(below, signal.unit),
            "SAYS": signal.says,
        }
    )


def _grow_from(signal: SignalStatus) -> str:
    if signal.limit is not None:
        return f"up to {_quantity(signal.limit, signal.unit)}"
    if signal.grow_from is None:
        return "rising" if signal.unit in {"s", "messages"} else UNKNOWN
    return setting(signal.grow_from) if signal.unit == "s" else _quantity(signal.grow_from, signal.unit)


def _quantity(value: float | None, unit: str) -> str:
    if value is None:
        return UNKNOWN
    return _WORDS[unit](value)


def _history(lines: tuple[ScalingStatus, ...], view: View, zone: tzinfo | None) -> list[str]:
    if not lines:
        return []
    changes = [_change(line) for line in lines]
    width = max(len("CHANGE"), *map(len, changes))
    shown = ["", view.paint(f"{'TIME':{_TIME}}  {'CHANGE':{width}}  WHY", "dim")]
    indent = _TIME + width + 2 * _GAP
    for line, change in zip(lines, changes, strict=True):
        at = parse_rfc3339(line.at).astimezone(zone)
        first, *more = wrapped(line.why, None if view.width is None else max(20, view.width - indent))
        shown.append(f"{at:%H:%M:%S}  {change:{width}}  {first}")
        shown += [f"{'':{indent}}{rest}" for rest in more]
    return shown


def _change(line: ScalingStatus) -> str:
    change = f"{line.consumers_before} to {line.consumers_after}"
    if line.threads_before == line.threads_after:
        return change
    threads = f"{line.threads_before} to {line.threads_after} threads"
    return threads if line.consumers_before == line.consumers_after else f"{change}, {threads}"
