"""One HTTP/2 connection to one proxy, and the calls on it. On the loop thread.

It is good until a sign that it is not; then it is `lost`, everything on it ends, and the channel makes another.
"""

import asyncio
from collections.abc import Sequence

import pycurl

from sylph_mp.clock import Clock
from sylph_mp.errors import CallTimeoutError, GrpcError, NotSentError, TransportError
from sylph_mp.rocketmq import grpc_framing
from sylph_mp.rocketmq.call_record import CallRecord
from sylph_mp.rocketmq.curl_loop import CurlLoop
from sylph_mp.rocketmq.handle import BEGIN_S, Target, new_handle
from sylph_mp.rocketmq.stream import Stream
from sylph_mp.rocketmq.transfer_failures import STREAM_RESET, never_sent, words_for

#: The server is told a deadline and keeps it; this side waits longer, so that a late answer is still an answer.
PATIENCE_S = 0.5
#: Bytes of a request that libcurl takes at once: its own default, and for a larger one, a full batch (`batch_bytes`).
#: Not for streams: what is left in a large buffer while their upload is paused is not sent (libcurl 8.23).
UPLOAD_BYTES, LARGE_UPLOAD_BYTES = 64 << 10, 1 << 20
#: Easy handles kept for the next calls of each method.
MAX_IDLE = 64


class Call:
    """A handle with its buffers, used again for the next call of its method. libcurl fills the lists without a Python
    frame.
    """

    __slots__ = ("answer", "chunks", "curl", "headers", "method", "sent_headers", "started_at", "timeout_s")

    def __init__(self, curl: pycurl.Curl, *, method: str, url: str) -> None:
        self.curl = curl
        self.method = method
        self.sent_headers: Sequence[str] = ()
        self.chunks: list[bytes] = []
        self.headers: list[bytes] = []
        self.answer: asyncio.Future[list[bytes]]
        self.started_at = 0.0
        self.timeout_s = 0.0
        curl.setopt(pycurl.URL, url)
        curl.setopt(pycurl.WRITEFUNCTION, self.chunks.append)
        curl.setopt(pycurl.HEADERFUNCTION, self.headers.append)

    def say(self, headers: Sequence[str], timeout_s: float) -> None:
        """Set the header lines; the handle knows them still if the call before had the same list and deadline."""
        if headers is self.sent_headers and timeout_s == self.timeout_s:
            return
        self.sent_headers, self.timeout_s = headers, timeout_s
        self.curl.setopt(pycurl.HTTPHEADER, [*headers, f"grpc-timeout: {int(timeout_s * 1000)}m"])
        self.curl.setopt(pycurl.TIMEOUT_MS, int((timeout_s + PATIENCE_S) * 1000))

    def late(self) -> CallTimeoutError:
        return CallTimeoutError(f"no answer in {self.timeout_s:g} s")

    def end(self, failure: TransportError | None) -> None:
        """Set the answer, all its messages at once, so that a streamed answer wakes its caller once."""
        error = failure or grpc_framing.refusal_in(self.headers, self.curl.getinfo(pycurl.RESPONSE_CODE))
        if isinstance(error, GrpcError) and error.status == grpc_framing.DEADLINE_EXCEEDED:
            error = self.late()
        data = b"".join(self.chunks)
        self.chunks.clear()
        self.headers.clear()
        if self.answer.done():
            return
        if error is not None:
            self.answer.set_exception(error)
            return
        try:
            self.answer.set_result(grpc_framing.split(data))
        except TransportError as malformed:
            self.answer.set_exception(malformed)


