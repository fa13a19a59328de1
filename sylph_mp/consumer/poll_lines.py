"""The lines of the slot's segment that say which polls are outstanding at ordered topics. Runs on the loop thread.

An ordered queue is locked by what was popped of it, until all of that is acked. What is on the wire to a process that
dies there would lock it for a whole lease, unless somebody asks again with the same attempt id and gets it: the line
tells the successor with which.
"""

from time import monotonic_ns

from sylph_mp.consumer.subscription import Subscription
from sylph_mp.shm.layout import POLL_LINES
from sylph_mp.shm.polls import Poll, Polls


class PollLine:
    """One poll at a time of one receive loop."""

    def __init__(self, polls: Polls, number: int, topic: int) -> None:
        self.number = number
        self._polls = polls
        self._topic = topic
        self._attempt_id = ""
        """Of the poll that is outstanding, "" for none."""

    def ask(self, attempt_id: str) -> None:
        """About to be sent, perhaps not for the first time."""
        if attempt_id == self._attempt_id:
            self._polls.ask_again(self.number, monotonic_ns())
        else:
            self._attempt_id = attempt_id
            self._polls.ask(self.number, self._topic, attempt_id, monotonic_ns())

    def arriving(self, now_ns: int) -> None:
        """Answered: what it brought is about to be admitted, as received at `now_ns`."""
        self._polls.arriving(self.number, now_ns)

    def admitted(self) -> None:
        """All that it brought is in the in-flight table."""
        self._attempt_id = ""
        self._polls.over(self.number)


class RepeatedLine(PollLine):
    """The line of a poll of a dead process, which is sent again and again with the same attempt id."""

    def ask(self, attempt_id: str) -> None:
        del attempt_id
        self._polls.ask_again(self.number, monotonic_ns())

    def admitted(self) -> None:
        self._polls.repeat_later(self.number)


class PollLines:
    def __init__(self, polls: Polls) -> None:
        self._polls = polls
        self._free = list(range(POLL_LINES - 1, -1, -1))

    def take(self, subscription: Subscription) -> PollLine | None:
        """A line for a receive loop, to be given back; None if the topic needs none, or no more are left."""
        if not subscription.fifo or not self._free:
            return None
        return PollLine(self._polls, self._free.pop(), subscription.index)

    def adopt(self, poll: Poll) -> RepeatedLine:
        """Go on in the line of a dead process's poll; before any line is taken."""
        self._free.remove(poll.line)
        return RepeatedLine(self._polls, poll.line, poll.topic)

    def give_back(self, line: PollLine | None) -> None:
        if line is not None:
            self._polls.over(line.number)
            self._free.append(line.number)
