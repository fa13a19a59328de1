"""The embedded broker as a process: `sylph devbroker`, and the one that `launch` starts."""

import signal
import subprocess
import sys

import psutil
import pytest
from rocketmq.grpc_protocol import definition_pb2 as d

from sylph_mp.devbroker.launch import Group, Order, Topic, launch
from sylph_mp.errors import ResourceError
from tests.contract.client import Client, message

SYLPH = [sys.executable, "-c", "from sylph_mp.cli.main import main; main()"]
LAUNCH_AND_DIE = """
import os, sys
from sylph_mp.devbroker.launch import Order, launch
print(launch(Order()).pid, flush=True)
os.kill(os.getpid(), 9)
"""


def test_a_launched_broker_has_its_topics_and_groups_and_stops():
    broker = launch(Order(topics=(Topic("t", "FIFO", 2),), groups=(Group("g", fifo=True),)))
    client = Client(broker.endpoint)
    assert client.subscribe("g", "t").subscription.fifo
    assert client.send(message("t", kind=d.FIFO, group="a")).status.code == d.OK
    client.close()
    broker.stop()
    assert broker.process.returncode == 0


def test_a_launched_broker_does_not_outlive_its_launcher():
    launcher = subprocess.run([sys.executable, "-c", LAUNCH_AND_DIE], stdout=subprocess.PIPE, check=False)
    assert launcher.returncode == -signal.SIGKILL
    assert ends(int(launcher.stdout))


def test_a_launch_on_a_port_that_is_taken_is_an_error(capfd):
    broker = launch(Order())
    with pytest.raises(ResourceError, match="did not start"):
        launch(Order(port=int(broker.endpoint.rpartition(":")[2])))
    broker.stop()
    assert "cannot listen" in capfd.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_says_where_it_listens_and_ends_at_a_signal(number):
    arguments = ["devbroker", "--port", "0", "--topic", "orders", "--topic", "ordered:fifo:2", "--group", "g"]
    with subprocess.Popen([*SYLPH, *arguments], stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        process.send_signal(number)
    assert line.startswith("embedded broker on 127.0.0.1:")
    assert line.endswith(": topics orders, ordered\n")
    assert process.returncode == 0


@pytest.mark.parametrize(
    "argument", ["--topic=orders:LIFO", "--topic=:FIFO", "--topic=orders:FIFO:x", "--group=g:lifo"]
)
def test_an_argument_that_makes_no_sense_is_a_usage_error(argument):
    ended = subprocess.run([*SYLPH, "devbroker", argument], capture_output=True, text=True, check=False)
    assert ended.returncode == 64
    assert argument.partition("=")[2] in ended.stderr


def ends(pid: int) -> bool:
    """Whether a process that is not our child is gone within some seconds."""
    try:
        psutil.Process(pid).wait(10)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True
