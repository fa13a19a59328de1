"""Nothing happens at import: importing is free of threads, processes, open files and signal handlers."""

import json
import pkgutil
import subprocess
import sys

import sylph_mp

#: Imports modules one by one in a fresh interpreter and prints what each left behind.
PROBE = """
import importlib, json, os, signal, sys, threading

def traces():
    links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    files = {os.readlink(link) for link in links if os.path.islink(link)}
    threads = {thread.name for thread in threading.enumerate()}
    handlers = {f"handler of {number.name}" for number in signal.Signals if callable(signal.getsignal(number))}
    return files | threads | handlers

found = {}
for name in sys.argv[1:]:
    before = traces()
    importlib.import_module(name)
    if left := traces() - before:
        found[name] = sorted(left)
print(json.dumps(found))
"""


def modules() -> list[str]:
    found = pkgutil.walk_packages(sylph_mp.__path__, prefix="sylph_mp.")
    return sorted(module.name for module in found if not module.name.endswith(".__main__"))


def probe(names: list[str]) -> dict[str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *names], capture_output=True, text=True, check=False, timeout=50
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_importing_leaves_nothing_behind():
    assert probe(modules()) == {}


def test_a_master_and_a_consumer_load_nothing_that_only_some_need():
    """With `control.http`, the brokers' metrics pages and embedded brokers left out: together 14 MiB."""
    code = "import sys, sylph_mp.cli.run, sylph_mp.master.main, sylph_mp.consumer.main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50)
    needless = {
        "aiohttp",
        "prometheus_client",
        "urllib.request",
        "http.client",
        "email",
        "shutil",
        "sylph_mp.devbroker",
    }
    assert not needless & set(done.stdout.split())


def test_the_probe_sees_what_is_left(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "careless.py").write_text(f"held = open({str(tmp_path / 'held')!r}, 'w')")
    assert probe(["careless"]) == {"careless": [str(tmp_path / "held")]}


def test_commands_that_look_load_no_broker_library():
    """`sylph status` in a probe each second is to start fast: neither libcurl nor protobuf is loaded."""
    code = "import sys, sylph_mp.cli.main, sylph_mp.cli.status; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50)
    assert not {"google.protobuf", "grpc", "pycurl", "rocketmq"} & set(done.stdout.split())
