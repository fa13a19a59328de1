"""Importing the official client leaves no log file open and takes no part in the process's logging."""

import os
import subprocess
import sys

SCRIPT = """
import logging, os
from sylph_mp.rocketmq.official_client import import_official_client
import_official_client()
logging.getLogger("rocketmq-python-client").error("unseen")
paths = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
names = [os.readlink(path) for path in paths if os.path.exists(path)]
assert not [name for name in names if name.endswith(".log")], names
"""


def test_no_log_file_is_left_open(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        env=os.environ | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
