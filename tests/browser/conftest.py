"""The whole product with its page, and Chromium to look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.visiting import ADMIN_KEY, Visit
from tests.programs import program
from tests.sharing import of_folder
from tests.system import leaks
from tests.system.stack import Stack

Visits = Callable[..., Visit]

PLAIN_HOST: Final = "gateway.test"
"""The same machine, under a name for which Chromium keeps its rules for plain HTTP."""
_FLAGS: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    f"--host-resolver-rules=MAP {PLAIN_HOST} 127.0.0.1",
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_NAMES: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first shows no windows, and takes a third of the others' work."""


@pytest.fixture(scope="module")
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A few accounts of each kind behind a gateway with a page."""
    return of_folder(request, _house, tmp_path_factory)


@contextmanager
def _house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(
        tmp_path_factory.mktemp("house"),
        workers=1,
        env={"GATEWAY_ADMIN_KEY": ADMIN_KEY},
        simulator_options=["--directives"],
    )
    stack.start(kimi=2, kimi_classic=1, moonshot=1)
    try:
        yield stack
        leaks.wait_for_rest(stack, meanwhile=leaks.make_due)
    finally:
        stack.stop()


@pytest.fixture
def bare_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A gateway without accounts, and without a refresher that would look after those that a test enters."""
    stack = Stack(tmp_path_factory.mktemp("bare"), workers=1, env={"GATEWAY_ADMIN_KEY": ADMIN_KEY})
    stack.refreshers.clear()
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Browser:
    """Chromium, for this folder: as long as Playwright is there, nothing else in this thread can run an event loop."""
    return of_folder(request, _browser)


@contextmanager
def _browser() -> Iterator[Browser]:
    found = program("chromium", *_NAMES)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def visits(house: Stack, browser: Browser) -> Iterator[Visits]:
    """Opens the page of the house, or of `url`, as a browser with these options; nothing may be wrong at the end."""
    with ExitStack() as opened:

        def visit(url: str = "", **options: Any) -> Visit:
            return opened.enter_context(Visit.opened(browser, url or house.url, options))

        yield visit


@pytest.fixture
def visit(visits: Visits) -> Visit:
    """The page, signed in."""
    visit = visits()
    visit.sign_in()
    return visit
