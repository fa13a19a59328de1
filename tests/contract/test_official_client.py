"""The official Python client works against the embedded broker: what it needs of a peer, it gets.

Each runs in a process of its own: it leaves threads behind that never end.
"""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).with_name("official_programs.py")


@pytest.mark.parametrize(
    ("program", "kind", "fifo"),
    [
        ("simple_consumer", "NORMAL", False),
        ("push_consumer", "NORMAL", False),
        ("push_consumer_in_order", "FIFO", True),
        ("transaction", "TRANSACTION", False),
    ],
)
def test_the_official_client(embedded, tmp_path, program, kind, fifo):
    ended = subprocess.run(
        [sys.executable, PROGRAMS, program, embedded.endpoint, embedded.topic(kind), embedded.group(fifo)],
        env={"HOME": str(tmp_path)},  # it logs there
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith("done\n"), ended.stderr
