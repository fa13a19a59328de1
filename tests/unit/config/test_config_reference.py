"""The reference page is what the keys say, and the keys are those of the schema."""

from pathlib import Path

import msgspec
import pytest

from sylph_mp.config.key import Table
from sylph_mp.config.keys import CONSUMERS, CONTROL, INSTANCE, TOPIC
from sylph_mp.config.reference import PAGE, page
from sylph_mp.config.schema import Consumers, Control, Instance, Topic

ROOT = Path(__file__).parents[3]


def test_the_page_is_current() -> None:
    assert (ROOT / PAGE).read_text() == page(), "run: python -m sylph_mp.config.reference"


@pytest.mark.parametrize(
    ("table", "schema"), [(INSTANCE, Instance), (CONSUMERS, Consumers), (TOPIC, Topic), (CONTROL, Control)]
)
def test_every_field_has_a_key_and_every_key_a_field(table: Table, schema: type[msgspec.Struct]) -> None:
    assert set(table.keys) == {field.name for field in msgspec.structs.fields(schema)} - {"name"}


@pytest.mark.parametrize("table", [INSTANCE, CONSUMERS, TOPIC, CONTROL])
def test_defaults_are_within_their_own_bounds(table: Table) -> None:
    for key in table.keys.values():
        for each in key.parts or (key,):
            if isinstance(each.default, int | float):
                assert each.kind.read(each.default) == each.default
