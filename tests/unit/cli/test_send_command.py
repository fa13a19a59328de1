"""What `sylph send` refuses before anything is sent, its exit codes and its JSON; the sending itself is made up."""

import io
import json
import os
import sys

import pytest

from sylph_mp.cli import main, send
from sylph_mp.cli.sending.ledger import Ledger
from sylph_mp.cli.sending.lines import Line
from sylph_mp.cli.sending.run import Result
from sylph_mp.errors import BrokerError, NotSentError, OutgoingError, StatusError
from sylph_mp.producer.outlet import Receipt

CONFIG = """\
app = "app:app"
[instances.default]
endpoints = "127.0.0.1:8081"
[instances.eu]
endpoints = "127.0.0.2:8081"
[consumers]
group = "g"
[topics.orders]
instance = "eu"
"""
GOOD, REFUSED, FAULTY = None, StatusError(40009, "no"), OutgoingError("line", "is no JSON", "JSON")


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(CONFIG)
    (tmp_path / "orders.jsonl").write_text("1\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)


@pytest.fixture
def sylph(monkeypatch, capsys):
    """Runs `sylph send`; the made-up sending gives `outcomes` to the lines, and the test sees its order."""

    def run(*arguments, outcomes=(GOOD,), ended=True, total=None, error=None):
        orders = []

        def send_all(order):
            orders.append(order)
            ledger = Ledger(skip=order.skip, on_change=lambda: None, on_failure=lambda *_: None)
            for number, outcome in enumerate(outcomes, start=order.skip + 1):
                if isinstance(outcome, OutgoingError):
                    ledger.refuse(Line(number, b"x"), outcome)
                else:
                    ledger.begin()
                    ledger.settle(Line(number, b"x"), 100, Receipt("id", outcome))
            return Result(
                ledger=ledger, ended=ended, total=len(outcomes) if total is None else total, took_s=1.0,
                first_failures=[], error=error,
            )  # fmt: skip

        monkeypatch.setattr(send, "send_all", send_all)
        monkeypatch.setattr(sys, "argv", ["sylph", "send", *arguments])
        with pytest.raises(SystemExit) as ended_with:
            main.main()
        out, err = capsys.readouterr()
        return ended_with.value.code, out, err, orders

    return run


def test_what_the_command_line_says_is_what_is_sent(sylph):
    code, out, _, [order] = sylph(
        "orders", "--from", "orders.jsonl", "--envelope", "--skip", "3", "--failed", "bad.jsonl", "--tag", "t",
        "--key", "k", "--key", "l", "--property", "a=b=c", "--group", "g", "--deliver-after", "15min",
        "--rate", "30/min",
    )  # fmt: skip
    assert (code, out) == (0, "sent 1 to orders in 1.0 s (1.0/s, 100 B/s); 0 failed\n")
    assert (order.instance.name, order.place(Line(3, b""))) == ("eu", "orders.jsonl:3")
    assert (order.skip, str(order.failed), order.per_s) == (3, "bad.jsonl", 0.5)
    stencil = order.stencil
    assert (stencil.topic, stencil.envelope, stencil.tag, stencil.keys) == ("orders", True, "t", ("k", "l"))
    assert (stencil.properties, stencil.group, stencil.deliver_after_s) == ({"a": "b=c"}, "g", 900.0)
    os.close(order.file)


def test_a_single_body_and_another_instance(sylph):
    code, _, _, [order] = sylph("orders", "--body", "täg", "--instance", "default")
    assert code == 0
    assert (order.body, order.file, order.instance.name) == ("täg".encode(), None, "default")
    assert sylph("elsewhere", "--body", "x")[3][0].instance.name == "default"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--from FILE"),
        (("--from", "orders.jsonl", "--body", "x"), "one of --from"),
        (("--from", "away.jsonl"), "away.jsonl cannot be read: No such file"),
        (("--from", "orders.jsonl", "--failed", "./orders.jsonl"), "that is the file that is read"),
        (("--body", "x", "--instance", "us"), "no instance us"),
        (("--body", "x", "--rate", "fast"), "500/s"),
        (("--body", "x", "--deliver-after", "soon"), "15min"),
        (("--body", "x", "--property", "region"), "K=V"),
    ],
)
def test_what_makes_no_sense_is_said_and_nothing_is_sent(sylph, arguments, says):
    code, out, err, orders = sylph("orders", *arguments)
    assert (code, out, orders) == (64, "", [])
    assert says in " ".join(err.split())


@pytest.mark.parametrize(
    ("outcomes", "code"), [((GOOD, GOOD), 0), ((GOOD, REFUSED), 1), ((GOOD, FAULTY), 1), ((FAULTY, FAULTY), 65)]
)
def test_the_exit_code_says_whether_all_are_stored(sylph, outcomes, code):
    ended = sylph("orders", "--from", "orders.jsonl", outcomes=outcomes)
    assert ended[0] == code


def test_a_stop_says_how_to_go_on(sylph):
    code, out, _, _ = sylph(
        "orders", "--skip=5", "--from", "orders.jsonl", outcomes=(GOOD, REFUSED, GOOD), ended=False, total=10
    )
    assert code == 1
    assert out.splitlines() == [
        "stopped: 2 stored, 1 failed, 0 unknown, 7 not sent",
        "next: sylph send orders --from orders.jsonl --skip 8",
    ]


def test_a_broker_that_goes_away_is_an_error_and_tells_how_to_go_on(sylph):
    gone = BrokerError("broker 127.0.0.1:8081 was away for 120 s: refused")
    code, out, err, _ = sylph(
        "orders", "--from", "orders.jsonl", outcomes=(GOOD, NotSentError("refused")), ended=False, error=gone
    )
    assert code == 69
    assert "was away for 120 s" in err
    assert out.splitlines()[-1] == "next: sylph send orders --from orders.jsonl --skip 1"


def test_without_a_broker_nothing_is_said_to_be_sent(sylph):
    code, out, err, _ = sylph("orders", "--body", "x", outcomes=(), ended=False, error=BrokerError("nothing was sent"))
    assert (code, out) == (69, "")
    assert "nothing was sent" in err


def test_programs_get_one_object(sylph):
    code, out, _, _ = sylph("orders", "--from", "orders.jsonl", "--json", outcomes=(GOOD, REFUSED), ended=False)
    assert code == 1
    assert json.loads(out) == {
        "schema": "sylph.sent/1", "topic": "orders", "ended": False, "stored": 1, "failed": 1, "unknown": 0,
        "not_sent": 0, "took_s": 1.0, "rate_per_s": 1.0, "stored_bytes": 100, "first_failures": [], "error": None,
        "skip": 2, "next": "sylph send orders --from orders.jsonl --json --skip 2",
    }  # fmt: skip
