"""A handler that holds the interpreter in C is found and killed within twice its limit; nothing else is lost by it."""

import pytest

from tests.scenarios.bad_message import BadMessageFleet


@pytest.mark.slow
@pytest.mark.timeout(120)  # what a poll was bringing at the kill comes again when its lease ends
def test_interpreter_held(broker, folder):
    with BadMessageFleet(folder, broker, first_call="sum(range(10**13))", limit_s=5, pause="time.sleep(0.05)") as fleet:
        fleet.handle_all()
        fleet.assert_cost_its_process(last_exit="killed by the master: hung")
