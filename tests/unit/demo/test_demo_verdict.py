"""The demo's counting finds what it is there to find."""

from demo.report import report
from demo.tally import Call, read_calls, tally


def call(number: int, *, group: int = 0, at: int | None = None) -> Call:
    return Call(began_ns=number if at is None else at, group=group, number=number)


def test_a_message_without_a_call_is_lost():
    counted = tally("orders", [call(0), call(2)], sent=4)
    assert (counted.handled, counted.lost, counted.twice) == (2, 2, 0)


def test_a_second_call_counts_as_twice_and_hides_no_loss():
    counted = tally("orders", [call(0), call(0, at=9)], sent=2)
    assert (counted.handled, counted.lost, counted.twice) == (1, 1, 1)


def test_order_is_looked_at_within_a_group_only():
    calls = [call(0, group=1, at=5), call(1, group=2, at=1), call(2, group=1, at=3)]
    assert tally("receipts", calls, sent=3).out_of_order == 1


def test_calls_are_read_from_all_processes(tmp_path):
    (tmp_path / "orders.17").write_text("0 0 100\n2 2 300\n")
    (tmp_path / "orders.18").write_text("1 1 200\n")
    (tmp_path / "mails.17").write_text("0 0 50\n")
    assert sorted(read_calls(tmp_path, "orders")) == [Call(100, 0, 0), Call(200, 1, 1), Call(300, 2, 2)]


def test_the_verdict_is_good_only_if_all_agrees():
    complete = [tally("orders", [call(0), call(1)], sent=2)]
    assert report(complete, {"orders": 2}, seconds=1.0, exit_code=0).good
    assert not report(complete, {"orders": 1}, seconds=1.0, exit_code=0).good
    assert not report(complete, {"orders": 2}, seconds=1.0, exit_code=1).good
    assert not report([tally("orders", [call(0)], sent=2)], {"orders": 2}, seconds=1.0, exit_code=0).good
    assert not report([tally("orders", [], sent=0)], {}, seconds=0.0, exit_code=0).good


def test_the_sentence_tells_the_counts():
    verdict = report([tally("orders", [call(0), call(1)], sent=2)], {"orders": 2}, seconds=0.5, exit_code=0)
    assert verdict.sentence == "sent 2, handled 2, acked 2, lost 0, handled twice 0, 4 a second"
