"""`sylph autoscale`, and its line in `sylph status`."""

from datetime import UTC

from sylph_mp.cli.screens.autoscale import autoscale_screen, wish_line
from sylph_mp.cli.screens.overview import overview
from sylph_mp.cli.screens.view import View
from sylph_mp.config.schema import Range
from sylph_mp.control.autoscale_status import AutoscaleStatus
from sylph_mp.master.autoscaler import Decision
from sylph_mp.master.scaling_history import Line, Size
from sylph_mp.master.scaling_signals import Bounds
from sylph_mp.master.scaling_view import Hold, show
from sylph_mp.master.scaling_view import View as Seen
from tests.unit.cli.snapshots import healthy
from tests.unit.master.autoscaled import host, load

NOW = 1_773_497_433.0
HOUR = 3600.0


def size(consumers: int, threads: int = 8) -> Size:
    return Size(consumers, threads)


HISTORY = (
    Line(
        wall=NOW - 2.2 * HOUR,
        before=size(2),
        after=size(2),
        refused=True,
        why="refused: wanted 3, but /dev/shm holds no further slot: threads 97 % busy for 3 s, above 80 %",
    ),
    Line(
        wall=NOW - 2 * HOUR,
        before=size(2),
        after=size(4),
        refused=False,
        why="threads 98 % busy for 3 s, above 80 %; handlers compute; host CPU 38 %",
    ),
    Line(wall=NOW - 1500, before=size(4, 8), after=size(4, 16), refused=False, why="handlers wait"),
    Line(
        wall=NOW - 720,
        before=size(4),
        after=size(3),
        refused=False,
        why="threads 22 % busy at most for 5m0s; one at a time",
    ),
)


def hold(busy: float, why: str) -> Decision:
    there = load(consumers=4, threads=32, busy=busy)
    return Decision(action="hold", consumers=4, threads=8, wish=4, why=why, load=there)


def status(**changed) -> AutoscaleStatus:
    bounds = Bounds(processes=Range(2, 4), threads=Range(8, 8), place="config.toml:9", threads_place="config.toml:10")
    busy = load(consumers=4, threads=32, busy=21.1, cpu=1.4, wait_p99_s=0.038, age_s=0.3)
    known = {
        "running": 4,
        "wanted": 4,
        "threads": 8,
        "bounds": bounds,
        "hold": None,
        "decision": Decision(action="hold", consumers=4, threads=8, wish=4, why="threads 66 % busy", load=busy),
        "host": host(cpu_ratio=0.58),
        "backlog": None,
        "lines": HISTORY,
        "since_s": 720.0,
        "changed": True,
        "next_look_s": 1.0,
        "wall": NOW,
    }
    return show(Seen(**known | changed), zone=UTC)


def screen(shown: AutoscaleStatus, width: int = 80) -> str:
    return "\n".join(autoscale_screen(shown, View(width=width), zone=UTC))


def test_why_there_are_so_many():
    assert screen(status()) == (
        """\
4 consumers, 4 wanted: holding, threads are 66 % busy (grow at 80, shrink at 49)
bounds 2 to 4, config.toml:9; last change 12 min ago; next look in 1 s

SIGNAL             NOW  GROW-FROM  SHRINK-BELOW  SAYS
threads busy       66%        80%           49%  hold
interpreter        35%        80%           49%  may shrink
wait p99          38ms      500ms             -  hold
age at receipt   300ms     rising             -  hold
host CPU           58%  up to 90%             -  may grow
free memory     4.0GiB          -             -  may grow

TIME      CHANGE           WHY
13:58:33  4 to 3           threads 22 % busy at most for 5m0s; one at a time
13:45:33  8 to 16 threads  handlers wait
12:10:33  2 to 4           threads 98 % busy for 3 s, above 80 %; handlers
                           compute; host CPU 38 %
11:58:33  2 to 2           refused: wanted 3, but /dev/shm holds no further
                           slot: threads 97 % busy for 3 s, above 80 %"""
    )


