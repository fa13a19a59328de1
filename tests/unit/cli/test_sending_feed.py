"""How lines are carried to whatever sends: what is stored, what fails, and each way in which it ends."""

import asyncio
import io

import pytest

from sylph_mp.cli.screens.sending import Going
from sylph_mp.cli.sending import feed as feed_module
from sylph_mp.cli.sending.failures import Failures
from sylph_mp.cli.sending.feed import Feed
from sylph_mp.cli.sending.ledger import HOPELESS, Ledger
from sylph_mp.cli.sending.lines import Line
from sylph_mp.cli.sending.metronome import Metronome
from sylph_mp.cli.sending.progress import Progress
from sylph_mp.cli.sending.stencil import Stencil
from sylph_mp.clock import SystemClock
from sylph_mp.errors import NotSentError, Problem, StatusError, TransportError
from sylph_mp.producer.encoding import Encoder
from sylph_mp.producer.outgoing import Limits
from sylph_mp.producer.outlet import Receipt
from tests.unit.turns import turns, turns_until


class FakeOutlet:
    """Holds messages until the test `answers`; has room for so many."""

    def __init__(self, room=10_000):
        self.held = []
        self.submitted = 0
        self._room = room
        self._waiting = []

    def submit(self, encoded, on_receipt):
        if len(self.held) >= self._room:
            return False
        self.held.append((encoded, on_receipt))
        self.submitted += 1
        return True

    def when_room(self, callback):
        self._waiting.append(callback)

    def answer(self, number, error=None, *, unknown=False):
        answered, self.held = self.held[:number], self.held[number:]
        for encoded, on_receipt in answered:
            on_receipt(Receipt(encoded.id, error, unknown))
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback()

    async def close(self, deadline):
        """The first one held was on the wire."""
        self.answer(1, TransportError("closed before the answer came"), unknown=True)
        self.answer(len(self.held), NotSentError("closed before it was sent"))


class Sent:
    """A feed at work, its outlet and its ledger."""

    def __init__(self, texts, *, room=10_000, skip=0, keep_in=None):
        self.outlet = FakeOutlet(room)
        self.said = []
        changed = asyncio.Event()
        self.failures = Failures(place=lambda line: f"f:{line.number}", say=self.said.append, keep_in=keep_in)
        self.ledger = Ledger(skip=skip, on_change=changed.set, on_failure=self.failures.take)
        encoder, clock = Encoder("", Limits()), SystemClock()
        self.feed = Feed(
            self.outlet,
            message_of=Stencil(topic="t").of_line,
            encode=lambda outgoing: encoder.encode(outgoing, clock.time()),
            ledger=self.ledger,
            changed=changed,
            metronome=Metronome(0),
            clock=clock,
            skip=skip,
        )
        self.running = asyncio.ensure_future(self.feed.run(self._blocks(texts), ready=self._ready))

    async def until(self, condition):
        await turns_until(condition, lambda: vars(self.ledger))

    async def _ready(self):
        return None

    async def _blocks(self, texts):
        yield [Line(number, text) for number, text in enumerate(texts, start=1)]


def test_lines_are_sent_as_there_is_room_and_all_are_settled_at_the_end():
    async def run():
        sent = Sent([b"%d" % n for n in range(10)], room=4)
        while not sent.running.done():
            assert len(sent.outlet.held) <= 4
            sent.outlet.answer(3)
            await turns()
        assert await sent.running
        assert (sent.ledger.stored, sent.ledger.frontier.reached, sent.ledger.under_way) == (10, 10, 0)

    asyncio.run(run())


def test_bad_lines_do_not_stop_the_others_and_are_kept(tmp_path):
    kept = tmp_path / "failed"
    kept.write_bytes(b"earlier\n")

    async def run():
        sent = Sent([b"1", b"no", b"", b"2", b"nor", b"neither", b"nobody"], keep_in=kept)
        await sent.until(lambda: sent.outlet.submitted == 2)
        sent.outlet.answer(1)
        sent.outlet.answer(1, StatusError(40009, "no"))
        assert await sent.running
        sent.failures.close()
        ledger = sent.ledger
        assert (ledger.stored, ledger.failed, ledger.faulty, ledger.blank, ledger.frontier.reached) == (1, 5, 4, 1, 7)
        assert [problem.place for problem in sent.said] == ["f:2", "f:5", "f:6"]
        assert ledger.of(7) == ledger.settled

    asyncio.run(run())
    assert kept.read_bytes() == b"earlier\nno\nnor\nneither\nnobody\n2\n"


def test_skipped_lines_are_neither_sent_nor_judged():
    async def run():
        sent = Sent([b"no", b"1", b"2"], skip=2)
        await sent.until(lambda: sent.outlet.held)
        sent.outlet.answer(1)
        assert await sent.running
        assert (sent.ledger.stored, sent.ledger.failed, sent.ledger.frontier.reached) == (1, 0, 3)
        assert sent.ledger.of(3) == 1

    asyncio.run(run())


