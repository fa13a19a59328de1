"""`sylph send` stores each line of a file once, stops on Ctrl-C saying how far it came, and goes on from there."""

import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.brokers.embedded import EmbeddedBroker
from tests.contract.client import Client
from tests.scenarios.terminal import Terminal
from tests.scenarios.traces import marked

SCREEN = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONIOENCODING": "utf-8"}
CONFIG = """\
app = "app:app"
[instances.default]
endpoints = "{endpoint}"
[consumers]
group = "nobody"
[topics.{topic}]
"""


def prepare(folder: Path, endpoint: str, topic: str, lines: int) -> None:
    (folder / "config.toml").write_text(CONFIG.format(endpoint=endpoint, topic=topic))
    (folder / "orders.jsonl").write_text("".join(f'{{"id":  {n}}}\n' for n in range(lines)))


def sylph(folder: Path, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sylph_mp", *arguments]
    return subprocess.run(
        command, cwd=folder, env=marked(folder), input=stdin, capture_output=True, text=True, check=False
    )


def received(broker, group: str, topic: str, count: int) -> Counter[str]:
    """The bodies, once `count` different ones are there and nothing comes any more."""
    client = Client(broker.endpoint)
    client.subscribe(group, topic)
    bodies: Counter[str] = Counter()
    until = time.monotonic() + 30
    while time.monotonic() < until:
        messages = client.collect(topic, group, 1, within=5 if len(bodies) < count else 2, poll=2)
        if not messages and len(bodies) >= count:
            break
        if messages:
            client.ack(topic, group, *messages)
            bodies.update(message.body.decode() for message in messages)
    client.close()
    return bodies


def test_ctrl_c_in_the_middle_and_the_command_that_goes_on(broker, folder: Path) -> None:
    topic, group = broker.topic(), broker.group()
    prepare(folder, broker.endpoint, topic, 3000)
    command = ("send", topic, "--from", "orders.jsonl", "--rate", "500/s")
    with Terminal(folder, *command, environ=SCREEN, columns=120) as terminal:
        going = terminal.until_drawn("of 3,000")
        assert re.fullmatch(rf"sending to {topic}  [\d,]+ of 3,000  \d+%  \S+/s  0 failed(  \d+ s left)?", going[0])
        terminal.look_until(lambda: re.search(r"  [1-9],\d{3} of", terminal.drawn[0]))
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 1
        first, stopped, following = terminal.drawn[:3]
    assert first.startswith(f"sending to {topic}  ")
    said = re.fullmatch(r"stopped: ([\d,]+) stored, 0 unknown, ([\d,]+) not sent", stopped)
    assert said
    stored, not_sent = (int(number.replace(",", "")) for number in said.groups())
    assert 1000 <= stored < 3000
    assert stored + not_sent == 3000
    assert following == f"next: sylph {' '.join(command)} --skip {stored}"

    rest = sylph(folder, *shlex.split(following)[2:])

    assert rest.returncode == 0, rest.stderr
    assert rest.stdout.startswith(f"sent {not_sent:,} to {topic} in ")
    assert received(broker, group, topic, 3000) == Counter(f'{{"id":  {n}}}' for n in range(3000))


def test_envelopes_of_a_pipe_and_lines_that_fail(broker, folder: Path) -> None:
    topic, group = broker.topic("FIFO"), broker.group(fifo=True)
    prepare(folder, broker.endpoint, topic, 0)
    lines = [f'{{"payload": {{"n": {n}}}, "group": "g", "tag": "t{n}", "keys": ["k{n}"]}}' for n in range(50)]
    lines[3:3] = ["nothing", '{"payload": 0, "keys": ["a b"]}', '{"payload": "no group"}', '{"tag": "t"}']

    ended = sylph(folder, "send", topic, "--envelope", "--failed", "bad.jsonl", stdin="\n".join(lines))

    assert ended.returncode == 1
    assert re.fullmatch(rf"sent 50 to {topic} in .*; 4 failed; what failed is in bad.jsonl\n", ended.stdout)
    assert [f"stdin:{number}: error:" in ended.stderr for number in (4, 5, 7)] == [True] * 3
    assert set((folder / "bad.jsonl").read_text().splitlines()) == set(lines[3:7])
    client = Client(broker.endpoint)
    client.subscribe(group, topic)
    seen: list[tuple[str, str, str]] = []
    while len(seen) < 50:
        messages = client.collect(topic, group, 1)
        assert messages
        client.ack(topic, group, *messages)
        system = [message.system_properties for message in messages]
        seen += [(m.body.decode(), s.tag, s.keys[0]) for m, s in zip(messages, system, strict=True)]
    client.close()
    assert seen == [(f'{{"n": {n}}}', f"t{n}", f"k{n}") for n in range(50)]


def test_no_broker_and_no_topic(broker, folder: Path) -> None:
    missing = broker.missing()
    prepare(folder, broker.endpoint, "orders", 3)
    refused = sylph(folder, "send", missing, "--from", "orders.jsonl")
    assert (refused.returncode, refused.stdout) == (69, "")
    assert f'it has no topic "{missing}"' in refused.stderr

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{listener.getsockname()[1]}"
        prepare(folder, endpoint, "orders", 3)
        away = sylph(folder, "send", "orders", "--from", "orders.jsonl")
    assert (away.returncode, away.stdout) == (69, "")
    assert f"broker {endpoint}: error: connection refused" in away.stderr
    assert "nothing was sent" in away.stderr


@pytest.mark.timeout(120, func_only=True)
def test_a_proxy_that_goes_away_in_the_middle(folder: Path) -> None:
    own = EmbeddedBroker()
    topic, group = own.topic(), own.group()
    prepare(folder, own.endpoint, topic, 3000)
    command = ("send", topic, "--from", "orders.jsonl", "--failed", "bad.jsonl", "--give-up", "1s")
    with Terminal(folder, *command, "--rate", "1000/s", environ=SCREEN, columns=120) as terminal:
        terminal.look_until(lambda: re.search(r"  [1-9],\d{3} of", "\n".join(terminal.drawn)))
        own.stop_proxy()
        terminal.until("was away for 1 s")
        assert terminal.end() == 69
        following = next(line for line in terminal.drawn if line.startswith("next: "))
    own.start_proxy()
    rest = sylph(folder, *shlex.split(following)[2:])
    assert rest.returncode == 0, rest.stderr
    if (folder / "bad.jsonl").read_text():  # what was on the wire, of which nobody knows
        again = sylph(folder, "send", topic, "--from", "bad.jsonl")
        assert again.returncode == 0, again.stderr
    bodies = received(own, group, topic, 3000)
    own.close()
    assert set(bodies) == {f'{{"id":  {n}}}' for n in range(3000)}


def test_a_proxy_that_is_restarted_costs_time_only_where_duplicates_may_be(folder: Path) -> None:
    own = EmbeddedBroker()
    topic, group = own.topic(), own.group()
    prepare(folder, own.endpoint, topic, 2000)
    command = ("send", topic, "--from", "orders.jsonl", "--duplicates", "--rate", "1000/s")
    with Terminal(folder, *command, environ=SCREEN, columns=120) as terminal:
        terminal.look_until(lambda: re.search(r"  [1-9]\d* of 2,000", "\n".join(terminal.drawn)))
        own.stop_proxy()
        terminal.until_drawn("waits: ")
        own.start_proxy()
        assert terminal.end() == 0
        assert any(line.startswith(f"sent 2,000 to {topic} in ") for line in terminal.drawn)
    bodies = received(own, group, topic, 2000)
    own.close()
    assert set(bodies) == {f'{{"id":  {n}}}' for n in range(2000)}
