"""What handlers send has a row a topic, and nothing where no handler sends."""

from sylph_mp.cli.screens.producers import producer_table, sending_line
from sylph_mp.cli.screens.view import View
from sylph_mp.control.status import ProducerStatus, Snapshot
from tests.unit.cli.snapshots import producer


def shown(*producers: ProducerStatus, width: int = 80) -> list[str]:
    snapshot = Snapshot(at="2026-03-14T14:06:19Z", verdict="healthy", sentence="", producers=producers)
    return [line.rstrip() for line in producer_table(snapshot, View(width=width))]


def test_rows_by_topic():
    assert shown(
        producer("receipts"), producer("audit", kind="fifo", batch_size=None, linger_s=0.0, rate_per_s=None)
    ) == [
        "SENT TO   STATE    KIND    RATE/S  WAITING  BATCH  LINGER  STORE-p99  STORED",
        "audit     running  fifo         -       76      -   0.0ms       21ms    412k",
        "receipts  running  normal   1.09k       76     32   4.0ms       21ms    412k",
    ]


def test_why_nothing_is_stored_stands_below():
    lines = shown(producer("receipts", state="failing", error="connection refused"))
    assert "failing!" in lines[1]
    assert lines[2].strip() == "connection refused"


def test_no_table_where_nothing_is_sent():
    assert shown() == []


def line(*producers: ProducerStatus, width: int = 80) -> list[str]:
    snapshot = Snapshot(at="2026-03-14T14:06:19Z", verdict="healthy", sentence="", producers=producers)
    return sending_line(snapshot, View(width=width))


def test_one_line_for_all_of_it():
    several = (
        producer("receipts"),
        producer("audit", rate_per_s=None, latency_p99_s=None),
        producer("audit", kind="fifo"),
    )
    assert line(*several) == ["sends 2.18k/s  waiting 228  store-p99 21ms  to audit, receipts"]
    assert line(*several, width=50) == ["sends 2.18k/s  waiting 228  store-p99 21ms  to au…"]
    assert line() == []


def test_what_fails_comes_first_in_the_line():
    lines = line(producer("audit"), producer("receipts", state="failing", rate_per_s=0.0))
    assert lines[0].endswith("to receipts failing!, audit")
