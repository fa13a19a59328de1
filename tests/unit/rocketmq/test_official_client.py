"""The protocol's messages come without the official client; who wants that has it, without its log file."""

import os
import subprocess
import sys

import pytest

ALONE = """
import sys
import sylph_mp.master.main, sylph_mp.consumer.main
assert "google.protobuf" in sys.modules
found = {"grpc", "opentelemetry", "rocketmq.v5"} & sys.modules.keys()
assert not found, found
"""

BESIDE = """
import logging, os
from pathlib import Path
logging.basicConfig()
handlers = list(logging.getLogger().handlers), dict(logging._handlers)
import sylph_mp.consumer.main
from rocketmq import ClientConfiguration, Producer
from rocketmq.grpc_protocol import MessagingServiceStub, service_pb2
from rocketmq.v5.util import ClientId
import rocketmq
assert rocketmq.Producer is Producer and "PushConsumer" in rocketmq.__all__
assert (list(logging.getLogger().handlers), dict(logging._handlers)) == handlers
assert not hasattr(rocketmq, "Nothing")
logging.getLogger("rocketmq-python-client").error("unseen")
assert not list(Path.home().iterdir())
"""

BEFORE = """
import logging, os, rocketmq
import sylph_mp.rocketmq
logging.getLogger("rocketmq-python-client").error("unseen")
paths = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
names = [os.readlink(path) for path in paths if os.path.exists(path)]
assert not [name for name in names if name.endswith(".log")], names
"""


@pytest.mark.parametrize("script", [ALONE, BESIDE, BEFORE], ids=["alone", "beside", "before"])
def test_what_of_it_runs(script, tmp_path):
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env=os.environ | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
