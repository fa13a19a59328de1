"""A wrong command line is told in the form of every other error."""

import sys

import pytest

from sylph_mp.cli import main


def told(monkeypatch, capsys, *arguments: str) -> str:
    monkeypatch.setattr(sys, "argv", ["sylph", *arguments])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 64
    out, err = capsys.readouterr()
    assert out == ""
    return err


@pytest.mark.parametrize(
    ("arguments", "error", "fix"),
    [
        (("scale",), "sylph scale: error: missing argument N", "sylph scale N"),
        (("scale", "abc"), "sylph scale: error: invalid value for N: abc is no whole number", "sylph scale N"),
        (
            ("status", "--jsn"),
            "sylph status: error: no such option --jsn. Did you mean --json?",
            "sylph status [TARGET]",
        ),
        (
            ("quarantine", "show"),
            "sylph quarantine show: error: missing argument ID",
            "sylph quarantine show ID",
        ),
    ],
)
def test_place_what_and_remedy(monkeypatch, capsys, arguments, error, fix):
    place = error.partition(":")[0]
    assert told(monkeypatch, capsys, *arguments) == f"{error}\n  fix: {fix:39} ({place} --help)\n"


@pytest.mark.parametrize(
    ("command", "near"),
    [("nonsense", "see sylph --help"), ("stat", "nearest: status, start"), ("pause", "nearest: quiet")],
)
def test_a_command_that_there_is_not(monkeypatch, capsys, command, near):
    assert told(monkeypatch, capsys, command) == f"sylph: error: no command {command}; {near}\n"
