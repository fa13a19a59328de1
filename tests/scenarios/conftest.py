"""A folder with a short path for each scenario: a unix socket's may have 107 bytes."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sylph-") as name:
        yield Path(name)
