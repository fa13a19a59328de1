"""`sylph config`: what it prints, where, and with which exit code."""

import json
import socket
import sys
from pathlib import Path

import pytest

from sylph_mp.cli.main import main

GOOD = """\
app = "workers.orders:app"
[instances.default]
endpoints = "127.0.0.1:8081"
[consumers]
group = "orders-service"
processes = { min = 2, max = 4 }
[topics.orders]
shards = 4
[topics.refunds]
[topics.receipts]
shards = 5
"""


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("SYLPH_CONSUMERS_BUFFER", "SYLPH_CONSUMERS_THREADS"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "config.toml"
    path.write_text(GOOD)
    return path


def sylph(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["sylph", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


class TestCheck:
    def test_fine(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        assert sylph(monkeypatch, "config", "check") == 0
        out, err = capfd.readouterr()
        assert out == "config.toml is fine: 3 topics, 10 shards, 2 to 4 consumers, 73.0 MiB\n"
        assert err == ""

    def test_errors(self, file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        file.write_text(GOOD.replace("shards = 4", "shard = 4").replace("shards = 5", "shards = 0"))
        assert sylph(monkeypatch, "config", "check") == 78
        out, err = capfd.readouterr()
        assert out == ""
        assert err.startswith("config.toml:8:1: error: unknown key topics.orders.shard\n   8 | shard = 4\n")
        assert err.endswith("\n\n2 errors in config.toml; nothing was started\n")

    def test_warnings_do_not_change_the_exit_code(
        self, file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        file.write_text(GOOD + '[control]\nhttp = "0.0.0.0:9464"\n')
        assert sylph(monkeypatch, "config", "check") == 0
        out, err = capfd.readouterr()
        assert "is fine" in out
        assert err.startswith("config.toml:13:8: warning: ")

    def test_json(self, file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        file.write_text(GOOD.replace("shards = 4", "shard = 4"))
        assert sylph(monkeypatch, "config", "check", "--json") == 78
        said = json.loads(capfd.readouterr().out)
        assert (said["schema"], said["fine"]) == ("sylph.config-check/1", False)
        (problem,) = said["problems"]
        assert (problem["place"], problem["column"], problem["width"]) == ("config.toml:8:1", 1, 5)
        assert problem["hint"] == "nearest: shards"

    def test_a_broker_that_is_away_is_an_error_only_for_who_asks(
        self, file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        with socket.socket() as taken:  # bound, but nobody listens
            taken.bind(("127.0.0.1", 0))
            file.write_text(GOOD.replace("8081", str(taken.getsockname()[1])))
            assert sylph(monkeypatch, "config", "check") == 0
            assert sylph(monkeypatch, "config", "check", "--broker") == 69
        err = capfd.readouterr().err
        assert err.startswith("config.toml:3:13: error: broker 127.0.0.1:")
        assert "connection refused\n   3 | endpoints = " in err

    def test_an_option_without_a_value(
        self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        assert sylph(monkeypatch, "config", "check", "--set", "consumers.threads") == 64
        assert "KEY=VALUE is due" in capfd.readouterr().err


class TestShow:
    def test_all(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        monkeypatch.setenv("SYLPH_CONSUMERS_THREADS", "4")
        assert sylph(monkeypatch, "config", "show", "--set", "topics.orders.shards=6") == 0
        rows = {line.split("  ")[0]: line.split() for line in capfd.readouterr().out.splitlines()}
        assert rows["consumers.threads"][1:] == ["4", "SYLPH_CONSUMERS_THREADS"]
        assert rows["topics.orders.shards"][1:] == ["6", "--set", "topics.orders.shards"]
        assert rows["topics.orders.group"][1:] == ['"orders-service"', "config.toml:5:9"]
        assert rows["consumers.drain_s"][1:] == ["25", "default"]

    def test_one_key(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        assert sylph(monkeypatch, "config", "show", "consumers.buffer") == 0
        assert capfd.readouterr().out == (
            'consumers.buffer = "16 MiB"\n'
            "  Message arena of one process, in shared memory.\n"
            "  from      default\n"
            '  default   "16 MiB"\n'
            "  bounds    1 MiB to 4 GiB\n"
            "  variable  SYLPH_CONSUMERS_BUFFER\n"
        )

    def test_one_table(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        sylph(monkeypatch, "config", "show", "control")
        names = [line.split()[0] for line in capfd.readouterr().out.splitlines()]
        assert names == ["KEY", "control.socket", "control.http", "control.state"]

    def test_secrets_are_not_shown(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        monkeypatch.setenv("SYLPH_INSTANCES_DEFAULT_ACCESS_KEY", "hush-1")
        monkeypatch.setenv("SYLPH_INSTANCES_DEFAULT_SECRET_KEY", "hush-2")
        sylph(monkeypatch, "config", "show")
        sylph(monkeypatch, "config", "show", "--json")
        out = capfd.readouterr().out
        assert "hush" not in out
        assert "(set, not shown)" in out

    def test_an_unknown_key(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        assert sylph(monkeypatch, "config", "show", "consumers.bufer") == 64
        assert "nearest: consumers.buffer" in capfd.readouterr().err

    def test_json(self, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        sylph(monkeypatch, "config", "show", "consumers.processes", "--json")
        (setting,) = json.loads(capfd.readouterr().out)["settings"]
        assert setting["value"] == {"min": 2, "max": 4}
        assert setting["from"] == "config.toml:6:13"
