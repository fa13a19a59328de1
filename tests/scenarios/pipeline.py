"""A fleet whose handlers of one topic send to another, the handlers of which write the ledger."""

from pathlib import Path
from typing import Any

from tests.scenarios.real_fleet import RealFleet

APP = """

@app.handler("{source}")
def pass_on(body: bytes, ctx: Context) -> None:
    {work}
    ctx.send("{topic}", body, keys=[body.rstrip(b".").decode()]{fields})
"""

CONFIG = """
[topics.{source}]
shards = {shards}
"""


class Pipeline(RealFleet):
    """Handles `topic` as RealFleet does, and passes everything of `source` on to it."""

    def __init__(
        self, folder: Path, *, source: str, topic: str, fields: str = "", pass_on: str = "pass", **settings: Any
    ) -> None:
        """`fields` are further arguments of `ctx.send`, `pass_on` a statement before it."""
        self._app = APP.format(source=source, topic=topic, fields=fields, work=pass_on)
        self._config = CONFIG.format(source=source, shards=settings.get("shards", 4))
        super().__init__(folder, topic=topic, **settings)

    def start(self) -> None:
        if self._app:
            for name, text in (("app.py", self._app), ("config.toml", self._config)):
                with (self.folder / name).open("a") as file:
                    file.write(text)
            self._app = ""
        super().start()
