"""Reads what Python's faulthandler wrote before a process died: why, in which thread, and each thread's calls. Pure.

Fatal Python error: Segmentation fault

Thread 0x00007f2b4a7fc640 (most recent call first):
  File "/srv/orders/workers/receipts.py", line 88 in render
Current thread 0x00007f2b4affd640 (most recent call first):
  <no Python frame>
"""

import re

from msgspec import Struct
from msgspec.structs import replace

# Python 3.11 to 3.14, Python/traceback.c: from 3.14 a thread's name stands behind its number.
_THREAD = re.compile(r"(Current thread|Thread) 0x([0-9a-f]+)(?: \[.*\])? \(most recent call first\):")
_FRAME = re.compile(r'  File "(.*)", line (\d+|\?\?\?) in (.*)')
#: `faulthandler.dump_traceback_later` begins with the second.
_REASON = re.compile(r"(?:Fatal Python error: (.*)|(Timeout \(.*\))!)")


class Dump(Struct, frozen=True):
    reason: str
    """`Segmentation fault`; "" where the stacks were only asked for."""
    current_ident: int | None
    """`threading.get_ident()` of the thread that the signal came in, which for a fault is the one that caused it."""
    threads: dict[int, list[str]]
    """By `threading.get_ident()`: `/srv/app/receipts.py:88 in render`, the innermost call first; empty without any."""


def parse_dump(text: str) -> Dump:
    """The last dump in a text that may hold several, with other lines between; what was cut off is left out."""
    dump = Dump("", None, {})
    calls: list[str] | None = None
    for line in text.splitlines():
        if found := _REASON.fullmatch(line):
            dump, calls = Dump(found[1] or found[2], None, {}), None
        elif found := _THREAD.fullmatch(line):
            ident = int(found[2], 16)
            if ident in dump.threads:  # each is in a dump once
                dump = Dump("", None, {})
            calls = dump.threads.setdefault(ident, [])
            if found[1] == "Current thread":
                dump = replace(dump, current_ident=ident)
        elif (found := _FRAME.fullmatch(line)) and calls is not None:
            calls.append(f"{found[1]}:{found[2]} in {found[3]}")
        elif not line.startswith("  "):
            calls = None
    return dump
