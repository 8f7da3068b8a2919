"""Which files of tests run one behind the other in one process: those that share a house, which takes long to start."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Final, TypeVar

import pytest
from xdist.scheduler import LoadFileScheduling

T = TypeVar("T")
_SHARED: Final = pytest.StashKey[dict[object, Any]]()

_WHOLE: Final = frozenset({"tests/browser", "tests/monitoring"})
"""Folders whose tests share one house."""
_HALVED: Final = "tests/features"
_MIDDLE: Final = "test_m"
"""That folder has so many tests that two processes take them, with a house each: files before this name, and others."""


class Together(LoadFileScheduling):  # type: ignore[misc]
    """Gives each process files of tests, and those that share a house to the same one."""

    def _split_scope(self, nodeid: str) -> str:
        return sharing(super()._split_scope(nodeid))


def sharing(file: str) -> str:
    """What files of tests have in common that go to the same process."""
    folder, _, name = file.rpartition("/")
    if folder in _WHOLE:
        return folder
    return f"{folder} {name < _MIDDLE}" if folder == _HALVED else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together | None:
    """How tests are handed out with `--dist loadfile`."""
    return Together(config, log) if config.getoption("dist") == "loadfile" else None


def of_folder(request: pytest.FixtureRequest, make: Callable[..., AbstractContextManager[T]], *arguments: object) -> T:
    """What `make` makes of `arguments`, for a fixture of a module: once for all files of the folder, to their end.

    What lasted as long as the session would be at work beside all other tests, and keep its end waiting.
    """
    folder = request.node.parent
    shared = folder.stash.setdefault(_SHARED, {})
    if make not in shared:
        stack = ExitStack()
        shared[make] = stack.enter_context(make(*arguments))
        stack.callback(shared.pop, make)
        folder.addfinalizer(stack.close)
    found: T = shared[make]
    return found
