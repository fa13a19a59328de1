"""The screens of a fleet, fixed character by character."""

import time

import pytest
from msgspec.structs import replace

from sylph_mp.cli.screens.details import slot_screen, topic_screen
from sylph_mp.cli.screens.overview import instance_screen, overview
from sylph_mp.cli.screens.text import wrapped
from sylph_mp.cli.screens.view import View
from sylph_mp.control.status import ErrorStatus, NoteStatus, Snapshot
from tests.unit.cli.snapshots import broken, call, degraded, healthy, slot, topic


@pytest.fixture(autouse=True)
def _utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def screen(snapshot, width, **view):
    return "\n".join(overview(snapshot, View(width=width, **view)))


HEALTHY_120 = """\
healthy: orders-service on web-17 settles 6.21k/s with 4 consumers; 99 % end within 84 ms of being stored.

TOPIC     STATE    SHARDS  RATE/S  FAIL  WAIT-p50  WAIT-p99  RUN-p50  RUN-p99  END-p99  INFLIGHT  OLDEST
orders    running       4   4.81k   <1%       3ms      38ms    2.9ms     21ms     84ms       131    0.3s
refunds   running       2     310    0%       2ms       9ms     11ms     48ms     79ms        11    <1ms
receipts  running       4   1.09k    0%       1ms       6ms    1.2ms    3.1ms     31ms        26       -

SLOT  STATE    PID    UP     RATE/S  BUSY  INFLIGHT  BUFFER  CPU  MEM     SHARDS
   1  running  41207  3d4h    1.58k   67%   44/1024      2%  36%  118MiB  orders/0 refunds/0 receipts/0
   2  running  41208  3d4h    1.54k   65%   41/1024      2%  35%  121MiB  orders/1 receipts/1
   3  running  52113  2h11m   1.52k   66%   42/1024      2%  35%  104MiB  orders/2 refunds/1 receipts/2
   4  running  52977  12m4s   1.57k   68%   41/1024      2%  37%  102MiB  orders/3 receipts/3"""

DEGRADED_80 = """\
degraded: slot 3 shows no heartbeat for 12 s, kill at 15 s; 2 more problems
next: sylph status 3

TOPIC     STATE     RATE/S   FAIL  WAIT-p99  RUN-p99  END-p99
orders    failing!   2.31k   31%!     410ms     31ms     1.4s
receipts  running      580     0%       7ms    3.0ms     30ms
refunds   quiet          0      -         -        -        -

SLOT  STATE      UP     RATE/S  BUSY  INFLIGHT  CPU  MEM     CRASHES
   3  hung 12s!  6m2s        -     -   74/1024    -  104MiB        2
   2  stuck!     3d4h      880   93%   96/1024  35%  121MiB        0
                 thread 5: charge runs 1m37s, limit 30 s, message 01A2…9F04
   1  running    3d4h    1.02k   91%   88/1024  36%  118MiB        0
   4  running    12m4s     990   92%   91/1024  37%  102MiB        0

problems, worst first:
  consumer-hung    slot 3: no heartbeat for 12 s     next: sylph status 3
  handler-failing  orders: 31 % of 3.35k/s, 4m12s    next: sylph status orders
  thread-stuck     slot 2, thread 5 (above)          next: sylph recycle 2
note: refunds is quiet since 09:14 (2h10m) by root; sylph start refunds"""

DEGRADED_48 = """\
degraded: slot 3 shows no heartbeat for 12 s,
kill at 15 s; 2 more problems
next: sylph status 3

slot 3    hung 12s!  in flight 74
slot 2    stuck!     880/s   busy 93%
orders    failing!   2.31k/s fail 31% end 1.4s
receipts  running    580/s   fail 0%  end 30ms
refunds   quiet      since 09:14 by root
… 2 slots more, running (--all)"""

BROKEN_80 = """\
broken: broker 127.0.0.1:8081 away for 24 s (connection refused): no topic runs
next: sylph status --instances

INSTANCE  ENDPOINT         STATE  SINCE     TRIES  LAST ERROR
default   127.0.0.1:8081   away!  14:02:07      9  connection refused

412 in flight: handlers go on, 96 outcomes wait to be settled
leases end from 14:02:51 on: what is not settled by then is delivered again"""


@pytest.mark.parametrize(
    ("snapshot", "width", "expected"),
    [
        pytest.param(healthy(), 120, HEALTHY_120, id="healthy-120"),
        pytest.param(degraded(), 80, DEGRADED_80, id="degraded-80"),
        pytest.param(degraded(), 48, DEGRADED_48, id="degraded-48"),
        pytest.param(broken(), 80, BROKEN_80, id="broken-80"),
    ],
)
def test_exact_screens(snapshot, width, expected):
    assert screen(snapshot, width) == expected


