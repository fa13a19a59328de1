"""Two minutes of kills, stops, outages and scaling lose nothing, keep order, and repeat only what a fault explains."""

import pytest

from tests.chaos.figures import figures
from tests.chaos.run import run

SEED = 1


@pytest.mark.slow
@pytest.mark.timeout(420, func_only=True)
def test_chaos(fresh_rocketmq, folder):
    result = run(folder, fresh_rocketmq, seed=SEED, minutes=2)
    assert result.good, figures(result)
    # A run in which the broker was away all the time has shown nothing.
    assert result.verdict.handled > 1_000, figures(result)
    assert result.done["consumers killed"], figures(result)
    assert result.done["brokers killed"], figures(result)
