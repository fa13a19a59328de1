import pytest

from sylph_mp.errors import GrpcError, TransportError
from sylph_mp.rocketmq import grpc_framing


def test_messages_come_back_from_frames_whatever_their_length():
    messages = [b"", b"a", b"b" * 70_000]
    data = b"".join(grpc_framing.encode(message) for message in messages)
    assert data[:5] == b"\0\0\0\0\0"
    assert grpc_framing.split(data) == messages


def test_a_stream_is_read_in_pieces_of_any_size():
    data = b"".join(grpc_framing.encode(message) for message in (b"one", b"", b"three"))
    buffer, taken = bytearray(), []
    for byte in data:
        buffer.append(byte)
        taken += grpc_framing.take(buffer)
    assert taken == [b"one", b"", b"three"]
    assert not buffer


@pytest.mark.parametrize("data", [grpc_framing.encode(b"abc")[:-1], b"\0\0\0", b"\1\0\0\0\1x"])
def test_an_answer_that_is_cut_short_or_compressed_is_none(data):
    with pytest.raises(TransportError):
        grpc_framing.split(data)


def test_the_trailers_decide():
    assert grpc_framing.refusal_in([b"HTTP/2 200\r\n", b"grpc-status: 0\r\n"], 200) is None
    refusal = grpc_framing.refusal_in([b"grpc-status: 3\r\n", b"grpc-message: group not found%3A g%20%C3%A4\r\n"], 200)
    assert isinstance(refusal, GrpcError)
    assert (refusal.status, refusal.message) == (3, "group not found: g ä")


@pytest.mark.parametrize(("http_status", "grpc_status"), [(401, 16), (403, 7), (503, 14), (415, 2)])
def test_an_http_error_without_trailers_has_the_grpc_status_that_the_protocol_gives_it(http_status, grpc_status):
    refusal = grpc_framing.refusal_in([b"HTTP/2 503\r\n"], http_status)
    assert isinstance(refusal, GrpcError)
    assert (refusal.status, refusal.message) == (grpc_status, f"HTTP status {http_status}")


def test_an_answer_without_status_is_no_answer():
    assert isinstance(grpc_framing.refusal_in([b"HTTP/2 200\r\n"], 200), TransportError)
