from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.tooling.kubernetes.manifests import BASE, OVERLAYS, Object, filled_in, rendered

Render = Callable[[str], list[Object]]


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled_in(tmp_path_factory.mktemp("deploy"))


@pytest.fixture(scope="session")
def render(copy: Path) -> Render:
    """The objects of the base or of an overlay; nobody may change them."""
    return cache(lambda name: rendered(copy, name))


@pytest.fixture(params=(BASE, *OVERLAYS))
def objects(render: Render, request: pytest.FixtureRequest) -> list[Object]:
    return render(request.param)
