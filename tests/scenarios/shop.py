"""A folder with a good configuration and app, in which a test then makes one mistake; and how it reads the screen."""

from pathlib import Path

Change = tuple[str, str]
"""What is replaced, and what by."""
NO_CHANGE = ("", "")
GROUP = "shop"
TOPIC = "orders"
#: Of a terminal.
LINES = 24

CONFIG = """\
app = "app:app"

[instances.default]
endpoints = "ENDPOINT"

[consumers]
group = "shop"
processes = { min = 1, max = 2 }
threads = 2
buffer = "1 MiB"

[topics.orders]
shards = 1
"""

APP = """\
from sylph_mp import App

app = App()


@app.handler("orders")
def charge(body: bytes) -> None:
    pass
"""


def open_shop(folder: Path, *, endpoint: str, config: Change = NO_CHANGE, app: Change = NO_CHANGE) -> str:
    """Write the files, with a change in each; returns the path of the control socket."""
    (folder / "config.toml").write_text(_edited(CONFIG, config).replace("ENDPOINT", endpoint))
    (folder / "app.py").write_text(_edited(APP, app))
    return str(folder / "sylph.sock")


def rename(folder: Path, *, topic: str, group: str) -> None:
    """For a broker that has others than `orders` and `shop`."""
    for name, old, new in (
        ("config.toml", f"topics.{TOPIC}", f"topics.{topic}"),
        ("config.toml", f'"{GROUP}"', f'"{group}"'),
        ("app.py", f'"{TOPIC}"', f'"{topic}"'),
    ):
        file = folder / name
        file.write_text(file.read_text().replace(old, new))


def assert_told(screen: str, place: str, *says: str) -> None:
    """An error that begins with `place`, everything else that is to be read, and all of it on one screen.

    Phrases of one line may be wrapped; those of several are looked for as they are.
    """
    lines = screen.splitlines()
    words = " ".join(screen.split())
    assert any(line.startswith(place.partition(" ")[0]) for line in lines), screen
    for phrase in (place, *says):
        told = phrase in screen if "\n" in phrase else " ".join(phrase.split()) in words
        assert told, f"{phrase!r} is missing\n{screen}"
    assert len(lines) <= LINES, screen
    assert "Traceback" not in screen, screen
    assert "WARN" not in screen, screen


def _edited(text: str, change: Change) -> str:
    old, new = change
    assert old in text
    return text.replace(old, new, 1) if old else text
