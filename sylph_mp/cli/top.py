"""`sylph top`: the fleet live on the whole screen, with keys. Looks as `sylph status` does; upper-case keys act."""

import sys
import threading
import time
from collections import deque

import click

from sylph_mp.cli.control_socket import socket_options, socket_path, user_name
from sylph_mp.cli.looking import look_or_say
from sylph_mp.cli.screens.browsing import Browsing, Leave
from sylph_mp.cli.screens.top import top_screen
from sylph_mp.cli.screens.view import of_stream
from sylph_mp.cli.terminal import Terminal, is_terminal
from sylph_mp.cli.trends import Trends
from sylph_mp.control.client import LOOK_S, tell
from sylph_mp.control.protocol import Verb
from sylph_mp.control.status import Snapshot
from sylph_mp.errors import Problem, SylphError, UsageError

#: Consumers report once a second.
INTERVAL_S = 1.0


@click.command("top", short_help="The fleet live, on the whole screen.")
@socket_options
def command(config: str | None, socket: str | None) -> None:
    """Show topics, slots and threads live. `q` ends it, `?` shows all keys."""
    if not is_terminal(sys.stdin, sys.stdout):
        what = "sylph top needs a terminal"
        raise UsageError(what, problems=(Problem(place="sylph", what=what, fix="sylph status --watch"),))
    path = socket_path(config, socket)
    with Terminal(sys.stdin, sys.stdout) as terminal:
        Top(path, terminal).run()


class Top:
    def __init__(self, path: str, terminal: Terminal) -> None:
        self._path = path
        self._terminal = terminal
        self._browsing = Browsing(by=user_name())
        self._trends = Trends()
        self._looks: deque[Snapshot] = deque(maxlen=2)

    def run(self) -> None:
        """Until `q`, Ctrl-C, or until the terminal is gone."""
        threading.Thread(target=self._look_on, daemon=True).start()
        try:
            while True:
                self._draw()
                keys = self._terminal.keys(INTERVAL_S)
                self._take_looks()
                if keys is None or any(self._obey(key) for key in keys):
                    return
        except KeyboardInterrupt:
            return

    def _look_on(self) -> None:
        """On a thread of its own: a master that does not answer must not hold up the keys."""
        while True:
            self._looks.append(look_or_say(self._path))
            self._terminal.wake()
            time.sleep(INTERVAL_S)

    def _take_looks(self) -> None:
        while self._looks:
            snapshot = self._looks.popleft()
            self._trends.add(snapshot)
            self._browsing.see(snapshot)

    def _obey(self, key: str) -> bool:
        """Whether that was the last key."""
        wish = self._browsing.press(key)
        if isinstance(wish, Leave):
            return True
        if wish is not None:
            self._browsing.answer = self._tell(wish)
        return False

    def _tell(self, verb: Verb) -> str:
        try:
            return tell(self._path, verb, limit_s=LOOK_S)
        except SylphError as error:
            return str(error).partition("\n")[0]

    def _draw(self) -> None:
        view = of_stream(sys.stdout, color="auto", show_all=False)
        lines = top_screen(self._browsing, self._trends, view, height=self._terminal.size.lines, interval_s=INTERVAL_S)
        self._terminal.draw(view.characters(line) for line in lines)
