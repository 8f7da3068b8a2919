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
    scratch.claim_figures(variables).close()
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
    scratch.claim_figures(variables).close()
    (tmp_path / "figures" / "counter_1.db").touch()
    (tmp_path / "figures" / "note.txt").touch()
    scratch.claim_figures(variables).close()
    scratch.remove_figures(variables)
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {"note.txt", "lock"}


def test_what_a_killed_gateway_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    alive: dict[str, str] = {}
    dead: dict[str, str] = {}
    scratch.share_figures(alive, str(tmp_path))
    scratch.share_figures(dead, str(tmp_path))
    (tmp_path / "kimi-gateway-being-made").mkdir()
    (tmp_path / "somebody-elses").mkdir()
    scratch.claim_figures(dead).close()
    with scratch.claim_figures(alive):
        scratch.sweep_figures(str(tmp_path))
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {Path(alive[DIRECTORY]).name, "kimi-gateway-being-made", "somebody-elses"}
