"""What a terminal sends for a key."""

import pytest

from sylph_mp.cli.terminal import keys_in


@pytest.mark.parametrize(
    ("sent", "keys"),
    [
        (b"j", ["j"]),
        (b"jkQ", ["j", "k", "Q"]),
        (b"\x1b[A", ["up"]),
        (b"\x1bOB\x1b[B", ["down", "down"]),
        (b"\x1b", ["escape"]),
        (b"\r", ["enter"]),
        (b"\x7f", ["backspace"]),
        (b"\x1b[15~x", ["", "x"]),
        (b"\x01", [""]),
        ("ä".encode(), ["ä"]),
    ],
)
def test_keys(sent, keys):
    assert keys_in(sent) == keys
