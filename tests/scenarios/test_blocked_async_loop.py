"""An async handler that blocks the loop of all others costs its process; it alone is tried again as a suspect."""

from tests.scenarios.bad_message import BadMessageFleet


def test_blocked_async_loop(embedded, folder):
    with BadMessageFleet(
        folder,
        embedded,
        first_call="time.sleep(10_000)",
        limit_s=3,
        pause="await asyncio.sleep(0.2)",
        lease_s=10,
        is_async=True,
    ) as fleet:
        fleet.handle_all()
        fleet.assert_cost_its_process(last_exit="async call stuck, handle ran")
