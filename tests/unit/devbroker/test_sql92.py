"""SQL92 filters: a table of expressions."""

import pytest

from sylph_mp.devbroker.store.refusal import RefusedError
from sylph_mp.devbroker.store.sql92 import by_sql


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("n = 5", True),
        ("n <> 5", False),
        ("n > 4.5 AND n <= 5", True),
        ("n > -1", True),
        ("n BETWEEN 1 AND 5", True),
        ("n NOT BETWEEN 1 AND 5", False),
        ("color = 'red'", True),
        ("color = 'it''s'", False),
        ("color IN ('blue', 'red')", True),
        ("color NOT IN ('blue', 'red')", False),
        ("color = 'blue' OR n = 5 AND color = 'red'", True),
        ("(color = 'blue' OR n = 5) AND color = 'blue'", False),
        ("NOT (color = 'blue')", True),
        ("missing IS NULL AND color IS NOT NULL", True),
        ("missing = 1", False),
        ("NOT (missing = 1)", False),
        ("missing > 1 OR n = 5", True),
        ("color > 3", False),
        ("paid = TRUE", True),
        ("TAGS = 'x'", True),
        ("color STARTSWITH 're' AND color ENDSWITH 'ed' AND color CONTAINS 'e'", True),
    ],
)
def test_an_expression(bench, expression, wanted):
    record = bench().record(tag="x", n="5", color="red", paid="true")
    assert by_sql(expression)(record) is wanted


@pytest.mark.parametrize(
    "expression", ["", "a >", "a = 'open", "(a = 1", "a = 1)", "a IN ()", "a BETWEEN 1", "AND", "a = -'1'"]
)
def test_what_is_no_expression(expression):
    with pytest.raises(RefusedError, match="parse the consumer's subscription failed"):
        by_sql(expression)
