"""An async handler that never returns is cancelled at its time limit and tried again, while others go on."""

from tests.scenarios.bad_message import BadMessageFleet


def test_endless_async_call(broker, folder):
    with BadMessageFleet(
        folder,
        broker,
        first_call="await asyncio.Event().wait()",
        limit_s=2,
        pause="await asyncio.sleep(0.01)",
        is_async=True,
    ) as fleet:
        fleet.handle_all()
        fleet.assert_ended_in_its_process()
        assert "TimeLimitExceeded: ran longer than its limit of 2 s" in fleet.log.read_text()
