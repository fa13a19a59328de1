"""Segments under a prefix of the test's own, and the promise that a test leaves none of them."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sylph_mp.shm.layout import Geometry
from sylph_mp.shm.segment import Segment, segment_name, segment_prefix


def left_in_shm(prefix: str) -> list[str]:
    return sorted(path.name for path in Path("/dev/shm").glob(f"{prefix}*"))


@pytest.fixture
def left(prefix: str) -> Callable[[], list[str]]:
    """Names of the test's segments that exist now."""
    return lambda: left_in_shm(prefix)


@pytest.fixture
def prefix(tmp_path: Path) -> Iterator[str]:
    prefix = segment_prefix(str(tmp_path / "sylph.sock"))
    yield prefix
    assert left_in_shm(prefix) == []


@pytest.fixture
def geometry() -> Geometry:
    return Geometry(topics=("orders", "receipts"), entries=64, threads=4, arena_bytes=1 << 20)


@pytest.fixture
def segment(prefix: str, geometry: Geometry) -> Iterator[Segment]:
    segment = Segment.create(segment_name(prefix, 1), slot=1, geometry=geometry, master_pid=os.getpid())
    yield segment
    segment.close()
    segment.unlink()
