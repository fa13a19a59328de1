"""What each saturation policy does while the broker is away, and that all goes on when it is back."""

import gc
import threading
import time
import weakref

import pytest

from sylph_mp.config.schema import Range
from sylph_mp.errors import NotSentError, SaturatedError
from sylph_mp.producer import Producers, ProducerSettings
from tests.brokers.embedded import EmbeddedBroker

ROOM = 20


@pytest.fixture
def away():
    """A broker with a topic, away for now."""
    broker = EmbeddedBroker()
    broker.here = broker.topic()
    broker.stop_proxy()
    yield broker
    broker.close()


class Filled:
    """Producers whose queue of ROOM messages is full: nothing of it can be stored while the broker is away."""

    def __init__(self, broker, **settings):
        self.broker = broker
        given = {"queue": ROOM, "linger_ms": Range(0, 0), "give_up_s": 60.0} | settings
        self.producers = Producers(broker.endpoint, settings=ProducerSettings(**given))
        self.producer = self.producers.normal(broker.here)
        self.receipts = []
        self._away = True
        self._thread = threading.Thread(target=self._fill)

    def __enter__(self):
        self._thread.start()
        until = time.monotonic() + 10
        while self.held < ROOM and time.monotonic() < until:
            time.sleep(0.01)
        assert self.held == ROOM
        return self

    def __exit__(self, *_):
        self.bring_back()
        self._thread.join()
        self.producers.close()

    @property
    def held(self):
        return sum(row.queued + row.in_flight for row in self.producers.snapshot())

    def bring_back(self):
        if self._away:
            self._away = False
            self.broker.start_proxy()

    def all_receipts(self):
        """Once the broker is back."""
        self.bring_back()
        self._thread.join()
        assert self.producers.flush()
        return self.receipts

    def _fill(self):
        self.receipts = self.producer.send_many([b"%d" % n for n in range(ROOM)])


def test_raise_says_so_at_once_and_what_is_queued_is_stored_when_the_broker_is_back(away):
    with Filled(away, saturation="raise") as at:
        with pytest.raises(SaturatedError, match="20 messages"):
            at.producer.send(b"x")
        [row] = at.producers.snapshot()
        assert "refused" in row.error
        assert at.held == ROOM
        assert [one.error for one in at.all_receipts()] == [None] * ROOM
        assert at.producer.send(b"x").error is None


@pytest.mark.parametrize(("saturation", "error"), [("raise", SaturatedError), ("caller_runs", NotSentError)])
def test_what_has_failed_is_not_kept(away, saturation, error):
    """An error holds its message by the frames of its traceback."""

    def failed(at):
        with pytest.raises(error) as caught:
            at.producer.send(b"x")
        return weakref.ref(caught.value)

    with Filled(away, saturation=saturation) as at:
        errors = [failed(at) for _ in range(3)]
        gc.collect()
        assert [one() for one in errors] == [None] * 3


def test_block_waits_until_its_limit(away):
    with Filled(away, saturation="block", block_s=0.3) as at:
        began = time.monotonic()
        with pytest.raises(SaturatedError):
            at.producer.send(b"x")
        assert time.monotonic() - began >= 0.3
        assert at.held == ROOM


def test_block_goes_on_when_there_is_room(away):
    with Filled(away, saturation="block", block_s=30) as at:
        back = threading.Timer(0.3, at.bring_back)
        back.start()
        assert at.producer.send(b"x").error is None
        back.join()


def test_drop_newest_counts_and_returns(away):
    with Filled(away, saturation="drop_newest") as at:
        assert isinstance(at.producer.send(b"x").error, SaturatedError)
        assert [type(one.error) for one in at.producer.send_many([b"x", b"y"])] == [SaturatedError] * 2
        assert at.producers.engine().dropped == 3
        assert [one.error for one in at.all_receipts()] == [None] * ROOM


def test_drop_oldest_takes_the_newer_one(away):
    with Filled(away, saturation="drop_oldest", in_flight=1, batch=False) as at:
        newest = []
        late = threading.Thread(target=lambda: newest.append(at.producer.send(b"x")))
        late.start()
        until = time.monotonic() + 10
        while not at.producers.snapshot()[0].dropped and time.monotonic() < until:
            time.sleep(0.01)
        receipts = at.all_receipts()
        late.join()
        assert [place for place, one in enumerate(receipts) if isinstance(one.error, SaturatedError)] == [1]
        assert newest[0].error is None
        assert at.producers.snapshot()[0].dropped == 1


def test_caller_runs_tries_in_the_callers_time(away):
    with Filled(away, saturation="caller_runs") as at:
        with pytest.raises(NotSentError):
            at.producer.send(b"x")
        assert at.held == ROOM
        assert [one.error for one in at.all_receipts()] == [None] * ROOM


def test_what_is_too_old_has_failed_and_is_known_not_to_be_stored(away):
    settings = ProducerSettings(give_up_s=0.2)
    with Producers(away.endpoint, settings=settings) as producers:
        [receipt] = producers.normal(away.here).send_many([b"x"])
        assert isinstance(receipt.error, NotSentError)
        assert not receipt.unknown


def test_close_ends_by_its_deadline_and_every_message_has_its_receipt(away):
    at = Filled(away, saturation="block")
    at.__enter__()
    began = time.monotonic()
    at.producers.close(timeout_s=0.3)
    assert time.monotonic() - began < 5
    at._thread.join(5)
    assert [type(one.error) for one in at.receipts] == [NotSentError] * ROOM
