"""Whatever is found in a TOML text stands where it is said to stand, and nothing is found that is not there."""

import tomllib
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from sylph_mp.config.locate import locate

NAMES = st.sampled_from(["a", "b-c", "topics", '"x y"', "'q'", "d_1"])
VALUES = st.recursive(
    st.sampled_from(
        [
            "1",
            '"t # no comment"',
            "'l'",
            '"""m\n[x]\ny = 1\n"""',
            "'''\na = 2\n'''",
            "true",
            '"e\\"q"',
            "1979-05-27 07:32:00",
        ]
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: "[" + ",\n  ".join(parts) + " ] # end"),
        st.lists(st.tuples(NAMES, inner.filter(lambda text: "\n" not in text and "#" not in text)), max_size=2).map(
            lambda pairs: "{ " + ", ".join(f"{name} = {value}" for name, value in pairs) + " }"
        ),
    ),
    max_leaves=4,
)
LINES = st.one_of(
    st.tuples(st.lists(NAMES, min_size=1, max_size=3), VALUES).map(lambda pair: f"{'.'.join(pair[0])} = {pair[1]}"),
    st.lists(NAMES, min_size=1, max_size=2).map(lambda names: f"[{' . '.join(names)}]"),
    NAMES.map(lambda name: f"[[{name}]]"),
    st.sampled_from(["# comment = 1", "", "   "]),
)


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


@given(st.lists(LINES, max_size=8).map("\n".join))
@example('[a]\n"x y" . b-c = { d_1 = 1 } # c\n')
def test_spots_are_where_the_parser_reads_them(text: str) -> None:
    data = _parsed(text)
    if data is None:
        return
    lines = text.split("\n")
    for path, spot in locate(text, data).items():
        written = lines[spot.line - 1][spot.column - 1 : spot.column - 1 + spot.width]
        assert written.strip("\"'") == path[-1]
        if spot.value_column is not None:
            assert lines[spot.line - 1].startswith(spot.value, spot.value_column - 1)
            value: Any = data
            for name in path:
                value = value[name]
            assert tomllib.loads(f"v = {spot.value}")["v"] == value


@given(st.lists(NAMES, min_size=1, max_size=4, unique=True), VALUES)
def test_every_key_of_a_plain_text_is_found(names: list[str], value: str) -> None:
    text = "\n".join(f"{name} = {value}" for name in names)
    if (data := _parsed(text)) is None:
        return
    assert {path[0] for path in locate(text, data)} == set(data)


@given(st.text(max_size=200))
def test_any_text_at_all_does_no_harm(text: str) -> None:
    assert locate(text, {}) == {}
