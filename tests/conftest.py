"""The order of a run: what is quick and says most precisely what is wrong comes first."""

from pathlib import Path

import pytest

ORDER = ("architecture", "unit", "property", "contract", "scenarios")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent

    def rank(item: pytest.Item) -> int:
        folder = item.path.relative_to(here).parts[0]
        return ORDER.index(folder) if folder in ORDER else len(ORDER)

    items.sort(key=rank)
