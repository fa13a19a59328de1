"""An async handler that never returns is cancelled at its time limit and tried again, while others go on."""

from tests.scenarios.real_fleet import RealFleet, assert_each_once, send

LIMIT_S = 2

WORK = """\
import asyncio
    await asyncio.sleep(0.01)
    if text == "bad" and ctx.attempt == 1:
        try:
            await asyncio.Event().wait()
        finally:
            os.write(ledger, f"ended {os.getpid()} {began:.6f} {time.monotonic():.6f}\\n".encode())"""


def test_endless_async_call(broker, folder):
    topic, group = broker.topic(), broker.group()
    others = [f"m{number}" for number in range(100)]
    with RealFleet(
        folder,
        endpoint=broker.endpoint,
        topic=topic,
        group=group,
        processes=(1, 1),
        time_limit_s=LIMIT_S,
        is_async=True,
        work=WORK,
    ) as fleet:
        fleet.until_running(1)
        send(broker.endpoint, topic, ["bad", *others])
        fleet.until_handled(len(others) + 2)
        assert fleet.stop() == 0
        ended = next(call for call in fleet.ledger() if call.text == "ended")
        assert LIMIT_S <= ended.ended - ended.began < 2 * LIMIT_S
        assert_each_once(fleet.times_handled(), ["bad", *others])
        assert len({call.pid for call in fleet.ledger()}) == 1
        assert "TimeLimitExceeded: ran longer than its limit of 2 s" in fleet.log.read_text()
