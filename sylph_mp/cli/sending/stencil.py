"""What a line becomes: a message, with what the command line says of all of them. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from sylph_mp.cli.sending.lines import MAX_LINE, Line
from sylph_mp.errors import OutgoingError
from sylph_mp.producer.outgoing import Outgoing


class Envelope(Struct, frozen=True, forbid_unknown_fields=True):
    """A line that says more than its payload; what it says wins over the command line, field by field."""

    payload: msgspec.Raw
    """Any JSON, sent as it is written."""
    tag: str | None = None
    keys: Sequence[str] = ()
    properties: Mapping[str, str] = {}
    """Besides those of the command line."""
    group: str | None = None
    deliver_after_s: float | None = None
    deliver_at: datetime | None = None
    priority: int | None = None
    trace_parent: str | None = None


class Stencil(Struct, frozen=True, kw_only=True):
    topic: str
    envelope: bool = False
    tag: str | None = None
    keys: Sequence[str] = ()
    properties: Mapping[str, str] = {}
    group: str | None = None
    deliver_after_s: float | None = None

    def of_line(self, line: Line) -> Outgoing | None:
        """None for a blank line. Raises OutgoingError for one that is no JSON, or no envelope where that is due."""
        if line.text is None:
            raise OutgoingError("line", f"longer than {MAX_LINE >> 20} MiB", "one message a line")
        if not line.text.strip():
            return None
        _check_utf8(line.text)
        if self.envelope:
            return self._of_envelope(_decode(line.text, Envelope))
        _decode(line.text, msgspec.Raw)
        return self.of_body(line)

    def of_body(self, line: Line) -> Outgoing:
        """The bytes as they are, whatever they are."""
        return Outgoing(
            topic=self.topic,
            payload=line.text,
            tag=self.tag,
            keys=self.keys,
            properties=self.properties,
            group=self.group,
            deliver_after_s=self.deliver_after_s,
        )

    def _of_envelope(self, said: Envelope) -> Outgoing:
        dated = said.deliver_at is not None or said.deliver_after_s is not None
        return Outgoing(
            topic=self.topic,
            payload=bytes(said.payload),
            tag=self.tag if said.tag is None else said.tag,
            keys=said.keys or self.keys,
            properties={**self.properties, **said.properties} if said.properties else self.properties,
            group=self.group if said.group is None else said.group,
            deliver_after_s=said.deliver_after_s if dated else self.deliver_after_s,
            deliver_at=said.deliver_at,
            priority=said.priority,
            trace_parent=said.trace_parent,
        )


def _check_utf8(text: bytes) -> None:
    """The decoder does not look into strings that it does not decode."""
    try:
        if not text.isascii():
            text.decode()
    except UnicodeDecodeError as error:
        raise OutgoingError("line", f"is not UTF-8 (byte {error.start})", "one JSON value a line") from error


def _decode(text: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        due = '{"payload": ..., "tag": ..., ...}'
        raise OutgoingError("envelope", f"is wrong: {error}", due) from error
    except (msgspec.DecodeError, RecursionError) as error:
        what = str(error).removeprefix("JSON is malformed: ")
        raise OutgoingError("line", f"is no JSON: {what}", "one JSON value a line") from error
