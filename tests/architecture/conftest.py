"""What the rules look at: the project's source files, parsed, and the files that belong to the repository."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]


class Source(NamedTuple):
    name: str
    text: str
    tree: ast.Module

    @property
    def module(self) -> str:
        return Path(self.name).stem

    @property
    def lines(self) -> Iterator[tuple[str, str]]:
        """`file:line` and the line."""
        for number, line in enumerate(self.text.splitlines(), start=1):
            yield f"{self.name}:{number}", line

    def place(self, node: ast.AST) -> str:
        return f"{self.name}:{node.lineno}"


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def sources(root: Path) -> list[Source]:
    """The package, the demo and the example handlers."""
    paths = [path for folder in ("sylph_mp", "demo", "workers") for path in sorted((root / folder).rglob("*.py"))]
    texts = [(str(path.relative_to(root)), path.read_text()) for path in paths]
    return [Source(name, text, ast.parse(text)) for name, text in texts]


@pytest.fixture(scope="session")
def project_files(root: Path) -> list[Path]:
    """What is in the repository or about to be: neither ignored nor deleted."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=root, capture_output=True, check=True, text=True).stdout.split("\0")
    return [root / name for name in names if name and (root / name).is_file()]
