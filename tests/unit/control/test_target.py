import pytest

from sylph_mp.control.target import Fleet, Slot, Topic, parse_target
from sylph_mp.errors import UsageError


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("fleet", Fleet()), ("3", Slot(3)), ("orders", Topic("orders")), ("topic:3", Topic("3")),
        ("topic:fleet", Topic("fleet")), ("topic:", Topic("topic:")), ("3x", Topic("3x")),
    ],
)  # fmt: skip
def test_a_target_reads_and_writes_the_same(text, target):
    assert parse_target(text) == target
    assert parse_target(str(target)) == target


@pytest.mark.parametrize("text", ["", "0"])
def test_no_target(text):
    with pytest.raises(UsageError):
        parse_target(text)
