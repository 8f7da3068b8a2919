"""Stacks of real processes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from tests.system import leaks
from tests.system.stack import Stack

StartStack = Callable[..., Stack]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, Any, Any]:
    """Behind every test, before its own stacks are stopped: nothing may be left anywhere."""
    result = yield
    leaks.check_all()
    return result


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for a module: accounts of every kind."""
    stack = Stack(tmp_path_factory.mktemp("stack"))
    stack.start(kimi=2, kimi_classic=2, moonshot=1)
    yield stack
    stack.stop()


@pytest.fixture
def start_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartStack]:
    """Starts a stack of the test's own."""
    stacks: list[Stack] = []

    def start(accounts: dict[str, int], **options: Any) -> Stack:
        stacks.append(Stack(tmp_path_factory.mktemp("stack"), **options))
        stacks[-1].start(**accounts)
        return stacks[-1]

    yield start
    for stack in stacks:
        stack.stop()
