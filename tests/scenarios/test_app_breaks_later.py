"""A consumer that cannot load the app any more ends with the exception and its line, in words."""

import os
import signal

import pytest

from tests.scenarios.real_fleet import RealFleet


@pytest.mark.timeout(60, func_only=True)
def test_the_exception_and_its_line(embedded, folder):
    with RealFleet(
        folder, endpoint=embedded.endpoint, topic=embedded.topic(), group=embedded.group(), processes=(1, 1)
    ) as fleet:
        fleet.until_running(1)
        app = folder / "app.py"
        app.write_text(f"import ledger_that_is_not_there\n{app.read_text()}")
        os.kill(fleet.consumers()[0], signal.SIGKILL)
        fleet.until(lambda: fleet.look().slots[0].crashes > 1)
        assert fleet.look().slots[0].last_exit == "exit 78: ModuleNotFoundError at app.py:1"