@pytest.mark.parametrize("width", range(30, 140, 7))
def test_nothing_is_wider_than_the_terminal_but_what_is_to_be_pasted(width):
    for snapshot in (healthy(), degraded(), broken()):
        for line in screen(snapshot, width).splitlines():
            pasted = line.startswith(("next:", "note:", " "))
            assert len(line) <= width or pasted or width < 60


def test_below_40_columns_the_first_lines_only():
    assert screen(degraded(), 39).splitlines()[-1] == "next: sylph status 3"


def test_below_80_columns_a_note_is_under_its_row():
    lines = screen(degraded(), 72).splitlines()
    row = next(number for number, line in enumerate(lines) if line.startswith("refunds"))
    assert lines[row + 1].strip() == "refunds is quiet since 09:14 (2h10m) by root"
    assert lines[row + 2].strip() == "next: sylph start refunds"
    assert not any(line.startswith("note:") for line in lines)


@pytest.mark.parametrize("width", [120, 80])
def test_what_waits_in_the_broker_is_a_column_if_anybody_tells(width):
    told = replace(healthy(), topics=(topic("orders", backlog=1204), topic("refunds"), topic("receipts", backlog=0)))
    lines = screen(told, width).splitlines()
    header = next(line for line in lines if line.startswith("TOPIC"))
    begin = header.index("BACKLOG")
    cells = [line[begin : begin + len("BACKLOG")].strip() for line in lines if line.startswith(("orders", "re"))]
    assert cells == ["1.20k", "-", "0"]
    assert "BACKLOG" not in screen(healthy(), width)


def test_a_slot_that_was_recycled_for_memory_is_marked_where_it_shows():
    guarded = replace(healthy(), slots=(slot(1), slot(2, state="recycling", guarded=True)))
    cells = [line.split() for line in screen(guarded, 120).splitlines() if line.lstrip().startswith(("1 ", "2 "))]
    assert [("118MiB!" in row, "118MiB" in row) for row in cells] == [(False, True), (True, False)]


def test_who_stands_in_says_for_whom():
    shown = replace(healthy(), slots=(slot(1), slot(5, stands_in_for=1)))
    assert "5 for 1  running" in screen(shown, 120)


def test_a_topic_that_falls_behind_is_marked_where_it_shows():
    late = replace(healthy(), topics=(topic("orders", state="behind", oldest_s=252.0, backlog=8100),))
    lines = screen(late, None).splitlines()
    row = next(line for line in lines if line.startswith("orders"))
    assert row.split()[1] == "behind!"
    assert row.split()[-2:] == ["8.10k!", "4m12s!"]


def test_off_a_terminal_nothing_is_left_out():
    lines = screen(degraded(), None).splitlines()
    assert lines[3].split()[-1] == "OLDEST"
    assert "SHARDS" in lines[8]
    many = replace(healthy(), slots=tuple(slot(number) for number in range(1, 200)))
    assert "--all" not in screen(many, None)


def test_too_many_rows_are_counted_and_those_with_something_to_say_stay():
    slots = [slot(number) for number in range(1, 65)]
    slots[59] = slot(60, state="hung", state_s=7.0, beat_age_s=7.0)
    many = replace(healthy(), slots=tuple(slots))
    lines = screen(many, 120).splitlines()
    assert any(line.startswith("  60  hung 7s!") for line in lines)
    assert lines[-1] == "… 14 more, all running (--all)"
    shown = screen(many, 120, all=True)
    assert all(f"{number:4}  " in shown for number in range(1, 65))
    assert "--all" not in shown


def test_long_names_lose_their_middle_before_columns_vanish():
    name = "orders-eu-central-1-captured-and-settled"
    shown = screen(replace(healthy(), topics=(topic(name, rate_per_s=1.0),)), 80)
    row = next(line for line in shown.splitlines() if "captured" in line or "…" in line)
    assert row.startswith("orders-eu")
    assert "settled  running" in row
    assert all(len(line) <= 80 for line in shown.splitlines()[2:])


def test_a_healthy_fleet_with_a_note_says_so_first():
    quiet = replace(
        degraded(), verdict="healthy", sentence="refunds is quiet since 09:14 by root", next=None, problems=()
    )
    assert screen(quiet, 80).splitlines()[0] == "healthy, but refunds is quiet since 09:14 by root"


