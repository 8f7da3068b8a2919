from __future__ import annotations

from pathlib import Path

import pytest

from gateway import scratch
from gateway.scratch import DIRECTORY


def test_memory_is_used_where_there_is_some(tmp_path: Path) -> None:
    assert scratch.in_memory(tmp_path) == str(tmp_path)
    assert scratch.in_memory(tmp_path / "nowhere") is None


@pytest.mark.parametrize("variables", [{}, {DIRECTORY: ""}])
def test_a_directory_of_its_own_comes_and_goes(tmp_path: Path, variables: dict[str, str]) -> None:
    scratch.share_figures(variables, str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    scratch.forget_figures(variables)
    assert [str(path) for path in tmp_path.iterdir()] == [variables[DIRECTORY]]
    assert Path(variables[DIRECTORY]).stat().st_mode & 0o077 == 0
    scratch.remove_figures(variables)
    assert list(tmp_path.iterdir()) == []


def test_without_memory_the_system_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    variables: dict[str, str] = {}
    scratch.share_figures(variables, None)
    assert Path(variables[DIRECTORY]).parent == tmp_path


def test_a_directory_of_the_operator_is_emptied_and_stays(tmp_path: Path) -> None:
    variables = {DIRECTORY: str(tmp_path / "figures")}
    scratch.share_figures(variables, "/elsewhere")
    scratch.forget_figures(variables)
    (tmp_path / "figures" / "counter_1.db").touch()
    (tmp_path / "figures" / "note.txt").touch()
    scratch.forget_figures(variables)
    scratch.remove_figures(variables)
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["note.txt"]
