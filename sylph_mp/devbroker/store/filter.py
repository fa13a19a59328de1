"""Which messages a consumer wants: a tag expression, or SQL92.

Pure. `*` and "" want all; `a || b` wants either tag.
"""

from collections.abc import Callable

from sylph_mp.devbroker.store.record import Record

Filter = Callable[[Record], bool]


def by_tags(expression: str) -> Filter:
    tags = {tag.strip() for tag in expression.split("||")} - {""}
    if not tags or "*" in tags:
        return lambda _: True
    return lambda record: record.tag in tags
