"""Two houses for all features: accounts of one web dialect each, and official keys beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from tests.features.kinds import CLASSIC, CONNECT, OFFICIAL_MODEL, WEB
from tests.features.pages import Pages
from tests.sharing import of_folder
from tests.system import leaks
from tests.system.stack import Stack

House = Callable[[str], Stack]

_ORG: Final = {"org": "shared"}
_ACCOUNTS: Final[dict[str, dict[str, Any]]] = {
    CLASSIC: {"kimi_classic": 2, "moonshot": [_ORG, _ORG, {}]},
    CONNECT: {"kimi": [{"plan": "free"}, {}], "moonshot": [{"models": [OFFICIAL_MODEL, "kimi-k2.6"]}]},
}
_SETTINGS: Final = {
    "GATEWAY_PASSTHROUGH": "1",
    "KIMI_CONVERSATION_SECONDS": "600",
    "GATEWAY_HEARTBEAT_SECONDS": "1",
    "KIMI_ALLOW_PRIVATE_URLS": "127.0.0.1/32",
    "KIMI_MODEL_ALIASES": "gpt-4o=kimi-search",
}


@pytest.fixture(scope="module")
def houses(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> House:
    """The running house of a kind of web account."""
    return of_folder(request, _houses, tmp_path_factory)


@contextmanager
def _houses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    running: dict[str, Stack] = {}

    def house(kind: str) -> Stack:
        if kind not in running:
            stack = Stack(tmp_path_factory.mktemp("house"), workers=1, env={**_SETTINGS, "KIMI_KIND": kind})
            running[kind] = stack
            stack.start(**_ACCOUNTS[kind])
        return running[kind]

    try:
        yield house
        for stack in running.values():
            leaks.wait_for_rest(stack, meanwhile=leaks.make_due)
    finally:
        for stack in running.values():
            stack.stop()


@pytest.fixture(params=WEB)
def house(houses: House, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The houses of both web dialects, one after the other."""
    yield from _undisturbed(houses(request.param))


@pytest.fixture
def classic(houses: House) -> Iterator[Stack]:
    """The house whose web accounts are `kimi-classic`."""
    yield from _undisturbed(houses(CLASSIC))


@pytest.fixture
def connect(houses: House) -> Iterator[Stack]:
    """The house whose web accounts are `kimi`."""
    yield from _undisturbed(houses(CONNECT))


def _undisturbed(stack: Stack) -> Iterator[Stack]:
    settings = stack.simulator.state()["settings"]
    del settings["seed"]  # its ids would come a second time
    yield stack
    stack.simulator.forget_faults()
    stack.simulator.settings(**settings)


@pytest.fixture(scope="session")
def pages() -> Iterator[Pages]:
    """A web server on this machine."""
    with Pages() as served:
        yield served