def test_colour_is_carried_by_words_already():
    coloured = screen(degraded(), 80, color=True)
    assert coloured.startswith("\x1b[33mdegraded\x1b[0m: slot 3")
    assert "\x1b[33mhung 12s!\x1b[0m" in coloured
    assert "\x1b[32mhealthy\x1b[0m" in screen(healthy(), 80, color=True)
    assert "\x1b[1;31mbroken\x1b[0m" in screen(broken(), 80, color=True)
    plain = coloured
    for code in ("\x1b[33m", "\x1b[2m", "\x1b[0m"):
        plain = plain.replace(code, "")
    assert plain == DEGRADED_80


def test_without_utf8_columns_still_align():
    view = View(width=80, utf8=False)
    shown = view.characters("\n".join(overview(degraded(), view)))
    assert shown == DEGRADED_80.replace("…", "...")


def test_a_silent_consumer_shows_how_old_its_numbers_are():
    silent = slot(1, beat_age_s=4.0, rate_per_s=None, busy_ratio=None, cpu_ratio=None)
    assert "   1  running 4s" in screen(replace(healthy(), slots=(silent,)), 80)


def test_without_a_master_there_is_a_sentence_and_a_command():
    gone = Snapshot(
        at="2026-03-14T14:06:19Z",
        verdict="no-master",
        sentence="nothing listens on sylph.sock here; other place: --socket PATH",
        next="sylph run",
    )
    assert screen(gone, 80).splitlines() == [
        "no master: nothing listens on sylph.sock here; other place: --socket PATH",
        "next: sylph run",
    ]


def test_a_long_note_is_wrapped_and_its_command_stays_in_one_piece():
    what = "3 messages of orders did not fit into the buffer since 14:05 (1m3s): a crash leaves what does not fit to it"
    note = NoteStatus(code="unshared", since="", sentence=what, text=what, next="sylph config show consumers.buffer")
    assert screen(replace(healthy(), notes=(note,), autoscale=None), 80).splitlines()[-3:] == [
        "note: 3 messages of orders did not fit into the buffer since 14:05 (1m3s): a",
        "      crash leaves what does not fit to it;",
        "      sylph config show consumers.buffer",
    ]


def test_a_problem_for_which_there_is_no_command_has_none():
    hung, *more = degraded().problems
    narrow = screen(replace(degraded(), problems=(replace(hung, next=""), *more)), 62).splitlines()
    place = next(number for number, line in enumerate(narrow) if line.startswith("  consumer-hung"))
    assert narrow[place : place + 2] == [
        "  consumer-hung    slot 3: no heartbeat for 12 s",
        "  handler-failing  orders: 31 % of 3.35k/s, 4m12s",
    ]


def test_a_number_and_its_unit_stay_on_one_line():
    assert wrapped("threads are 66 % busy of 8 GiB", 14) == ["threads are", "66 % busy of", "8 GiB"]


def test_an_error_goes_on_below_and_columns_stay():
    lost = replace(broken().instances[0], error="no route to host: the network of the proxy is not reachable from here")
    lines = instance_screen(replace(broken(), instances=(lost,)), View(width=80))
    begin = next(line for line in lines if line.startswith("INSTANCE")).index("LAST ERROR")
    told = [line[begin:] for line in lines if line.startswith(("default", " " * begin))]
    assert told == ["no route to host: the network", "of the proxy is not reachable", "from here"]


def test_leases_that_have_ended_are_told_as_such_and_unknown_ones_not_at_all():
    def last_line(**changed):
        instance = replace(broken().instances[0], **changed)
        return instance_screen(replace(broken(), instances=(instance,)), View(width=80))[-1]

    over = last_line(leases_end="2026-03-14T14:02:17.000Z")
    assert over == "leases ended from 14:02:17 on: what was not settled by then is delivered again"
    assert last_line(leases_end=None).startswith("412 in flight")


def test_what_others_wrote_cannot_act_on_the_terminal():
    evil = replace(degraded(), sentence="orders fails 31 %, most often E: \x1b[2Jgone")
    assert "\x1b" not in screen(evil, 80)


