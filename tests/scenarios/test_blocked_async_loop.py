"""An async handler that blocks the loop of all others costs its process; it alone is tried again as a suspect."""

from tests.scenarios.real_fleet import RealFleet, assert_each_once, send

LIMIT_S = 3

WORK = """\
import asyncio
    await asyncio.sleep(0.2)
    if text == "bad" and ctx.attempt == 1:
        os.write(ledger, f"begun {os.getpid()} {began:.6f} {began:.6f}\\n".encode())
        time.sleep(10_000)
    await asyncio.sleep(0.2)"""


def test_blocked_async_loop(embedded, folder):
    topic, group = embedded.topic(), embedded.group()
    others = [f"m{number}" for number in range(60)]
    with RealFleet(
        folder,
        endpoint=embedded.endpoint,
        topic=topic,
        group=group,
        processes=(1, 1),
        lease_s=10,
        time_limit_s=LIMIT_S,
        is_async=True,
        work=WORK,
    ) as fleet:
        fleet.until_running(1)
        send(embedded.endpoint, topic, ["bad", *others])
        fleet.until_handled(len(others) + 2)
        slot = fleet.look().slots[0]
        assert slot.crashes == 1
        assert "async call stuck, handle ran" in slot.last_exit
        assert fleet.stop() == 0
        calls = {call.text: call for call in fleet.ledger()}
        assert calls["bad"].pid != calls["begun"].pid
        assert calls["bad"].began - calls["begun"].began < 2 * LIMIT_S
        assert_each_once(fleet.times_handled(), ["bad", *others])
