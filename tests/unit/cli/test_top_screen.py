"""The screen of `sylph top`, fixed character by character."""

import time

import pytest
from msgspec.structs import replace

from sylph_mp.cli.screens.browsing import Browsing
from sylph_mp.cli.screens.top import top_screen
from sylph_mp.cli.screens.view import View
from sylph_mp.cli.trends import Trends
from sylph_mp.control.status import Snapshot
from tests.unit.cli.snapshots import degraded, healthy, producer, scaling

LOST = Snapshot(at="2026-03-14T14:06:31.000Z", verdict="no-master", sentence="nothing listens here", next="sylph run")


@pytest.fixture(autouse=True)
def _utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def screen(*snapshots, keys=(), width=120, height=30, **view):
    browsing, trends = Browsing(by="root"), Trends()
    for snapshot in snapshots:
        trends.add(snapshot)
        browsing.see(snapshot)
    for key in keys:
        browsing.press(key)
    return top_screen(browsing, trends, View(width=width, **view), height=height, interval_s=1.0)


DEGRADED_120 = """\
degraded: slot 3 shows no heartbeat for 12 s, kill at 15 s; 2 more problems                  web-17  14:06:19  every 1 s
next: sylph status 3
rate 2.89k/s               █  end-p99 1.4s               █  busy 92%               ▇  consumers 2/4               █
  TOPIC     STATE     RATE/S  60 s              FAIL  WAIT-p99  RUN-p99  END-p99  INFLIGHT
> orders    failing!   2.31k                █   31%!     410ms     31ms     1.4s         0
  receipts  running      580                █     0%       7ms    3.0ms     30ms         0
  refunds   quiet          0                ▁      -         -        -        -         0
  SLOT  STATE      UP     RATE/S  BUSY  INFLIGHT  CPU  MEM     CRASHES  LONGEST RUNNING
     3  hung 12s!  6m2s        -     -   74/1024    -  104MiB        2  -
     2  stuck!     3d4h      880   93%   96/1024  35%  121MiB        0  charge 1m37s, limit 30 s, message 01A2…9F04
     1  running    3d4h    1.02k   91%   88/1024  36%  118MiB        0  -
     4  running    12m4s     990   92%   91/1024  37%  102MiB        0  -
q quit  ? help  j/k row  enter threads  / filter  s sort  p freeze  Q quiet  S start  R recycle  K kill"""

DEGRADED_80 = """\
degraded: slot 3 shows no heartbeat for 12 s, kill at 15 s; 2 more problems
next: sylph status 3                                 web-17  14:06:19  every 1 s
rate 2.89k/s  end-p99 1.4s  busy 92%  consumers 2/4
  TOPIC     STATE     RATE/S   FAIL  WAIT-p99  RUN-p99  END-p99
> orders    failing!   2.31k   31%!     410ms     31ms     1.4s
  receipts  running      580     0%       7ms    3.0ms     30ms
  refunds   quiet          0      -         -        -        -
  SLOT  STATE      UP     RATE/S  BUSY  INFLIGHT  CPU  MEM     CRASHES
     3  hung 12s!  6m2s        -     -   74/1024    -  104MiB        2
     2  stuck!     3d4h      880   93%   96/1024  35%  121MiB        0
     1  running    3d4h    1.02k   91%   88/1024  36%  118MiB        0
     4  running    12m4s     990   92%   91/1024  37%  102MiB        0
q quit  ? help  j/k row  enter threads  Q quiet  S start  R recycle  K kill"""


def written(lines):
    """Without the empty lines that fill the screen."""
    return "\n".join(line.rstrip() for line in lines if line.strip())


@pytest.mark.parametrize(("width", "expected"), [(120, DEGRADED_120), (80, DEGRADED_80)])
def test_something_is_wrong(width, expected):
    lines = screen(degraded(), width=width)
    assert written(lines) == expected
    assert len(lines) == 30


def test_the_selected_row_is_marked_in_words_and_in_colour():
    (chosen,) = [line for line in screen(degraded(), keys="j", color=True) if "receipts" in line]
    assert chosen.startswith("\x1b[7m> receipts")


def test_a_lost_master_leaves_the_last_screen_dimmed_under_its_time():
    first, *rest = screen(healthy(), LOST, color=True)
    assert first == "\x1b[1;31mno master since 14:06:31\x1b[0m; the screen is older"
    rows = [line for line in rest[:-1] if line.strip()]
    assert rows
    assert all(line.startswith("\x1b[2m") and line.count("\x1b") == 2 for line in rows)


def test_before_the_first_look_and_without_a_master():
    assert screen()[0] == "waiting for the master"
    assert screen(LOST)[0] == "no master"


def test_what_handlers_send_and_what_the_autoscaler_says_have_a_line_each():
    sentence = "4 consumers (2 to 4), holding for 12 min: threads 66 % busy, between 35 % and 80 %."
    busy = replace(healthy(), producers=(producer("receipts"),), autoscale=scaling(mode="automatic", sentence=sentence))
    lines = screen(busy, width=120)
    assert lines[3:5] == [
        "sends 1.09k/s  waiting 76  store-p99 21ms  to receipts",
        f"autoscale: {sentence}",
    ]
    assert lines[5].lstrip().startswith("TOPIC")
    fixed = replace(healthy(), autoscale=scaling(mode="fixed", sentence=sentence))
    assert not any("autoscale" in line for line in screen(fixed))


def test_frozen_is_said():
    assert screen(healthy(), keys="p")[1].endswith("frozen") or screen(healthy(), keys="p")[0].endswith("frozen")


def test_enter_shows_the_threads_of_a_slot():
    text = written(screen(degraded(), keys=["j", "j", "j", "j", "enter"]))
    assert "     5  orders  charge   1m37s!    30s        1  01A2" in text
    assert "receipts" not in text


def test_how_rows_are_chosen_is_said_in_the_last_line():
    assert screen(healthy(), keys=["s"])[-1].startswith("sorted by rate  q quit")
    assert screen(healthy(), keys=["/", "r", "e", "enter"])[-1].startswith("only /re  q quit")
    assert screen(healthy(), keys=["/", "r"])[-1] == "/r_  enter keeps it, escape shows all"
    asked = "kill the consumer in slot 1? its number, then enter: 1_"
    assert screen(healthy(), keys=["j", "j", "j", "K", "1"])[-1] == asked


def test_every_key_is_in_the_help():
    text = written(screen(healthy(), keys="?", width=80))
    assert all(f"  {key} " in text for key in "q/spQSRK")


def test_no_line_is_wider_than_the_screen():
    for width in (60, 80, 100, 120):
        assert max(len(line) for line in screen(degraded(), width=width)) <= width
    for keys in ("?", "s", "p"):
        assert max(len(line) for line in screen(degraded(), keys=keys, width=80)) <= 80
    pasted = replace(degraded(), next=f"sylph status {'long-name-' * 9}")
    assert max(len(line) for line in screen(pasted, width=80)) <= 80


def test_more_slots_than_lines_are_seen_around_the_selected_one():
    slots = tuple(replace(healthy().slots[0], slot=number) for number in range(1, 41))
    many = replace(healthy(), slots=slots)
    lines = screen(many, keys=["j"] * 32, height=20)
    assert len(lines) == 20
    (chosen,) = [line for line in lines if line.startswith("> ")]
    assert chosen.split()[1] == "30"
    assert any("more" in line for line in lines)
