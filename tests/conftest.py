"""The order of a run, and the brokers that tests run against.

`rocketmq`  a real RocketMQ 5.5.0, started once per session; SYLPH_TEST_ROCKETMQ=GRPC_HOST:PORT,NAMESRV_HOST:PORT uses
            one that runs. Without Java and Maven its tests are skipped, but fail where CI is set.
`embedded`  the embedded broker, in this process, with `.faults`.
`broker`    both, one after the other: what holds for each is the contract.
"""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings

from sylph_mp.logs import OWN, LineHandler
from tests.brokers.embedded import EmbeddedBroker
from tests.brokers.real import OwnBroker, RealBroker

#: What is quick and says most precisely what is wrong comes first.
ORDER = ("architecture", "unit", "property", "contract", "scenarios")
#: As `timeout` in pyproject.toml.
TEST_S = 60

# How long an example takes is the machine's business: a slow one finds no fault in the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent

    def rank(item: pytest.Item) -> int:
        folder = item.path.relative_to(here).parts[0]
        return ORDER.index(folder) if folder in ORDER else len(ORDER)

    items.sort(key=rank)
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if not {"rocketmq", "fresh_rocketmq"}.isdisjoint(fixtures):
            item.add_marker(pytest.mark.rocketmq)
        if "fresh_rocketmq" in fixtures:
            item.add_marker(pytest.mark.fresh)
        if item.get_closest_marker("rocketmq"):
            # Whoever comes first waits for the start, and on a fresh machine for the download; broker.sh limits it.
            item.add_marker(pytest.mark.timeout(TEST_S, func_only=True))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Name once more what failed, in the very last lines: of a long output often only the end is kept."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    for report in [*reporter.stats.get("failed", []), *reporter.stats.get("error", [])] if reporter else []:
        print(f"failed: {report.nodeid} ({report.when})")


@pytest.fixture(scope="session")
def rocketmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealBroker]:
    """A real RocketMQ: `.endpoint`, `.namesrv`, `.topic(type=, queues=)`, `.group(fifo=, attempts=)`, `.missing()`."""
    if "SYLPH_TEST_ROCKETMQ" in os.environ:
        endpoint, namesrv = os.environ["SYLPH_TEST_ROCKETMQ"].split(",")
        yield RealBroker(endpoint=endpoint, namesrv=namesrv)
        return
    with closing(_start(tmp_path_factory)) as broker:
        yield broker


@pytest.fixture
def own_rocketmq(rocketmq: RealBroker) -> OwnBroker:
    """The same, if its proxy may be stopped: `.stop_proxy(kill=False)`, `.start_proxy()`."""
    if not isinstance(rocketmq, OwnBroker):
        pytest.skip("the broker of SYLPH_TEST_ROCKETMQ is not ours to stop")
    return rocketmq


@pytest.fixture
def fresh_rocketmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnBroker]:
    """One more real RocketMQ, that knows of no other test."""
    with closing(_start(tmp_path_factory)) as broker:
        yield broker


@pytest.fixture(scope="session")
def embedded() -> Iterator[EmbeddedBroker]:
    """The interface of `rocketmq`, and `.faults`, which a test that uses them clears."""
    broker = EmbeddedBroker()
    yield broker
    broker.close()


@pytest.fixture(params=["embedded", pytest.param("rocketmq", marks=pytest.mark.rocketmq)])
def broker(request: pytest.FixtureRequest) -> RealBroker | EmbeddedBroker:
    """Each of the two."""
    return request.getfixturevalue(request.param)


def _start(directories: pytest.TempPathFactory) -> OwnBroker:
    missing = [program for program in ("java", "mvn") if shutil.which(program) is None]
    if missing and "CI" not in os.environ:
        pytest.skip(f"a real RocketMQ needs {' and '.join(missing)}")
    return OwnBroker(directories.mktemp("rocketmq"))


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """No test leaves its logging to the next one."""
    own, root = logging.getLogger(OWN), logging.getLogger()
    levels = own.level, root.level
    yield
    for logger, level in zip((own, root), levels, strict=True):
        for handler in [found for found in logger.handlers if isinstance(found, LineHandler)]:
            logger.removeHandler(handler)
        logger.setLevel(level)
    own.propagate = True
