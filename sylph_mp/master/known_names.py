"""Which topics and groups a broker has had: what was there and is missing may be on its way back.

One small file in the state folder, written by the master's loop thread when an answer brings something new.
"""

from collections.abc import Collection
from pathlib import Path

import msgspec

from sylph_mp.config.schema import Instance
from sylph_mp.logs import Log
from sylph_mp.master import durable_file

Names = dict[str, list[str]]
"""By broker."""


class KnownNames:
    def __init__(self, folder: Path) -> None:
        """`folder` is that of the configuration's control.state."""
        self._path = folder / "known-names.json"
        self._log = Log("master")

    def of(self, instance: Instance) -> frozenset[str]:
        """Those that were added; a broker at another address is another one."""
        return frozenset(self._read().get(_key(instance), ()))

    def add(self, instance: Instance, names: Collection[str]) -> None:
        """They are there."""
        every = self._read()
        more = set(names).difference(every.get(_key(instance), ()))
        if not more:
            return
        every[_key(instance)] = sorted(more.union(every.get(_key(instance), ())))
        try:
            durable_file.write(self._path, [msgspec.json.encode(every)])
        except OSError as error:
            self._log.error("known-names-lost", f"what the broker has is not kept: {error}")

    def _read(self) -> Names:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Names)
        except (OSError, msgspec.DecodeError):  # there is none, or a power cut left it empty
            return {}


def _key(instance: Instance) -> str:
    return " ".join((*instance.endpoints, instance.namespace))
