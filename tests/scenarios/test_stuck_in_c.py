"""A handler that sleeps on in C costs its process within twice its limit; what the other threads held is handled."""

from tests.scenarios.bad_message import BadMessageFleet


def test_stuck_in_c(broker, folder):
    with BadMessageFleet(
        folder, broker, first_call="time.sleep(10_000)", limit_s=3, pause="time.sleep(0.2)", lease_s=10
    ) as fleet:
        fleet.handle_all()
        fleet.assert_cost_its_process(last_exit="stuck, handle ran 4.")
