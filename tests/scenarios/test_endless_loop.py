"""A handler in an endless loop is ended at its time limit and tried again, while its process handles other messages."""

from tests.scenarios.real_fleet import RealFleet, assert_each_once, send

LIMIT_S = 2

WORK = """\
if text == "bad" and ctx.attempt == 1:
        try:
            while True:
                pass
        finally:
            os.write(ledger, f"ended {os.getpid()} {began:.6f} {time.monotonic():.6f}\\n".encode())"""


def test_endless_loop(broker, folder):
    topic, group = broker.topic(), broker.group()
    others = [f"m{number}" for number in range(100)]
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
        assert fleet.stop() == 0
        times = fleet.times_handled()
        ended = next(call for call in fleet.ledger() if call.text == "ended")
        assert LIMIT_S <= ended.ended - ended.began < 2 * LIMIT_S
        assert_each_once(times, ["bad", *others])
        assert len({call.pid for call in fleet.ledger()}) == 1
        log = fleet.log.read_text()
        assert "over-time: handle runs 2." in log
        assert "    while True:" in log or "    pass" in log
        assert "TimeLimitExceeded: ran longer than its limit of 2 s" in log