class Connection:
    """`record` is told of answers and failures."""

    def __init__(self, target: Target, *, record: CallRecord, clock: Clock) -> None:
        self.lost: TransportError | None = None
        self._target = target
        self._record = record
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._curl_loop = CurlLoop(self._on_end)
        self._transfers: dict[pycurl.Curl, Call | Stream] = {}
        self._idle: dict[str, list[Call]] = {}
        """By method."""
        self._closed = False
        self._answered_at = 0.0

    def call(self, method: str, message: bytes, *, headers: Sequence[str], timeout_s: float) -> Call:
        """Begin a call that the server is to answer in `timeout_s`.

        `answer` of what is returned gets its messages, or TransportError, CallTimeoutError or GrpcError.
        """
        idle = self._idle.get(method)
        call = idle.pop() if idle else Call(new_handle(self._target), method=method, url=self._target.url(method))
        call.answer = self._loop.create_future()
        call.started_at = self._clock.monotonic()
        call.say(headers, timeout_s)
        curl = call.curl
        if len(message) > UPLOAD_BYTES:
            curl.setopt(pycurl.UPLOAD_BUFFERSIZE, LARGE_UPLOAD_BYTES)
        curl.setopt(pycurl.POSTFIELDS, grpc_framing.encode(message))
        self._transfers[curl] = call
        self._curl_loop.add(curl)
        return call

    def open_stream(self, method: str, *, headers: Sequence[str]) -> Stream:
        curl = new_handle(self._target)
        curl.setopt(pycurl.URL, self._target.url(method))
        curl.setopt(pycurl.HTTPHEADER, headers)
        stream = Stream(
            curl,
            on_trailers=lambda: self._loop.call_soon(self._end_early, curl),
            on_close=lambda: self.drop(stream, "closed"),
        )
        self._transfers[curl] = stream
        self._curl_loop.add(curl)
        return stream

    def drop(self, transfer: Call | Stream, reason: str) -> None:
        """End a call or stream from this side; nothing happens when it has ended."""
        if self._transfers.pop(transfer.curl, None) is not None:
            self._curl_loop.remove(transfer.curl)
            self._finish(transfer, TransportError(reason))

    def close(self, reason: str) -> None:
        """End everything on it; calling it again does nothing."""
        if self._closed:
            return
        self._closed = True
        if self.lost is None:
            self.lost = TransportError(reason)
        for transfer in list(self._transfers.values()):
            self.drop(transfer, reason)
        for idle in self._idle.values():
            for call in idle:
                call.curl.close()
        self._idle.clear()
        self._curl_loop.close()

    def _finish(self, transfer: Call | Stream, failure: TransportError | None) -> None:
        transfer.end(failure)
        if isinstance(transfer, Call):
            idle = self._idle.setdefault(transfer.method, [])
            if len(idle) < MAX_IDLE:
                idle.append(transfer)
            else:
                transfer.curl.close()

    def _end_early(self, curl: pycurl.Curl) -> None:
        """The server has ended a stream whose upload is paused."""
        stream = self._transfers.pop(curl, None)
        if stream is not None:
            self._curl_loop.remove(curl)
            self._note_answer()
            self._finish(stream, None)

    def _on_end(self, curl: pycurl.Curl, code: int, text: str) -> None:
        transfer = self._transfers.pop(curl)
        if code:
            self._finish(transfer, self._failure_of(transfer, code, text))
        else:
            self._note_answer()
            self._finish(transfer, None)

    def _note_answer(self) -> None:
        self._answered_at = self._clock.monotonic()
        self._record.answered()

    def _failure_of(self, transfer: Call | Stream, code: int, text: str) -> TransportError:
        """What to tell the caller; the connection is lost unless it has shown that it works."""
        works = code == STREAM_RESET
        due = isinstance(transfer, Call) and self._clock.monotonic() >= transfer.started_at + transfer.timeout_s
        if code == pycurl.E_OPERATION_TIMEDOUT and not due:
            failure: TransportError = NotSentError(f"no connection in {BEGIN_S:g} s")
        elif isinstance(transfer, Call) and due and (works or code == pycurl.E_OPERATION_TIMEDOUT):
            failure = transfer.late()
            works = works or self._answered_at > transfer.started_at
        else:
            error_type = NotSentError if never_sent(code) else TransportError
            failure = error_type(words_for(code, transfer.curl.getinfo(pycurl.OS_ERRNO), text))
        if not works:
            self._lose(failure)
        return failure

    def _lose(self, failure: TransportError) -> None:
        """Take no more calls, and end the others once libcurl has returned."""
        if self.lost is None:
            self.lost = failure
            self._record.failed(str(failure))
            self._loop.call_soon(self.close, str(failure))
