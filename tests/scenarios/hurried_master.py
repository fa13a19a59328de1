"""`sylph run` in the folder it is started in, but shrinking after seconds, on a host that always has room.

A program of its own, started by tests; the host is made roomy because that of the tests may be busy with others.
"""

import sys
from pathlib import Path

from sylph_mp.config.load import load
from sylph_mp.errors import SylphError
from sylph_mp.logs import Log
from sylph_mp.master.autoscaler import Pace
from sylph_mp.master.main import run
from sylph_mp.master.options import Options
from sylph_mp.master.scaling_signals import HostSignal
from sylph_mp.master.transcript import LogLines

PACE = Pace(shrink_after_s=6.0, shrink_every_s=1.0, settle_s=3.0)


class RoomyHost:
    def look(self, now: float) -> HostSignal:
        return HostSignal(cores=64.0, cpu_ratio=0.1, memory_bytes=64 << 30, memory_free_bytes=60 << 30)


def main() -> int:
    def read():
        return load(Path("config.toml"), environ={}, overrides={})

    options = Options(
        log_form="text",
        stacks=sys.stderr,
        screen=lambda snapshot: snapshot.sentence,
        host=RoomyHost(),
        pace=PACE,
    )
    try:
        return run(read(), load=read, transcript=LogLines(Log("master")), options=options)
    except SylphError as error:
        Log("master").error("failed", str(error))
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
