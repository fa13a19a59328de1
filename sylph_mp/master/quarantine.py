"""Quarantine: the messages that killed their consumers, one file for each, until somebody releases or drops them.

Written by the master's loop thread, read and emptied by `sylph quarantine` from the files alone.

    a file:  label as JSON, one line | 0x0A | body, as its handler got it
"""

import hashlib
from pathlib import Path
from urllib.parse import quote

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from sylph_mp.clock import Clock
from sylph_mp.config.nearest import distance
from sylph_mp.control.observation import QuarantineMark
from sylph_mp.errors import UsageError
from sylph_mp.logs import Log
from sylph_mp.master import durable_file
from sylph_mp.master.recording import LogLine

#: Beyond these, messages are dead-lettered without a file here.
MAX_MESSAGES, MAX_BYTES = 10_000, 1 << 30
#: What stands for the middle of a shortened id.
CUTS = ("…", "...")

_SUFFIX = ".message"


class Label(Struct, frozen=True, kw_only=True):
    """What is known of a message in quarantine, besides its body."""

    id: str
    topic: str
    instance: str
    group: str
    """The consumer group."""
    handler: str
    tag: str | None = None
    keys: tuple[str, ...] = ()
    properties: dict[str, str] = {}
    message_group: str | None = None
    """Of a FIFO message."""
    attempts: int
    born_at: float | None
    """When it was sent, by its sender's clock; seconds since 1970 UTC."""
    stored_at: float | None
    """When the broker stored it."""
    strikes: int
    limit: int
    since_wall: float = 0.0
    """Seconds since 1970 UTC; `put` fills in its own time where it is 0."""
    crashes: tuple[int, ...] = ()
    """Numbers of the crash reports, the oldest first."""
    exits: tuple[str, ...] = ()
    """How those processes ended, in words."""
    stack: str = ""
    """Of its thread in the last crash, the innermost call first; "" if none could be had."""
    log_lines: tuple[LogLine, ...] = ()
    """Of its consumer before the last crash, the oldest first."""
    size: int = 0
    """Bytes of the body; this and its checksum are filled in by `put`."""
    sha256: str = ""


class Quarantined(Label, frozen=True, kw_only=True):
    body: bytes


class Quarantine:
    def __init__(self, folder: Path, clock: Clock) -> None:
        """`folder` is that of the configuration's control.state."""
        self._folder = folder / "quarantine"
        self._clock = clock
        self._log = Log("master")

    def put(self, message: Quarantined) -> bool:
        """Keep a message; one that is here already gets the further crashes.

        False, and an error line says why, where it is not kept: the limits are reached or the disk failed.
        """
        path = self._path(message)
        try:
            known = self._read(path)
            if known is None and not self._has_room(message):
                return False
            self._write(path, _merged(known, message) if known else message)
        except OSError as error:
            text = f"{error.strerror}: the message is not kept in {self._folder}"
            self._log.error("quarantine-failed", text, topic=message.topic, message=message.id)
            return False
        return True

    def list(self) -> list[Label]:
        """The oldest first. What cannot be read is left out, and the log says so."""
        labels = [self._read_label(Path(entry.path)) for entry in durable_file.files(self._folder, _SUFFIX)]
        return sorted((label for label in labels if label is not None), key=lambda label: (label.since_wall, label.id))

    def mark(self) -> QuarantineMark | None:
        """How many are here and since when, without reading them; None if none is, or the folder cannot be read."""
        try:
            changed = [entry.stat().st_mtime for entry in durable_file.files(self._folder, _SUFFIX)]
        except OSError:
            return None  # what is looked at is not there for its own faults: `put` says them
        return QuarantineMark(messages=len(changed), since_wall=min(changed)) if changed else None

    def find(self, name: str) -> Quarantined:
        """The one whose id begins with `name`, or has both ends of a shortened `01D2…A7F3`.

        Raises UsageError if there is none, with the nearest, or more than one.
        """
        labels = self.list()
        found = [label for label in labels if label.id == name] or [label for label in labels if _fits(label.id, name)]
        if not found:
            raise UsageError(_unknown(name, labels))
        if len(found) > 1:
            ids = ", ".join(f"{label.id} ({label.topic})" for label in found[:2])
            raise UsageError(f"{len(found)} messages in quarantine begin with {name}: {ids}; say more of the id")
        message = self._read(self._path(found[0]))
        if message is None:
            raise UsageError(f"{found[0].id} cannot be read, or has just been removed from quarantine")
        return message

    def remove(self, message: Label) -> None:
        """Removing what is gone is no error. Raises OSError."""
        self._path(message).unlink(missing_ok=True)

    def _has_room(self, message: Quarantined) -> bool:
        sizes = [entry.stat().st_size for entry in durable_file.files(self._folder, _SUFFIX)]
        if len(sizes) < MAX_MESSAGES and sum(sizes) + len(message.body) <= MAX_BYTES:
            return True
        text = f"{len(sizes):,} messages of {sum(sizes):,} bytes in {self._folder}: this one is not kept there"
        self._log.error("quarantine-full", text, topic=message.topic, message=message.id)
        return False

    def _write(self, path: Path, message: Quarantined) -> None:
        fields = asdict(message)
        body = fields.pop("body")
        since = message.since_wall or self._clock.time()
        label = msgspec.convert(
            fields | {"since_wall": since, "size": len(body), "sha256": hashlib.sha256(body).hexdigest()}, Label
        )
        durable_file.write(path, [msgspec.json.encode(label), b"\n", body])

    def _read_label(self, path: Path) -> Label | None:
        try:
            with path.open("rb") as file:
                return msgspec.json.decode(file.readline(), type=Label)
        except FileNotFoundError:
            return None  # removed since it was listed
        except (OSError, msgspec.DecodeError) as error:
            self._say_unreadable(path, str(error))
            return None

    def _read(self, path: Path) -> Quarantined | None:
        label = self._read_label(path)
        if label is None:
            return None
        with path.open("rb") as file:
            file.readline()
            body = file.read()
        if hashlib.sha256(body).hexdigest() != label.sha256:
            self._say_unreadable(path, "its body does not match its checksum")
            return None
        return Quarantined(**asdict(label), body=body)

    def _say_unreadable(self, path: Path, why: str) -> None:
        self._log.warn("quarantine-unreadable", f"{path} is left out: {why}", place=str(path))

    def _path(self, message: Label) -> Path:
        return self._folder / f"{quote(message.topic, safe='')}@{quote(message.id, safe='')}{_SUFFIX}"


def _merged(known: Quarantined, again: Quarantined) -> Quarantined:
    """The newer account, with the crashes of both and since the first."""
    crashes = dict(zip(known.crashes, known.exits, strict=False)) | dict(zip(again.crashes, again.exits, strict=False))
    return replace(
        again,
        since_wall=known.since_wall,
        strikes=max(known.strikes, again.strikes),
        crashes=tuple(sorted(crashes)),
        exits=tuple(crashes[number] for number in sorted(crashes)),
        stack=again.stack or known.stack,
        log_lines=again.log_lines or known.log_lines,
    )


def _fits(message_id: str, name: str) -> bool:
    for cut in CUTS:
        first, found, last = name.partition(cut)
        if found:
            return message_id.startswith(first) and message_id.endswith(last)
    return message_id.startswith(name)


def _unknown(name: str, labels: list[Label]) -> str:
    if not labels:
        return f"no message {name}: quarantine is empty"
    nearest = min(labels, key=lambda label: distance(name, label.id[: len(name)]))
    return f"no message {name} in quarantine; nearest: {nearest.id}"
