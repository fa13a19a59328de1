"""A bundle is cut without losing, doubling or moving a byte, and knows the place of what it was cut from."""

from hypothesis import given
from hypothesis import strategies as st

from sylph_mp.producer.bundle import OVERHEAD_BYTES, Bundle
from sylph_mp.producer.encoding import Encoded, Kind

parts = st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=12)


def bundle_of(each: list[bytes]) -> Bundle:
    return Bundle.of([Encoded("t", Kind.NORMAL, "g", str(place), part) for place, part in enumerate(each)])


def placed(bundle: Bundle) -> list[tuple[int, bytes]]:
    return [(single.first, bytes(single.parts)) for single in bundle.singles()]


@given(each=parts, data=st.data())
def test_cut_again_and_again_it_is_the_same(each, data):
    pieces = [bundle_of(each)]
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(pieces) - 1))
        if pieces[place].count > 1:
            pieces[place : place + 1] = pieces[place].cut(data.draw(st.integers(1, pieces[place].count - 1)))
    assert [one for piece in pieces for one in placed(piece)] == list(enumerate(each))
    assert b"".join(piece.parts for piece in pieces) == b"".join(each)
    assert all((piece.topic, piece.kind, piece.group) == ("t", Kind.NORMAL, "g") for piece in pieces)
    assert sum(piece.weight for piece in pieces) == sum(map(len, each)) + OVERHEAD_BYTES * len(each)


@given(each=parts, weight=st.integers(0, 2500))
def test_as_many_fit_as_are_no_heavier(each, weight):
    bundle = bundle_of(each)
    count = bundle.fitting(weight)
    weights = [sum(map(len, each[:n])) + OVERHEAD_BYTES * n for n in range(len(each) + 1)]
    assert weights[count] <= weight or not count
    assert count == len(each) or weights[count + 1] > weight
