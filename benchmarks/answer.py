"""A benchmark's answer: figures of several subjects over several rounds, and the circumstances, as a JSON file."""

import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
from msgspec import Struct

RESULTS = Path(__file__).parent / "results"

#: Whose versions change what is measured.
LIBRARIES = ("grpcio", "msgspec", "protobuf", "pycurl", "rocketmq-python-client", "uvloop")


class Figure(Struct, frozen=True, kw_only=True):
    """One quantity, measured once a round."""

    name: str
    """With its unit: `us CPU a message`."""
    median: float
    low: float
    high: float
    values: tuple[float, ...]


class Row(Struct, frozen=True, kw_only=True):
    """One subject in one case."""

    case: str
    subject: str
    figures: tuple[Figure, ...]


class Circumstances(Struct, frozen=True, kw_only=True):
    at: str
    cpu: str
    cores: int
    memory_gib: float
    system: str
    python: str
    libraries: dict[str, str]
    load_before: float
    """Load average of a minute when the benchmark began: what else ran."""
    load_after: float
    commit: str


class Answer(Struct, frozen=True, kw_only=True):
    question: str
    """Name of the module that asks it."""
    parameters: dict[str, int | float | str]
    circumstances: Circumstances
    rows: tuple[Row, ...]

    def write(self) -> Path:
        RESULTS.mkdir(exist_ok=True)
        file = RESULTS / f"{self.question}.json"
        file.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")
        return file


class Rounds:
    """Collects what each round measures, in the order in which rows and figures first come."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], dict[str, list[float]]] = {}

    def add(self, case: str, subject: str, figures: Mapping[str, float]) -> None:
        row = self._values.setdefault((case, subject), {})
        for name, value in figures.items():
            row.setdefault(name, []).append(value)
        print(f"{case}: {subject}: " + ", ".join(f"{value:,.4g} {name}" for name, value in figures.items()), flush=True)

    def rows(self) -> Iterable[Row]:
        for (case, subject), figures in self._values.items():
            yield Row(case=case, subject=subject, figures=tuple(_figure(*named) for named in figures.items()))


def circumstances(load_before: float) -> Circumstances:
    return Circumstances(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        cpu=_cpu(),
        cores=os.cpu_count() or 0,
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        libraries={name: version(name) for name in LIBRARIES},
        load_before=round(load_before, 2),
        load_after=round(os.getloadavg()[0], 2),
        commit=_commit(),
    )


def _figure(name: str, values: list[float]) -> Figure:
    exact = [_five_digits(value) for value in values]
    return Figure(
        name=name, median=_five_digits(statistics.median(exact)), low=min(exact), high=max(exact), values=tuple(exact)
    )


def _five_digits(value: float) -> float:
    return float(f"{value:.5g}")


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip()
