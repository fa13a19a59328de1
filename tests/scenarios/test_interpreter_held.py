"""A handler that holds the interpreter in C is found and killed within twice its limit; nothing else is lost by it."""

import pytest

from tests.scenarios.real_fleet import RealFleet, assert_each_once, send

LIMIT_S = 5

WORK = """\
if text == "bad" and ctx.attempt == 1:
        os.write(ledger, f"begun {os.getpid()} {began:.6f} {began:.6f}\\n".encode())
        sum(range(10**13))
    time.sleep(0.1)"""


@pytest.mark.slow
@pytest.mark.timeout(120)  # what a poll was bringing at the kill comes again when its lease ends
def test_interpreter_held(broker, folder):
    topic, group = broker.topic(), broker.group()
    others = [f"m{number}" for number in range(60)]
    with RealFleet(
        folder,
        endpoint=broker.endpoint,
        topic=topic,
        group=group,
        processes=(1, 1),
        threads=4,
        time_limit_s=LIMIT_S,
        work=WORK,
    ) as fleet:
        fleet.until_running(1)
        send(broker.endpoint, topic, ["bad", *others])
        fleet.until_handled(len(others) + 2)
        slot = fleet.look().slots[0]
        assert slot.crashes == 1
        assert slot.last_exit.startswith("killed by the master: hung")
        assert fleet.stop() == 0
        calls = {call.text: call for call in fleet.ledger()}
        assert calls["bad"].pid != calls["begun"].pid
        assert calls["bad"].began - calls["begun"].began < 2 * LIMIT_S
        assert_each_once(fleet.times_handled(), ["bad", *others])
