"""The table of features points at tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "features.md"
LINKS = sorted(set(re.findall(r"\]\(([^)]+)\)", PAGE.read_text("utf-8"))))


@pytest.mark.parametrize("link", LINKS)
def test_every_link_leads_to_a_test(link: str) -> None:
    path, _, name = link.partition("#")
    code = (PAGE.parent / path).resolve().read_text("utf-8")
    assert re.search(rf"^def {re.escape(name)}\(", code, re.MULTILINE), name


def test_every_cell_says_something() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    cells = [cell.strip() for row in rows for cell in re.split(r"(?<!\\)\|", row.strip())[1:-1]]
    assert len(LINKS) > 50
    assert all(cells)
    assert {len(re.split(r"(?<!\\)\|", row.strip())) for row in rows} == {6}
