"""A handler in an endless loop is ended at its time limit and tried again, while its process handles other messages."""

from tests.scenarios.bad_message import BadMessageFleet

FIRST_CALL = """\
while True:
                pass"""


def test_endless_loop(broker, folder):
    with BadMessageFleet(folder, broker, first_call=FIRST_CALL, limit_s=2) as fleet:
        fleet.handle_all()
        fleet.assert_ended_in_its_process()
        log = fleet.log.read_text()
        assert "over-time: handle runs 2." in log
        assert "    while True:" in log or "    pass" in log
        assert "TimeLimitExceeded: ran longer than its limit of 2 s" in log
