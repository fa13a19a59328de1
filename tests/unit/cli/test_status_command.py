"""What `sylph status` and the verbs print and end with; the master behind them is made up."""

import json

import pytest
from msgspec.structs import replace

from sylph_mp.cli import control_socket, looking, quiet, scale, status, stop
from sylph_mp.control.protocol import Quiet, Scale, Stopped
from sylph_mp.control.target import Topic
from sylph_mp.errors import NoAnswerError, NoMasterError
from tests.unit.cli.snapshots import broken, degraded, healthy


@pytest.fixture
def shows(monkeypatch):
    """Makes looking give these snapshots or errors, one after the other."""

    def set_up(*answers):
        left = list(answers)

        def look(path):
            answer = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(answer, BaseException):
                raise answer
            return answer

        monkeypatch.setattr(looking, "look", look)

    return set_up


NO_MASTER = NoMasterError("no master: nothing listens on sylph.sock here; other place: --socket PATH\nnext: sylph run")
NO_ANSWER = NoAnswerError(
    "unknown: master 41200 holds sylph.sock but did not answer within 2 s\nnext: kill -USR1 41200"
)


@pytest.mark.parametrize(
    ("answer", "options", "code"),
    [
        (healthy(), [], 0),
        (degraded(), [], 1),
        (NO_MASTER, [], 2),
        (broken(), [], 3),
        (NO_ANSWER, [], 4),
        (replace(healthy(), verdict="a word of a later version"), [], 4),
        (replace(degraded(), verdict="healthy"), [], 0),
        (replace(degraded(), verdict="healthy"), ["--strict"], 1),
        (healthy(), ["--strict"], 0),
        (healthy(), ["--wat"], 64),
        (healthy(), ["no-such-topic"], 64),
        (healthy(), ["9"], 64),
        (healthy(), ["--watch", "often"], 64),
    ],
)
def test_exit_codes(sylph, shows, answer, options, code):
    shows(answer)
    assert sylph("status", *options)[0] == code


def test_a_missing_master_is_an_answer_too(sylph, shows):
    shows(NO_MASTER)
    assert sylph("status") == (2, f"{NO_MASTER}\n", "")
    code, out, _ = sylph("status", "--json")
    shown = json.loads(out)
    assert code == 2
    assert (shown["schema"], shown["verdict"], shown["next"]) == ("sylph.status/1", "no-master", "sylph run")
    assert shown["sentence"] == "nothing listens on sylph.sock here; other place: --socket PATH"
    assert sylph("status", "orders")[0] == 2


def test_nothing_listens_here_indeed(sylph):
    code, out, err = sylph("status")
    assert (code, out, err) == (2, f"{NO_MASTER}\n", "")


def test_other_commands_say_so_as_an_error(sylph):
    assert sylph("scale", "3") == (2, "", f"{NO_MASTER}\n")


def test_quiet_prints_nothing(sylph, shows):
    shows(degraded())
    assert sylph("status", "-q") == (1, "", "")


def test_the_object_is_one_line(sylph, shows):
    shows(degraded())
    code, out, _ = sylph("status", "--json")
    assert code == 1
    assert out.count("\n") == 1
    assert json.loads(out)["problems"][0]["code"] == "consumer-hung"


def test_a_wrong_name_has_the_nearest(sylph, shows):
    shows(healthy())
    assert 'no topic "order" here; nearest: orders' in sylph("status", "order")[2]
    assert "slot 9 is not in use; in use: 1, 2, 3, 4" in sylph("status", "9")[2]


