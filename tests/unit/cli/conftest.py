"""A command line, run in this process."""

import sys
from collections.abc import Callable

import pytest

from sylph_mp.cli import main

Ended = tuple[int, str, str]


@pytest.fixture
def sylph(monkeypatch, capsys, tmp_path) -> Callable[..., Ended]:
    """Runs a command line in a folder of the test's own, where no master is; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["sylph", *words])
        with pytest.raises(SystemExit) as ended:
            main.main()
        return ended.value.code, *capsys.readouterr()

    return run
