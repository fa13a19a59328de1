"""Values keep their meaning: shown and read again they are the same, and the nearest name is the one that is meant."""

from hypothesis import given
from hypothesis import strategies as st

from sylph_mp.config.keys import CONSUMERS
from sylph_mp.config.kinds import Endpoints, Size, UnfitError, show_size
from sylph_mp.config.nearest import distance, nearest

BUFFER = CONSUMERS.keys["buffer"].kind
MEMORY = next(part for part in CONSUMERS.keys["recycle"].parts if part.name == "memory").kind
WORDS = st.text("abcd", max_size=6)


@given(st.integers(1 << 20, 4 << 30))
def test_a_size_is_read_as_it_is_shown(size: int) -> None:
    assert BUFFER.read(show_size(size)) == size
    assert BUFFER.read(BUFFER.from_text(BUFFER.show(size).strip('"'))) == size


@given(st.just(0) | st.integers(16 << 20, 1 << 40))
def test_a_size_that_may_be_none_is_read_as_it_is_shown(size: int) -> None:
    assert MEMORY.read(MEMORY.from_text(MEMORY.show(size).strip('"'))) == size


@given(st.text(max_size=20))
def test_any_text_is_a_size_within_the_bounds_or_none(text: str) -> None:
    try:
        size = Size(10, 1000).read(text)
    except UnfitError:
        return
    assert 10 <= size <= 1000


@given(st.lists(st.tuples(st.sampled_from(["a.b", "127.0.0.1", "[::1]"]), st.integers(0, 65535)), min_size=1))
def test_endpoints_keep_their_order(addresses: list[tuple[str, int]]) -> None:
    texts = [f"{host}:{port}" for host, port in addresses]
    assert Endpoints().read(" ; ".join(texts)) == tuple(dict.fromkeys(texts))


@given(WORDS, WORDS, WORDS)
def test_distance_is_one(first: str, second: str, third: str) -> None:
    assert (distance(first, second) == 0) == (first == second)
    assert distance(first, second) == distance(second, first)
    assert abs(len(first) - len(second)) <= distance(first, second) <= max(len(first), len(second))


@given(st.text("abcdefgh", min_size=4, max_size=8), st.data())
def test_a_swapped_pair_is_found(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(name) - 2))
    wrong = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    if wrong != name:
        assert nearest(wrong, [name, "something else"]) == [name]