def test_colour_when_asked(sylph, shows, monkeypatch):
    shows(healthy())
    assert "\x1b[" not in sylph("status")[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32mhealthy" in sylph("status", "--color", "always")[1]


def test_watching_ends_with_the_last_verdict(sylph, shows, monkeypatch):
    waited = []
    monkeypatch.setattr(status.time, "sleep", waited.append)
    shows(healthy(), NO_MASTER, degraded(), KeyboardInterrupt())
    code, out, _ = sylph("status", "--watch", "5", "--json")
    assert [json.loads(line)["verdict"] for line in out.splitlines()] == ["healthy", "no-master", "degraded"]
    assert (code, waited) == (1, [5.0, 5.0, 5.0])


def test_watching_off_a_terminal_does_not_redraw(sylph, shows, monkeypatch):
    monkeypatch.setattr(status.time, "sleep", lambda _: None)
    shows(healthy(), healthy(), KeyboardInterrupt())
    _, out, _ = sylph("status", "--watch")
    assert "\x1b" not in out
    assert out.count("healthy: ") == 2


def test_proposed_commands_reach_the_same_master(sylph, shows):
    shows(degraded())
    shown = sylph("status", "--socket", "my run/s.sock")[1]
    assert "next: sylph status 3 --socket 'my run/s.sock'\n" in shown
    assert "; sylph start refunds --socket 'my run/s.sock'\n" in shown
    shows(NO_MASTER)
    assert sylph("status", "--socket", "s.sock")[1].splitlines()[-1] == "next: sylph run"


def test_the_command_just_typed_is_not_what_to_type_next(sylph, shows):
    shows(degraded())
    lines = sylph("status", "3")[1].splitlines()
    assert lines[1] == "next: sylph dump 3"
    assert lines[-1] == "  consumer-hung  slot 3: no heartbeat for 12 s    next: sylph dump 3"
    assert sylph("status")[1].splitlines()[1] == "next: sylph status 3"
    assert sylph("status", "3", "--socket", "s.sock")[1].splitlines()[1] == "next: sylph dump 3 --socket s.sock"


def test_of_a_topic_whose_failures_are_shown_the_next_problem_is_what_is_next(sylph, shows):
    _, failing, stuck = degraded().problems
    shows(replace(degraded(), problems=(failing, stuck), next=failing.next))
    lines = sylph("status", "orders")[1].splitlines()
    assert lines[1] == "next: sylph recycle 2"
    assert lines[-2] == "  handler-failing  orders: 31 % of 3.35k/s, 4m12s"
    shows(replace(degraded(), problems=(failing,), next=failing.next))
    assert "next:" not in sylph("status", "orders")[1]
    assert "next: sylph status orders" in sylph("status", "2")[1]


def test_looking_at_instances_there_is_no_more_to_look_at(sylph, shows):
    shows(broken())
    assert "next: sylph status --instances" in sylph("status")[1]
    assert "next:" not in sylph("status", "--instances")[1]
    assert json.loads(sylph("status", "--instances", "--json")[1])["next"] == "sylph status --instances"


def test_verbs_pass_on_what_they_are_told(sylph, monkeypatch):
    told = []

    def tell(path, verb):
        told.append(verb)
        return "it is done"

    monkeypatch.setattr(scale, "tell", tell)
    monkeypatch.setattr(quiet, "tell", tell)
    monkeypatch.setattr(scale, "user_name", lambda: "root")
    monkeypatch.setattr(quiet, "user_name", lambda: "root")
    assert sylph("scale", "3") == (0, "it is done\n", "")
    assert sylph("quiet", "topic:3")[0] == 0
    assert told == [Scale(3, "root"), Quiet(Topic("3"), "root")]
    assert sylph("scale", "-1")[0] == 64


def test_a_stop_ends_as_the_master_did(sylph, monkeypatch):
    def stopped(path, *, told):
        told("no new deliveries, 25 s to finish")
        return Stopped("stopped in 25.2 s: 31 settled, 580 handed back, 1 left to their lease.", 1)

    monkeypatch.setattr(stop, "stop", stopped)
    assert sylph("stop") == (
        1,
        "stopped in 25.2 s: 31 settled, 580 handed back, 1 left to their lease.\n",
        "stopping: no new deliveries, 25 s to finish\n",
    )


@pytest.mark.parametrize(
    ("word", "answer"), [("pause", "nearest: quiet"), ("statsu", "nearest: status"), ("frobnicate", "see sylph --help")]
)
def test_an_unknown_command_has_the_nearest(sylph, word, answer):
    code, out, err = sylph(word)
    assert (code, out) == (64, "")
    assert answer in err


def test_where_the_socket_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert control_socket.socket_path(None, "run/s.sock") == str(tmp_path / "run/s.sock")
    assert control_socket.socket_path(None, None) == str(tmp_path / "sylph.sock")
    (tmp_path / "config.toml").write_text(
        'app = "orders:app"\n[instances.default]\nendpoints = "127.0.0.1:8081"\n'
        '[consumers]\ngroup = "g"\n[topics.orders]\n[control]\nsocket = "run/own.sock"\n'
    )
    assert control_socket.socket_path(None, None) == str(tmp_path / "run/own.sock")
