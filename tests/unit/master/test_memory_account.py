"""The limit and the kills of this process's control group, where each version and each kind of container has them."""

import os
from pathlib import Path

import pytest

from sylph_mp.master.memory_account import MemoryAccount, Room

HOST_BYTES = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
GIB = 1 << 30


class Host:
    """/proc/self and control groups, made of ordinary files."""

    def __init__(self, folder: Path) -> None:
        self.proc, self.mount = folder / "proc", folder / "cgroup"
        self.proc.mkdir()

    def group(self, path: str, **files: str) -> None:
        folder = self.mount / path
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name.replace("__", ".")).write_text(text)

    def account(self, membership: str, kind: str, *, root: str = "/") -> MemoryAccount:
        (self.proc / "cgroup").write_text(membership)
        (self.proc / "mountinfo").write_text(
            "31 23 0:28 / /proc rw,relatime - proc proc rw\n"
            f"32 31 0:29 {root} {self.mount} rw,relatime shared:4 - {kind}\n"
        )
        return MemoryAccount(self.proc)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_version_2_the_least_limit_of_the_group_and_those_around_it(host):
    events = "low 0\nhigh 0\nmax 51\noom 2\noom_kill 2\noom_group_kill 0\n"
    host.group("", cgroup__procs="")
    host.group("app.slice", memory__max=f"{GIB}\n", memory__events=events)
    host.group(
        "app.slice/sylph.service", memory__max="max\n", memory__events=events.replace("oom_kill 2", "oom_kill 1")
    )
    account = host.account("0::/app.slice/sylph.service\n", "cgroup2 cgroup2 rw")
    assert (account.limit_bytes(), account.oom_kills()) == (GIB, 1)


def test_a_container_that_is_told_the_path_of_its_host(host):
    host.group("", memory__max=f"{GIB}\n", memory__events="oom_kill 4\n")
    account = host.account("0::/docker/4f2a\n", "cgroup2 cgroup2 rw", root="/docker/4f2a")
    assert (account.limit_bytes(), account.oom_kills()) == (GIB, 4)
    account = host.account("0::/../../docker/4f2a\n", "cgroup2 cgroup2 rw")
    assert (account.limit_bytes(), account.oom_kills()) == (GIB, 4)


def test_version_1(host):
    kills = "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n"
    host.group("sylph", memory__limit_in_bytes=f"{GIB}\n", memory__oom_control=kills)
    account = host.account("8:pids:/\n4:memory:/sylph\n0::/\n", "cgroup cgroup rw,memory")
    assert (account.limit_bytes(), account.oom_kills()) == (GIB, 7)


def test_what_is_left_is_that_of_the_narrowest_and_caches_of_files_count_as_free(host):
    host.group("app", memory__max="3000\n", memory__current="2500\n", memory__stat="anon 9\ninactive_file 100\n")
    host.group(
        "app/sylph",
        memory__max="2000\n",
        memory__current="1000\n",
        memory__stat="inactive_file 200\n",
        memory__events="oom_kill 0\n",
    )
    assert host.account("0::/app/sylph\n", "cgroup2 cgroup2 rw").room() == Room(3000, 600)


def test_what_is_left_in_version_1(host):
    host.group(
        "sylph",
        memory__limit_in_bytes="2000\n",
        memory__usage_in_bytes="1900\n",
        memory__stat="inactive_file 1\ntotal_inactive_file 300\n",
        memory__oom_control="oom_kill 0\n",
    )
    assert host.account("4:memory:/sylph\n", "cgroup cgroup rw,memory").room() == Room(2000, 400)


def test_without_a_limit_it_is_the_hosts_memory(host):
    host.group("sylph", memory__limit_in_bytes="9223372036854771712\n", memory__oom_control="oom_kill 0\n")
    assert host.account("4:memory:/sylph\n", "cgroup cgroup rw,memory").limit_bytes() == HOST_BYTES


@pytest.mark.parametrize("membership", ["", "0::/\n"])
def test_a_kernel_that_says_nothing(host, membership):
    host.group("")
    account = host.account(membership, "cgroup2 cgroup2 rw")
    assert (account.limit_bytes(), account.oom_kills()) == (HOST_BYTES, None)
