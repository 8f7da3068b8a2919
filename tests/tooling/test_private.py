from __future__ import annotations

from typing import TYPE_CHECKING

from devtools.private import private

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    made = private(tmp_path / "note")
    assert (made.read_text(), made.stat().st_mode & 0o777) == ("", 0o600)


def test_one_that_others_could_read_keeps_what_it_holds(tmp_path: Path) -> None:
    old = tmp_path / "note"
    old.write_text("kept")
    old.chmod(0o644)
    assert private(old).read_text() == "kept"
    assert old.stat().st_mode & 0o777 == 0o600