def test_a_topic_in_detail():
    orders = topic(
        "orders", shards=2, received=41_200, acked=40_100, retried=1_100, running=8, queued=40, held=3,
        rate_per_s=2310.0,
        errors=(
            ErrorStatus(kind="LedgerClosed", text="ledger:5432 refused", place="workers/orders.py:21", count=90,
                        share_ratio=0.9),
            ErrorStatus(kind="KeyError", text="'id'", place="workers/orders.py:30", count=10, share_ratio=0.1),
        ),
    )  # fmt: skip
    fleet = replace(
        degraded(), topics=(orders,), slots=(slot(1, shards=("orders/1",)), slot(2, shards=("refunds/0", "orders/0")))
    )
    assert (
        "\n".join(topic_screen(fleet, orders, View(width=80)))
        == """\
degraded: slot 3 shows no heartbeat for 12 s, kill at 15 s; 2 more problems
next: sylph status 3

TOPIC   STATE    RATE/S  FAIL  WAIT-p99  RUN-p99  END-p99
orders  running   2.31k     -         -        -        -

group      orders-service on instance default
shards     0 on slot 2, 1 on slot 1
totals     41,200 received, 40,100 acked, 1,100 retried
in flight  8 running, 40 queued, 3 to be settled

errors of the last 10 min, the most frequent first:
SHARE  ERROR         PLACE                 TEXT
  90%  LedgerClosed  workers/orders.py:21  ledger:5432 refused
  10%  KeyError      workers/orders.py:30  'id'

problems, worst first:
  handler-failing  orders: 31 % of 3.35k/s, 4m12s    next: sylph status orders
  thread-stuck     slot 2, thread 5                  next: sylph recycle 2"""
    )


COURSE = """\
the last 15 min, a bar a minute:
RATE/S           ▁▁▅▅█ ███  0 to 2.00k
FAIL               ▁▁▃ ██▁  0% to 31%"""


def test_how_a_topic_fared_in_the_last_quarter_of_an_hour():
    orders = topic(
        "orders",
        minute_rates_per_s=(0.0, 0.0, 1000.0, 1000.0, 2000.0, None, 2000.0, 2000.0, 2000.0),
        minute_fail_ratios=(None, None, 0.0, 0.001, 0.1, None, 0.31, 0.31, 0.0),
    )
    assert COURSE in "\n".join(topic_screen(replace(degraded(), topics=(orders,)), orders, View(width=80)))
    narrow = topic_screen(replace(degraded(), topics=(orders,)), orders, View(width=30))
    assert "RATE/S           ▁▁▅▅█ ███" in narrow


def test_nothing_is_drawn_of_minutes_of_which_nothing_is_known():
    orders = topic("orders", minute_rates_per_s=(None, 3.0), minute_fail_ratios=(None, None))
    lines = topic_screen(replace(degraded(), topics=(orders,)), orders, View(width=80))
    assert [line.split()[0] for line in lines if "▁" in line or "█" in line] == ["RATE/S"]
    new = topic("orders", minute_rates_per_s=(None,), minute_fail_ratios=(None,))
    assert "the last 15 min" not in "\n".join(topic_screen(degraded(), new, View(width=80)))


def test_a_slot_in_detail():
    stuck = slot(
        2, state="stuck", crashes=2, restarts=3, last_exit="SIGSEGV", received=88_000, acked=87_900,
        shards=("orders/1",), running=(call(), call(thread=None, run_s=0.2)),
    )  # fmt: skip
    fleet = replace(degraded(), slots=(stuck,), problems=degraded().problems[2:])
    shown = "\n".join(slot_screen(fleet, stuck, View(width=100)))
    assert (
        shown.partition("\n\nSLOT")[2].partition("\n\n")[2]
        == """\
process    pid 41208, 8 threads
heartbeat  0.4 s ago
shards     orders/1
totals     88,000 received, 87,900 acked
buffer     328KiB of 16.0MiB
ended      3 restarts, 2 crashes, the last: SIGSEGV

THREAD  TOPIC   HANDLER    RUNS  LIMIT  ATTEMPT  MESSAGE
     5  orders  charge   1m37s!    30s        1  01A2C4A7F30000000000000000009F04
 async  orders  charge     0.2s    30s        1  01A2C4A7F30000000000000000009F04

problems, worst first:
  thread-stuck  slot 2, thread 5 (above)    next: sylph recycle 2"""
    )


def test_a_silent_consumer_hides_what_is_queued():
    silent = topic("orders", running=3, queued=None, held=None)
    lines = topic_screen(replace(degraded(), topics=(silent,)), silent, View(width=80))
    assert "in flight  3 running; what is queued is unknown while a consumer is silent" in lines


def test_instances_when_all_is_well():
    lines = instance_screen(replace(broken(), verdict="healthy", sentence="fine.", next=None, problems=(), instances=(
        replace(broken().instances[0], state="running", since=None, tries=0, error=None),
    )), View(width=80))  # fmt: skip
    assert lines[-1] == "default   127.0.0.1:8081   running  -          -  -"
