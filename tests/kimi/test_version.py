from __future__ import annotations

import tomllib
from pathlib import Path

from kimi.version import VERSION

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_it_is_the_release_of_the_project() -> None:
    assert tomllib.loads(PROJECT.read_text())["project"]["version"] == VERSION