def test_a_fixed_fleet_says_so():
    fixed = Bounds(processes=Range(4, 4), threads=Range(8, 8), place="config.toml:9", threads_place="config.toml:10")
    shown = status(bounds=fixed, lines=(), changed=False)
    assert shown.mode == "fixed"
    assert screen(shown).splitlines()[:2] == [
        "4 consumers, fixed (min = max = 4, config.toml:9)",
        "bounds 4 to 4, config.toml:9; no change yet; next look in 1 s",
    ]


def test_threads_that_adapt_are_told_though_consumers_are_fixed():
    some = Bounds(processes=Range(4, 4), threads=Range(8, 64), place="config.toml:9", threads_place="config.toml:10")
    shown = status(bounds=some, threads=16)
    assert shown.mode == "automatic"
    assert shown.bounds == "4 consumers fixed, config.toml:9; threads 8 to 64 each, config.toml:10"
    assert "4 consumers (4 to 4) of 16 threads (8 to 64), holding for 12 min" in shown.sentence


def test_a_hold_says_whose_and_what_it_would_do():
    wish = Decision(action="grow", consumers=6, threads=8, wish=6, why="threads 97 % busy for 3 s", load=load(busy=7.7))
    shown = status(hold=Hold(consumers=4, by="root", since_wall=NOW - 600), decision=wish)
    assert screen(shown).startswith("4 consumers, 4 wanted: held by root since 14:00\n")
    assert wish_line(shown) == "held by root; it would: 4 to 6 consumers: threads 97 % busy for 3 s"
    assert wish_line(status()).startswith("no wish: 4 consumers, 4 wanted: holding")


def test_what_it_waits_for_is_said_without_thresholds_of_something_else():
    shown = status(decision=hold(0.0, "broker default does not answer"))
    assert shown.sentence == "4 consumers (2 to 4), holding for 12 min: broker default does not answer."
    assert shown.headline == "4 consumers, 4 wanted: holding, broker default does not answer"


def test_the_line_of_status():
    def line(**changed):
        snapshot = healthy()
        fields = {field: getattr(snapshot, field) for field in snapshot.__struct_fields__}
        return overview(type(snapshot)(**fields | {"autoscale": status(**changed)}), View(width=120))[-1]

    assert line() == ("autoscale: 4 consumers (2 to 4), holding for 12 min: threads 66 % busy, between 49 % and 80 %.")
    assert line(wanted=2).endswith("threads 66 % busy, below 80 %.")
    assert line(decision=hold(28.4, "threads 89 % busy")).endswith(
        "threads 89 % busy, above 80 %, not yet for long enough."
    )
    assert line(decision=hold(1.6, "threads 5 % busy")).endswith(
        "threads 5 % busy, below 49 %, not yet for long enough."
    )
    held = line(hold=Hold(consumers=4, by="root", since_wall=NOW - 600))
    assert held == "autoscale: 4 consumers, held by root since 14:00 until sylph autoscale release."
    refusal = Decision(
        action="refuse", consumers=4, threads=8, wish=6, why="wanted 6, but host CPU 97 %, up to 90 %: x", load=load()
    )
    assert line(decision=refusal) == ("autoscale: 4 consumers (2 to 4), wanted 6, but host CPU 97 %, up to 90 %: x.")


def test_a_fleet_that_stops_holds_nothing():
    wish = Decision(action="grow", consumers=6, threads=8, wish=6, why="threads 97 % busy for 3 s", load=load(busy=7.7))
    held = {"hold": Hold(consumers=4, by="root", since_wall=NOW - 600), "decision": wish}
    for changed in ({}, {"decision": None}, held):
        shown = status(stopping=True, running=3, **changed)
        assert shown.sentence == "the fleet is stopping, 3 consumers still run."
        assert shown.headline == "the fleet is stopping, 3 consumers still run"
        assert shown.wish is None
    assert status(stopping=True, running=1).headline == "the fleet is stopping, 1 consumer still runs"
