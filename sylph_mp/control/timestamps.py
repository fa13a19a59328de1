"""Times as programs read them, RFC 3339 in UTC, and as people do, clock time. Pure, in any process."""

from datetime import UTC, datetime


def rfc3339(wall: float) -> str:
    """`2026-03-14T13:06:19.204Z` of seconds since 1970 UTC."""
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_rfc3339(text: str) -> datetime:
    """In the host's zone."""
    return datetime.fromisoformat(text).astimezone()


def clock_time(then: datetime, now: datetime) -> str:
    """`09:14`, with the date where that is another day."""
    return f"{then:%H:%M}" if then.date() == now.date() else f"{then:%Y-%m-%d %H:%M}"
