"""The texts are those that a LOCAL and a CLUSTER proxy of RocketMQ 5.5.0 sent."""

import pytest

from sylph_mp.rocketmq.receipt_handle import broker_of, repair

RECEIVED = "11 1795434218227 12000 4 0 broker-a 0 11 1071498064"
#: Of a message that is not the first of its batch: the batch's start offset, and a zero that does not belong there.
RENEWED_BY_LOCAL = "10 1795434218227 12000 4 0 broker-a 0 11 0 1071498064"


def test_a_local_proxys_handle_gets_its_own_start_offset_and_loses_the_inserted_zero():
    assert repair(RENEWED_BY_LOCAL) == RECEIVED


@pytest.mark.parametrize("handle", [RECEIVED, "0 1795442899868 30000 999 0 broker-a 5 0 3436"])
def test_a_correct_handle_stays_as_it_is(handle):
    assert repair(handle) == handle


@pytest.mark.parametrize("handle", ["", "opaque", "v2:Zm9v", "1 2 3"])
def test_a_handle_in_another_form_stays_as_it_is(handle):
    assert repair(handle) == handle
    assert broker_of(handle) is None


def test_repairing_twice_changes_nothing():
    assert repair(repair(RENEWED_BY_LOCAL)) == repair(RENEWED_BY_LOCAL)


def test_the_broker_is_in_the_handle():
    assert broker_of(RECEIVED) == "broker-a"
