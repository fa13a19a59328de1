"""Numbers as people read them: `1.56k`, `38ms`, `4m12s`, `118MiB`, `<1%`. Pure, in any process.

At most three digits, no blank inside, never the locale's; `spaced` makes the form for sentences. Unknown is `-`.
"""

import re

UNKNOWN = "-"

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_ONE_UNIT = re.compile(r"(<?[\d.]+)(%|[A-Za-z]+)")


def rate(per_s: float | None) -> str:
    """`0`, `0.4`, `97`, `1.56k`, `12.0k`, `1.20M`"""
    if per_s is None:
        return UNKNOWN
    if per_s < 9.95:
        return "0" if per_s == 0 else _tenths(per_s) if per_s >= 0.05 else "<0.1"
    for factor, unit in ((1, ""), (1e3, "k"), (1e6, "M")):
        value = per_s / factor
        if value < 999.5:
            return f"{_three_digits(value) if unit else round(value)}{unit}"
    return f"{_three_digits(per_s / 1e9)}G"


def duration(time_s: float | None) -> str:
    """`0.4ms`, `38ms`, `2.1s`, `47s`, `4m12s`, `2h11m`, `3d4h`"""
    if time_s is None:
        return UNKNOWN
    if time_s < 0.00995:
        return f"{time_s * 1e3:.1f}ms"
    return f"{time_s * 1e3:.0f}ms" if time_s < 0.9995 else _seconds(time_s)


def whole_duration(time_s: float | None) -> str:
    """As `duration`, but in whole milliseconds, for what is measured no better: `<1ms`, `3ms`"""
    if time_s is None:
        return UNKNOWN
    if time_s < 0.001:
        return "<1ms"
    return f"{time_s * 1e3:.0f}ms" if time_s < 0.9995 else duration(time_s)


def age(time_s: float | None) -> str:
    """As `whole_duration`, but in tenths of a second from 0.1 s on, as nobody needs an age in milliseconds: `0.3s`"""
    if time_s is None:
        return UNKNOWN
    return whole_duration(time_s) if time_s < 0.1 else _seconds(time_s)


def seconds(time_s: float | None) -> str:
    """As `duration`, but in whole seconds, for what is waited for: `0s`, `7s`, `4m12s`"""
    return UNKNOWN if time_s is None else _whole(round(time_s))


def roughly(time_s: float) -> str:
    """For sentences about how long ago or how long something lived: `0.8 s`, `47 s`, `8 min`, `2h 11m`, `3d 4h`"""
    if time_s < _MINUTE:
        return spaced(age(time_s))
    if time_s < _HOUR:
        return f"{time_s // _MINUTE:.0f} min"
    return re.sub(r"(?<=[dh])(?=\d)", " ", _whole(int(time_s)))


def setting(time_s: float) -> str:
    """A configured time, without digits that nobody wrote: `5s`, `0.5s` as `500ms`, `1m30s`"""
    return seconds(time_s) if time_s == round(time_s) else duration(time_s)


def size(byte_count: float | None) -> str:
    """`512B`, `3.1MiB`, `18.3MiB`, `118MiB`, `7.8GiB`; binary"""
    if byte_count is None:
        return UNKNOWN
    value, unit = byte_count, "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 999.5:
            break
        value, unit = value / 1024, larger
    whole = unit == "B" or value >= 99.95
    return f"{round(value) if whole else _tenths(value)}{unit}"


def share(ratio: float | None) -> str:
    """`0%`, `<1%`, `66%`"""
    if ratio is None:
        return UNKNOWN
    return "<1%" if 0 < ratio < 0.01 else f"{ratio * 100:.0f}%"


def number(whole: int | None) -> str:
    """A count in a table cell: `0`, `7`, `338`, `1.56k`"""
    return UNKNOWN if whole is None else str(whole) if whole < 1000 else rate(whole)


def count(number: int | None) -> str:
    """With commas, for sentences: `41,200`"""
    return UNKNOWN if number is None else f"{number:,}"


def spaced(quantity: str) -> str:
    """The form for sentences: `38ms` becomes `38 ms`; `4m12s` and `6.21k` stay."""
    found = _ONE_UNIT.fullmatch(quantity)
    return f"{found[1]} {found[2]}" if found and found[2] not in {"k", "M", "G"} else quantity


def four_digits(value: float | None) -> float | None:
    """More than a plot shows; points are kept and sent by the hundred."""
    return None if value is None else float(f"{value:.4g}")


def _seconds(exact: float) -> str:
    return f"{exact:.1f}s" if exact < 9.95 else _whole(round(exact))


def _whole(whole_s: int) -> str:
    if whole_s < _MINUTE:
        return f"{whole_s}s"
    if whole_s < _HOUR:
        return f"{whole_s // _MINUTE}m{whole_s % _MINUTE}s"
    if whole_s < _DAY:
        return f"{whole_s // _HOUR}h{whole_s % _HOUR // _MINUTE}m"
    return f"{whole_s // _DAY}d{whole_s % _DAY // _HOUR}h"


def _three_digits(value: float) -> str:
    if value < 9.995:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 99.95 else f"{value:.0f}"


def _tenths(value: float) -> str:
    return f"{value:.1f}"
