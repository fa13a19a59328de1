"""What the rules look at: the package's source files, parsed, and the files that belong to the project."""

import ast
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]


class Source(NamedTuple):
    path: Path
    text: str
    tree: ast.Module


def read(path: Path) -> Source:
    text = path.read_text()
    return Source(path, text, ast.parse(text))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `source` runs once for each file of the package, the demo and the example handlers."""
    if "source" in metafunc.fixturenames:
        paths = [path for folder in ("sylph_mp", "demo", "workers") for path in sorted((ROOT / folder).rglob("*.py"))]
        metafunc.parametrize("source", [read(path) for path in paths], ids=[str(p.relative_to(ROOT)) for p in paths])


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def project_files() -> list[Path]:
    """What is in the repository or about to be: neither ignored nor deleted."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]
