"""A slot's shared memory, for who looks at it as the master does."""

import os
import uuid
from collections.abc import Iterator

import pytest

from sylph_mp.shm.layout import Geometry
from sylph_mp.shm.segment import Segment


@pytest.fixture
def segment() -> Iterator[Segment]:
    geometry = Geometry(topics=("orders",), entries=32, threads=4, arena_bytes=1 << 20)
    segment = Segment.create(f"sylph-test-{uuid.uuid4().hex[:8]}", slot=3, geometry=geometry, master_pid=os.getpid())
    yield segment
    segment.close()
    segment.unlink()
