import pytest
from rocketmq.grpc_protocol import service_pb2

from sylph_mp.errors import HandleExpiredError, StatusError
from sylph_mp.rocketmq.answers import deliveries_in, settled_by
from sylph_mp.rocketmq.status import Code

ENTRIES = [("id1", "h1"), ("id2", "h2"), ("id1", "h1"), ("id3", "h3")]


def ack_answer(code, outcomes=()):
    response = service_pb2.AckMessageResponse()
    response.status.code = code
    for handle, entry_code in outcomes:
        entry = response.entries.add(receipt_handle=handle)
        entry.status.code = entry_code
    return response


def receive_answer(code):
    response = service_pb2.ReceiveMessageResponse()
    response.status.code = code
    return [response.SerializeToString()]


def test_entries_are_matched_by_handle_in_whatever_order_they_come():
    outcomes = [("h3", Code.OK), ("h2", Code.INVALID_RECEIPT_HANDLE), ("h1", Code.INTERNAL_SERVER_ERROR)]
    settled = settled_by(ENTRIES, ack_answer(Code.MULTIPLE_RESULTS, outcomes))
    assert isinstance(settled[1].error, HandleExpiredError)
    assert [getattr(one.error, "code", None) for one in settled] == [50001, 40013, 50001, None]


def test_an_entry_that_is_left_out_is_not_settled():
    settled = settled_by(ENTRIES, ack_answer(Code.MULTIPLE_RESULTS, [("h1", Code.OK)]))
    assert [one.error is None for one in settled] == [True, False, True, False]


def test_an_error_without_entries_is_that_of_all():
    settled = settled_by(ENTRIES, ack_answer(Code.FORBIDDEN))
    assert [one.error.code for one in settled] == [40300] * 4


def test_ok_settles_all():
    assert all(one.error is None for one in settled_by(ENTRIES, ack_answer(Code.OK)))


def test_no_message_is_an_empty_receive():
    assert deliveries_in(receive_answer(Code.MESSAGE_NOT_FOUND)) == []


def test_a_refused_receive_raises():
    with pytest.raises(StatusError) as caught:
        deliveries_in(receive_answer(Code.TOO_MANY_REQUESTS))
    assert caught.value.code == 42900
