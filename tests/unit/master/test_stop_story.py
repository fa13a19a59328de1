"""What a stop tells: each thing once, and whom it waits for at 2 s, at 10 s and then each minute."""

from sylph_mp.control.observation import Running
from sylph_mp.master.stop_story import Call, StopStory, View

SLOW = Call(
    2,
    Running(thread=5, topic="orders", handler="charge", message_id="01A2C0FFEE9F04", attempt=1, started_at=97.7),
)


def view(after_s: float, **seen: object) -> View:
    return View(
        **({"running": 0, "queued": 0, "settled": 0, "handed_back": 0} | seen), after_s=after_s, now=100 + after_s
    )


def test_a_stop_that_ends_at_its_deadline() -> None:
    story = StopStory()
    busy = {"running": 1, "settled": 31, "handed_back": 580, "calls": (SLOW,)}
    told = {
        after_s: story.tell(view(after_s, **seen))
        for after_s, seen in [
            (0.0, {"running": 32, "queued": 580}),
            (0.1, {"running": 20, "queued": 130, "handed_back": 450}),
            (0.4, busy),
            (2.1, busy),
            (5.0, busy),
            (10.0, busy),
            (25.0, busy | {"killed": (2,)}),
            (25.1, busy | {"killed": (2,)}),
        ]
    }
    assert {after_s: lines for after_s, lines in told.items() if lines} == {
        0.0: ["612 in flight: 32 running, 580 queued"],
        0.4: ["580 queued handed back to the broker"],
        2.1: ["31 running settled; 1 left: slot 2 thread 5, charge, 01A2…9F04"],
        10.0: ["1 left: the same, running for 12 s"],
        25.0: ["deadline: slot 2 killed"],
    }


def test_an_idle_fleet_has_little_to_tell() -> None:
    story = StopStory()
    assert [story.tell(view(after_s)) for after_s in (0.0, 2.0, 4.0)] == [["0 in flight: 0 running, 0 queued"], [], []]
