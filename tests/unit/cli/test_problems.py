"""The shape of error messages: ux section 8, character by character."""

from sylph_mp.cli.problems import WIDTH, render, render_error
from sylph_mp.errors import BrokerRefusedError, ConfigError, NoMasterError, Problem

UNKNOWN_KEY = Problem(
    place="config.toml:10:1",
    what="unknown key consumers.thread",
    source="thread = 8",
    column=1,
    width=6,
    hint="nearest: threads",
    why="an unknown key would leave the default in force without a word",
    fix="threads = 8",
)


def test_an_unknown_key() -> None:
    assert render(UNKNOWN_KEY) == (
        "config.toml:10:1: error: unknown key consumers.thread\n"
        "  10 | thread = 8\n"
        "     | ^^^^^^ nearest: threads\n"
        "  why: an unknown key would leave the default in force without a word\n"
        "  fix: threads = 8"
    )


def test_a_source_line_without_a_column_has_no_caret() -> None:
    problem = Problem(
        place="workers/orders.py:3", what="app workers.orders:app cannot be loaded", source="import ledger"
    )
    assert render(problem) == (
        "workers/orders.py:3: error: app workers.orders:app cannot be loaded\n   3 | import ledger"
    )


def test_a_warning_says_so() -> None:
    assert render(Problem(place="x", what="y", warning=True)) == "x: warning: y"


def test_a_long_source_line_is_cut_around_the_caret() -> None:
    source = "a = [" + "1, " * 100 + "wrong, " + "2, " * 100 + "]"
    problem = Problem(place="f:1:306", what="w", source=source, column=source.index("wrong") + 1, width=5)
    text, carets = render(problem).split("\n")[1:]
    assert len(text) <= WIDTH
    assert text[carets.index("^") : carets.index("^") + 5] == "wrong"


def test_a_tab_does_not_shift_the_caret() -> None:
    text, carets = render(Problem(place="f:1:2", what="w", source="\tx = 1", column=2)).split("\n")[1:]
    assert text[carets.index("^")] == "x"


def test_why_is_wrapped_and_fix_is_not() -> None:
    lines = render(Problem(place="p", what="w", why="word " * 40, fix="run " + "x" * 100)).split("\n")
    assert all(len(line) <= WIDTH for line in lines[:-1])
    assert lines[2].startswith("       word")
    assert lines[-1] == "  fix: run " + "x" * 100


def test_problems_of_one_error_come_together_and_its_sentence_last() -> None:
    error = ConfigError("2 errors in config.toml", problems=(UNKNOWN_KEY, Problem(place="p", what="w")))
    assert render_error(error) == f"{render(UNKNOWN_KEY)}\n\np: error: w\n\n2 errors in config.toml"


def test_a_sentence_that_is_the_problem_is_not_said_twice() -> None:
    assert render_error(ConfigError("w", problems=(Problem(place="p", what="w"),))) == "p: error: w"


def test_errors_without_problems() -> None:
    assert render_error(BrokerRefusedError("no access")) == "sylph: error: no access"
    assert render_error(NoMasterError("no master: x\nnext: sylph run")) == "no master: x\nnext: sylph run"
