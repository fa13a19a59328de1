"""No unit test leaves its logging to the next one."""

import logging
from collections.abc import Iterator

import pytest

from sylph_mp.logs import OWN, LineHandler


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    own, root = logging.getLogger(OWN), logging.getLogger()
    levels = own.level, root.level
    yield
    for logger, level in zip((own, root), levels, strict=True):
        for handler in [found for found in logger.handlers if isinstance(found, LineHandler)]:
            logger.removeHandler(handler)
        logger.setLevel(level)
    own.propagate = True
