"""Decides what becomes of messages whose request has failed. Pure."""

from collections.abc import Callable

from msgspec import Struct

from sylph_mp.errors import BrokerError, GrpcError, NotSentError, SettingsError, StatusError, TransportError
from sylph_mp.lifecycle import REGISTERS_S
from sylph_mp.rocketmq.settings import is_access_refused
from sylph_mp.rocketmq.status import Code

_FIRST_WAIT_S = 0.05
_LAST_WAIT_S = 2.0
#: Share by which a wait is changed at random, so that senders do not come back together.
_JITTER = 0.2

#: The broker may have stored the message all the same.
_MAYBE_STORED = {
    Code.REQUEST_TIMEOUT, Code.PROXY_TIMEOUT, Code.MASTER_PERSISTENCE_TIMEOUT, Code.SLAVE_PERSISTENCE_TIMEOUT,
}  # fmt: skip
#: What is so now and may be otherwise soon.
_PASSING = {Code.TOO_MANY_REQUESTS, Code.INTERNAL_ERROR, Code.INTERNAL_SERVER_ERROR, Code.HA_NOT_AVAILABLE}
#: What holds for every message of a topic: looking for a bad one finds none.
_OF_THE_TOPIC = {
    Code.ILLEGAL_TOPIC, Code.TOPIC_NOT_FOUND, Code.NOT_FOUND, Code.UNAUTHORIZED, Code.FORBIDDEN,
    Code.PAYMENT_REQUIRED, Code.CLIENT_ID_REQUIRED, Code.MESSAGE_PROPERTY_CONFLICT_WITH_TYPE,
    Code.NOT_IMPLEMENTED, Code.UNSUPPORTED, Code.VERSION_UNSUPPORTED,
}  # fmt: skip
#: 5.5.0 answers INTERNAL_SERVER_ERROR with this to a batch that is too large.
_TOO_LARGE_TEXT = "size exceeded"


class Rules(Struct, frozen=True, kw_only=True):
    retries: int
    give_up_s: float
    duplicates: bool


class Failure(Struct, frozen=True, kw_only=True):
    """A request's failure, and what is known of its messages."""

    error: BrokerError
    tries: int
    """Requests for these messages so far, this one too."""
    sent: int
    """Those of them that went out: an outage leaves all retries for a broker that is back, and not itself yet."""
    messages: int
    age_s: float
    """Since the oldest of them was submitted."""
    topic_known: bool = False
    """The topic was there a while ago, or the broker was away."""


class Fail(Struct, frozen=True):
    """There is no more to do."""


class Again(Struct, frozen=True):
    after_s: float


class Halve(Struct, frozen=True):
    """Send the halves on their own, to find the message that the server refuses, or because they fit."""


def judge(failure: Failure, *, rules: Rules, random: Callable[[], float]) -> Fail | Again | Halve:
    """`random` gives numbers from 0 to 1."""
    error = failure.error
    if failure.age_s >= rules.give_up_s:
        return Fail()
    again = Again(wait_s(failure.tries) * (1 - _JITTER + 2 * _JITTER * random()))
    if isinstance(error, NotSentError):
        return again
    if is_unknown(error):
        return again if rules.duplicates and failure.sent <= rules.retries else Fail()
    if isinstance(error, SettingsError) and failure.sent <= rules.retries:
        return again
    if isinstance(error, StatusError):
        return _after_refusal(error, failure, rules, again)
    return Fail()


def is_unknown(error: BrokerError) -> bool:
    """Whether the call may have been carried out."""
    if isinstance(error, StatusError):
        return error.code in _MAYBE_STORED
    if isinstance(error, GrpcError):
        return not is_access_refused(error)
    return isinstance(error, TransportError) and not isinstance(error, NotSentError)


def wait_s(tries: int) -> float:
    return min(_LAST_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(tries - 1, 10))


def _after_refusal(error: StatusError, failure: Failure, rules: Rules, again: Again) -> Fail | Again | Halve:
    divisible = failure.messages > 1 and error.code not in _OF_THE_TOPIC
    if error.code == Code.TOPIC_NOT_FOUND and failure.topic_known and failure.age_s < REGISTERS_S:
        return again
    if error.code not in _PASSING:
        return Halve() if divisible else Fail()
    if divisible and error.code == Code.INTERNAL_SERVER_ERROR:
        hopeless = _TOO_LARGE_TEXT in error.message or failure.sent > min(2, rules.retries)
        return Halve() if hopeless else again
    return again if failure.sent <= rules.retries else Fail()
