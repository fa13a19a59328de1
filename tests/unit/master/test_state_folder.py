"""A state folder that is of no use is an error when the master starts, not at the first crash."""

from pathlib import Path

import pytest

from sylph_mp.errors import Problem, ResourceError
from sylph_mp.master import state_folder


def problem_there(what: str, *, why: str = "", fix: str = "") -> Problem:
    return Problem(place="config.toml:30:9", what=what, why=why, fix=fix)


def test_it_is_made_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "var" / "sylph.state"

    state_folder.prepare(folder, problem=problem_there)
    state_folder.prepare(folder, problem=problem_there)

    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.iterdir()) == []


def test_a_file_in_its_place_is_an_error_that_says_where_it_was_configured(tmp_path: Path) -> None:
    folder = tmp_path / "sylph.state"
    folder.write_text("")

    with pytest.raises(ResourceError) as caught:
        state_folder.prepare(folder, problem=problem_there)

    [problem] = caught.value.problems
    assert (problem.place, problem.what) == ("config.toml:30:9", "the state folder cannot be used: File exists")
    assert problem.why is not None
    assert str(folder) in problem.why


def test_a_disk_that_takes_nothing_is_an_error() -> None:
    with pytest.raises(ResourceError, match="cannot be used"):
        state_folder.prepare(Path("/proc/sylph.state"), problem=problem_there)


def test_what_a_killed_master_was_writing_is_removed(tmp_path: Path) -> None:
    (tmp_path / "crashes").mkdir()
    (tmp_path / "crashes" / "1.json").write_text("{}")
    (tmp_path / "crashes" / ".2.json.41.unfinished").write_text("{")

    state_folder.prepare(tmp_path, problem=problem_there)

    assert [path.name for path in (tmp_path / "crashes").iterdir()] == ["1.json"]
