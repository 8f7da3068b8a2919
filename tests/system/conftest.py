"""Stacks of real processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from devtools.waiting import until
from tests.system.stack import Stack

StartStack = Callable[..., Stack]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack for a module: accounts of every kind."""
    stack = Stack(tmp_path_factory.mktemp("stack"))
    stack.start(kimi=2, kimi_classic=2, moonshot=1)
    yield stack
    stack.stop()


@pytest.fixture
def clean(stack: Stack) -> Iterator[Stack]:
    """The module's stack; afterwards nothing of the test's requests may be left anywhere."""
    yield stack
    stack.simulator.forget_faults()
    until(stack.settled, what="every stream is closed and every chat deleted")


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
