"""Bounds what threads have handed over and is not settled yet. In the threads that send; left on the loop thread."""

import threading


class Gate:
    """So many messages and bytes are within at most; one message alone may be larger."""

    def __init__(self, messages: int, size: int) -> None:
        self._most = (messages, size)
        self._messages = 0
        self._size = 0
        self._changed = threading.Condition()

    @property
    def within(self) -> tuple[int, int]:
        """Messages and bytes."""
        return self._messages, self._size

    def enter(self, messages: int, size: int, *, wait_s: float = 0.0) -> bool:
        """False if there was no room in `wait_s`; nothing has entered then."""
        with self._changed:
            if not self._has_room(messages, size) and not (
                wait_s and self._changed.wait_for(lambda: self._has_room(messages, size), wait_s)
            ):
                return False
            self._messages += messages
            self._size += size
            return True

    def leave(self, messages: int, size: int) -> None:
        with self._changed:
            self._messages -= messages
            self._size -= size
            self._changed.notify_all()

    def wait_until_empty(self, wait_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._messages, wait_s)

    def _has_room(self, messages: int, size: int) -> bool:
        if not self._messages:
            return messages <= self._most[0]
        return self._messages + messages <= self._most[0] and self._size + size <= self._most[1]
