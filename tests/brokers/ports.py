"""Ports for what a test starts later, or again: nobody takes them meanwhile.

The kernel gives ports of `ip_local_port_range` to whoever connects: a broker that takes ten seconds to start found one
of its own taken, as one may that is killed and started again. So these are below that range.
"""

import random
import socket
from pathlib import Path

#: Above what services have as their usual ones.
LOWEST = 10_240
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
#: Linux's own, where that file is not there.
USUAL_RANGE = (32_768, 60_999)


def free_port(*neighbours: int) -> int:
    """One that is free now, and its neighbours at these distances too."""
    below, _ = map(int, RANGE.read_text().split()) if RANGE.exists() else USUAL_RANGE
    while True:
        port = random.randrange(LOWEST, below - max(neighbours, default=0))
        if all(_is_free(port + distance) for distance in (0, *neighbours)):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
