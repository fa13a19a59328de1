"""A message to be sent, as the caller says it, and what a server takes. Pure; in any process and thread."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from sylph_mp.errors import OutgoingError

# RocketMQ 5.5.0: org.apache.rocketmq.common.topic.TopicValidator.
_TOPIC = re.compile(r"[%|A-Za-z0-9_-]{1,127}")
#: Control characters, and the halves of surrogate pairs, which UTF-8 does not have.
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Limits(Struct, frozen=True, kw_only=True):
    """What a server takes; the defaults are those of the proxy and broker of 5.5.0."""

    body_bytes: int = 4 << 20
    property_count: int = 128
    property_bytes: int = 16 << 10
    """Of names and values of all properties, tag and keys together."""
    group_bytes: int = 63
    delay_s: float = 86400.0


class Outgoing(Struct, frozen=True, kw_only=True):
    """Its fields decide its kind: `group` makes it FIFO, a delivery time DELAY, `priority` PRIORITY, none NORMAL."""

    topic: str
    payload: Any
    """bytes as they are, text as UTF-8, everything else as JSON (what msgspec encodes)."""
    tag: str | None = None
    keys: Sequence[str] = ()
    """To find the message by, at the broker; no blanks within one."""
    properties: Mapping[str, str] = {}
    group: str | None = None
    """Message group: messages of one group are stored, and delivered, in the order in which they are sent."""
    deliver_at: datetime | None = None
    """With a time zone. A time that has passed means at once."""
    deliver_after_s: float | None = None
    priority: int | None = None
    """From 0; higher ones are delivered first (topics of type PRIORITY, servers from 5.4.0)."""
    trace_parent: str | None = None
    """W3C trace context."""


def is_plain(outgoing: Outgoing) -> bool:
    """Nothing is said but topic and payload."""
    return (
        outgoing.tag is None
        and not outgoing.keys
        and not outgoing.properties
        and outgoing.group is None
        and outgoing.deliver_at is None
        and outgoing.deliver_after_s is None
        and outgoing.priority is None
        and outgoing.trace_parent is None
    )


def check(outgoing: Outgoing, body: bytes, limits: Limits, now: float) -> None:
    """Raises OutgoingError that names the field a server would refuse."""
    if not _TOPIC.fullmatch(outgoing.topic):
        raise OutgoingError("topic", f"{outgoing.topic!r} is no topic name", "1 to 127 letters, digits, _ - % |")
    if not 0 < len(body) <= limits.body_bytes:
        raise OutgoingError("payload", f"of {len(body):,} bytes", f"1 to {limits.body_bytes:,} bytes")
    if outgoing.tag is not None or outgoing.keys or outgoing.properties:
        _check_properties(outgoing, limits)
    if outgoing.trace_parent is not None:
        _check_text("trace_parent", outgoing.trace_parent)
    if outgoing.group is not None:
        _check_group(outgoing.group, limits)
    if outgoing.deliver_at is not None or outgoing.deliver_after_s is not None:
        _check_delay(outgoing, limits, now)
    if outgoing.priority is not None and not 0 <= outgoing.priority < 1 << 31:
        raise OutgoingError("priority", str(outgoing.priority), "0 or more")


def _check_properties(outgoing: Outgoing, limits: Limits) -> None:
    size = 0
    if outgoing.tag is not None:
        _check_text("tag", outgoing.tag)
        if "|" in outgoing.tag:
            raise OutgoingError("tag", f"{outgoing.tag!r} has a |", "no |, which joins tags in a filter")
        size += len(outgoing.tag.encode())
    if isinstance(outgoing.keys, str):
        raise OutgoingError("keys", f"is the text {outgoing.keys!r}", "a sequence of texts")
    for key in outgoing.keys:
        _check_text("keys", key)
        if " " in key:
            raise OutgoingError("keys", f"{key!r} has a blank", "no blank, which separates keys at the broker")
        size += len(key.encode())
    for name, value in outgoing.properties.items():
        _check_text("properties", name)
        _check_text(f"properties[{name!r}]", value, empty=True)
        size += len(name.encode()) + len(value.encode())
    if len(outgoing.properties) > limits.property_count:
        raise OutgoingError("properties", f"{len(outgoing.properties)} of them", f"at most {limits.property_count}")
    if size > limits.property_bytes:
        raise OutgoingError("properties", f"{size:,} bytes with tag and keys", f"at most {limits.property_bytes:,}")


def _check_text(field: str, text: str, *, empty: bool = False) -> None:
    if not isinstance(text, str):
        raise OutgoingError(field, f"{text!r} is no text", "a str")
    if not text.isprintable() and _UNSENDABLE.search(text):
        raise OutgoingError(field, f"{text!r} has a control character", "no control characters")
    if not empty and not text.strip():
        raise OutgoingError(field, "is blank", "a text")


def _check_group(group: str, limits: Limits) -> None:
    _check_text("group", group)
    if len(group.encode()) > limits.group_bytes:
        raise OutgoingError("group", f"{group!r} is too long", f"at most {limits.group_bytes} bytes")


def _check_delay(outgoing: Outgoing, limits: Limits, now: float) -> None:
    field, left_s = "deliver_after_s", outgoing.deliver_after_s
    if outgoing.deliver_at is not None:
        if left_s is not None:
            raise OutgoingError("deliver_after_s", "stands beside deliver_at", "one of the two")
        if outgoing.deliver_at.tzinfo is None:
            raise OutgoingError("deliver_at", f"{outgoing.deliver_at} has no time zone", "an aware datetime")
        field, left_s = "deliver_at", outgoing.deliver_at.timestamp() - now
    elif left_s is not None and left_s < 0:
        raise OutgoingError(field, f"{left_s:g}", "0 or more")
    if left_s is not None and not left_s <= limits.delay_s:
        raise OutgoingError(field, f"{left_s:,.0f} s ahead", f"at most {limits.delay_s:,.0f} s")
