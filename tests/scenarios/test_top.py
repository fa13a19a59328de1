"""`sylph top` is live: rows, keys and acts, the size of its window, a lost master, and the terminal as it was."""

import os
import signal
import subprocess
import sys
import termios
from pathlib import Path

from tests.scenarios.fake_fleet import FakeFleet
from tests.scenarios.terminal import Terminal

SCREEN = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONIOENCODING": "utf-8"}


def test_top(folder: Path) -> None:
    with FakeFleet(folder) as fleet, Terminal(folder, "top", environ=SCREEN, columns=120) as terminal:
        before = fleet.until_running(1, 2)
        terminal.until_drawn("consumers 2/2")
        assert [line for line in terminal.drawn if line.startswith("> orders")]

        terminal.type("Q")
        terminal.until_drawn("orders takes no new deliveries")
        terminal.until_drawn("> orders   quiet")
        terminal.type("S")
        terminal.until_drawn("> orders   running")

        terminal.type("jj")  # slot 1
        terminal.type("K1\r")
        terminal.until_drawn("slot 1 killed")
        after = fleet.until(lambda slots: slots[1].restarts == 1 and slots[1].state == "running")
        assert after[1].pid != before[1].pid

        terminal.type("p")
        terminal.until_drawn("frozen")
        os.kill(after[2].pid, signal.SIGKILL)
        fleet.until(lambda slots: slots[2].restarts == 1)
        frozen = terminal.drawn
        terminal.resize(80, 20)
        terminal.look_until(lambda: any("RUN-p99" in line and "INFLIGHT" not in line for line in terminal.drawn))
        assert not any("CRASHES" in line and "LONGEST" in line for line in terminal.drawn)
        assert any("   2  running" in line for line in frozen)
        terminal.type("p")
        terminal.until_drawn("every 1 s")

        fleet.signal(signal.SIGTERM)
        fleet.wait()
        terminal.until_drawn("no master since")
        assert any("orders" in line for line in terminal.drawn)
        terminal.type("q")
        assert terminal.end() == 0


def test_the_terminal_is_as_it_was(folder: Path) -> None:
    ours, theirs = os.openpty()
    as_it_was = termios.tcgetattr(theirs)
    process = subprocess.Popen(
        [sys.executable, "-m", "sylph_mp", "top"], cwd=folder, env=os.environ | SCREEN, stdin=theirs, stdout=theirs
    )
    written = b""
    while b"no master" not in written:
        written += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    while b"\x1b[?1049l" not in written:
        written += os.read(ours, 4096)
    assert written.count(b"\x1b[?1049h") == 1
    assert termios.tcgetattr(theirs) == as_it_was
    os.close(ours)
    os.close(theirs)


def test_off_a_terminal_it_says_what_to_do(folder: Path) -> None:
    command = [sys.executable, "-m", "sylph_mp", "top"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (64, "")
    assert "sylph status --watch" in ended.stderr
