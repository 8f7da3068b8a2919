"""Real processes, and somebody who breaks them."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from tests.faults.table import Ledger
from tests.system import leaks


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, Any, Any]:
    """Behind every test, before its own stacks are stopped: nothing may be left anywhere."""
    result = yield
    leaks.check_all()
    return result


@pytest.fixture
def promise(request: pytest.FixtureRequest) -> Ledger:
    """Takes what a test has tried, for the table; the test's file says in `PROMISE` which promise it is about."""
    return Ledger(request.node, request.module.PROMISE)