def test_a_stop_waits_for_what_is_under_way():
    async def run():
        sent = Sent([b"%d" % n for n in range(10)], room=4)
        await sent.until(lambda: sent.outlet.submitted == 4)
        sent.feed.stop()
        await turns()
        assert not sent.running.done()
        sent.outlet.answer(4)
        assert not await sent.running
        assert (sent.outlet.submitted, sent.ledger.stored, sent.ledger.frontier.reached) == (4, 4, 4)

    asyncio.run(run())


def test_a_second_stop_does_not_wait_and_tells_what_may_be_stored(tmp_path):
    kept = tmp_path / "failed"

    async def run():
        sent = Sent([b"%d" % n for n in range(10)], room=6, keep_in=kept)
        await sent.until(lambda: sent.outlet.submitted == 6)
        sent.outlet.held = sent.outlet.held[2:] + sent.outlet.held[:2]
        sent.outlet.answer(2)  # the third and the fourth
        sent.feed.stop()
        sent.feed.stop()
        assert not await sent.running
        ledger = sent.ledger
        assert (ledger.stored, ledger.unknown, ledger.failed) == (2, 1, 0)
        assert (ledger.frontier.reached, ledger.frontier.beyond) == (0, 2)
        assert ledger.away is None
        sent.failures.close()

    asyncio.run(run())
    assert kept.read_bytes() == b""


def test_the_flush_has_a_limit(monkeypatch):
    monkeypatch.setattr(feed_module, "FLUSH_S", 0.0)

    async def run():
        sent = Sent([b"1"])
        await sent.until(lambda: sent.outlet.held)
        sent.feed.stop()
        assert not await sent.running
        assert sent.ledger.unknown == 1

    asyncio.run(run())


def test_a_broker_that_is_away_for_good_ends_it():
    async def run():
        sent = Sent([b"%d" % n for n in range(10)], room=5)
        await sent.until(lambda: sent.outlet.submitted == 5)
        sent.outlet.answer(2)
        sent.outlet.answer(1, NotSentError("refused"))
        assert not await sent.running
        ledger = sent.ledger
        assert (ledger.stored, ledger.failed, ledger.frontier.reached) == (2, 0, 2)
        assert str(ledger.away) == "refused"

    asyncio.run(run())


def test_an_answer_that_did_not_come_is_a_failure_of_that_line_only():
    async def run():
        sent = Sent([b"1", b"2"])
        await sent.until(lambda: sent.outlet.submitted == 2)
        sent.outlet.answer(1, TransportError("reset"), unknown=True)
        sent.outlet.answer(1)
        assert await sent.running
        assert (sent.ledger.stored, sent.ledger.unknown, sent.ledger.frontier.reached) == (1, 1, 2)
        assert "may be stored" in sent.said[0].what

    asyncio.run(run())


@pytest.mark.parametrize("stored", [0, 1])
def test_a_file_of_which_nothing_can_be_sent_is_not_read_to_its_end(stored):
    async def run():
        sent = Sent([*[b"1"] * stored, *[b"no"] * 3 * HOPELESS])
        if stored:
            await sent.until(lambda: sent.outlet.submitted == 1)
            assert sent.ledger.failed == HOPELESS
            sent.outlet.answer(1)
        assert await sent.running == bool(stored)
        assert sent.ledger.failed == (3 * HOPELESS if stored else HOPELESS)

    asyncio.run(run())


class Screen(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


class Hands:
    now = 100.0

    def monotonic(self):
        return self.now

    def time(self):
        return self.now


def shown(*, terminal, monkeypatch):
    """After two seconds with 30 settled, a problem, and the end with 60."""
    monkeypatch.setenv("TERM", "xterm")
    screen, hands = Screen(terminal), Hands()
    going = Going(topic="t", settled=0, total=60, rate_per_s=0.0, failed=0)
    figures = iter([30, 60])

    def look():
        return Going(topic=going.topic, settled=next(figures), total=60, rate_per_s=0.0, failed=1, note="waits: x")

    progress = Progress(screen, look=look, clock=hands)
    hands.now += 2
    progress._show()
    progress.say(Problem(place="f:1", what="bad"))
    hands.now += 1
    progress.end()
    return screen.getvalue()


def test_a_terminal_has_one_line_and_problems_above_it(monkeypatch):
    assert shown(terminal=True, monkeypatch=monkeypatch) == (
        "\rsending to t  30 of 60  50%  15/s  1 failed  waits: x\x1b[K"
        "\r\x1b[Kf:1: error: bad\n"
        "\rsending to t  60 of 60  100%  20/s  1 failed\x1b[K\n"
    )


def test_elsewhere_lines_follow_each_other(monkeypatch):
    assert shown(terminal=False, monkeypatch=monkeypatch) == (
        "sending to t  30 of 60  50%  15/s  1 failed  waits: x\n"
        "f:1: error: bad\n"
        "sending to t  60 of 60  100%  20/s  1 failed\n"
    )


def test_a_line_that_says_nothing_is_taken_away(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    screen = Screen(terminal=True)
    progress = Progress(
        screen, look=lambda: Going(topic="t", settled=0, total=9, rate_per_s=0.0, failed=0), clock=Hands()
    )
    progress.clear()
    assert screen.getvalue() == ""
    progress._show()
    progress.clear()
    assert screen.getvalue().endswith("0 failed\x1b[K\r\x1b[K")
