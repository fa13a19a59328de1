"""Runs the transfers of one CurlMulti on an asyncio loop: libcurl says which sockets and timer it waits for.

Belongs to one connection; everything happens on the thread of the loop that was running when it was made.
"""

import asyncio
from collections.abc import Callable

import pycurl

#: Streams of one connection. libcurl's default of 100 makes an ack wait behind long polls.
MAX_STREAMS = 1000

OnEnd = Callable[[pycurl.Curl, int, str], None]


class CurlLoop:
    """`on_end(handle, code, text)` is called for each finished transfer; code 0 means that an answer came."""

    def __init__(self, on_end: OnEnd) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_end = on_end
        self._timer: asyncio.TimerHandle | None = None
        self._watched: dict[int, int] = {}
        self._closed = False
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_MULTIPLEX)
        self._multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, 1)
        self._multi.setopt(pycurl.M_MAX_CONCURRENT_STREAMS, MAX_STREAMS)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)

    def add(self, curl: pycurl.Curl) -> None:
        self._multi.add_handle(curl)

    def remove(self, curl: pycurl.Curl) -> None:
        """Take back a transfer; one that goes on is reset."""
        self._multi.remove_handle(curl)

    def close(self) -> None:
        """Close the connection. All transfers are to be removed before."""
        self._closed = True
        self._set_timer(-1)
        for fd in list(self._watched):
            self._watch(pycurl.POLL_REMOVE, fd, None, None)
        self._multi.close()

    def _watch(self, wanted: int, fd: int, _multi: object, _data: object) -> None:
        before = self._watched.pop(fd, 0)
        now = 0 if wanted == pycurl.POLL_REMOVE else wanted
        if now:
            self._watched[fd] = now
        if now & pycurl.POLL_IN and not before & pycurl.POLL_IN:
            self._loop.add_reader(fd, self._act, fd, pycurl.CSELECT_IN)
        elif before & pycurl.POLL_IN and not now & pycurl.POLL_IN:
            self._loop.remove_reader(fd)
        if now & pycurl.POLL_OUT and not before & pycurl.POLL_OUT:
            self._loop.add_writer(fd, self._act, fd, pycurl.CSELECT_OUT)
        elif before & pycurl.POLL_OUT and not now & pycurl.POLL_OUT:
            self._loop.remove_writer(fd)

    def _set_timer(self, timeout_ms: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if timeout_ms >= 0:
            self._timer = self._loop.call_later(timeout_ms / 1000, self._act, pycurl.SOCKET_TIMEOUT, 0)

    def _act(self, fd: int, events: int) -> None:
        if self._closed:
            return  # the loop had this call in its queue already
        self._multi.socket_action(fd, events)
        while not self._closed:
            left, finished, failed = self._multi.info_read()
            for curl in finished:
                self._end(curl, 0, "")
            for curl, code, text in failed:
                self._end(curl, code, text)
            if not left:
                return

    def _end(self, curl: pycurl.Curl, code: int, text: str) -> None:
        self._multi.remove_handle(curl)
        self._on_end(curl, code, text)
