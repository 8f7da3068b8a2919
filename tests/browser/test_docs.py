"""The API page in a browser: readable on every screen, by keyboard, without JavaScript, on paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.system.stack import Stack

Opens = Callable[..., Page]


@pytest.fixture
def docs(house: Stack, browser: Browser) -> Iterator[Opens]:
    """Opens the page as a browser with these options; it asks nobody else, and nothing is wrong with it at the end."""
    wrong: list[str] = []
    with ExitStack() as opened:

        def opens(**options: Any) -> Page:
            context = opened.enter_context(browser.new_context(**options))
            page = context.new_page()
            page.on("console", lambda message: wrong.append(message.text))
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("request", lambda asked: wrong.extend([] if asked.url.startswith(house.url) else [asked.url]))
            page.goto(f"{house.url}/docs")
            return page

        yield opens
    assert wrong == []


def _serious(page: Page, context: str | None = None, **options: Any) -> list[str]:
    """What axe finds in that part of the page. What passes it does not describe, which takes its time."""
    found = Axe().run(page, context, {"resultTypes": ["violations"], **options}).response["violations"]
    return [each["id"] for each in found if each["impact"] in ("serious", "critical")]


def test_axe_finds_no_serious_fault(docs: Opens) -> None:
    assert _serious(docs(color_scheme="light")) == []


def test_axe_finds_the_dark_colours_apart_as_well(docs: Opens) -> None:
    assert _serious(docs(color_scheme="dark"), "#post-v1-chat-completions", runOnly=["color-contrast"]) == []


@pytest.mark.parametrize("width", [360, 800, 1440])
def test_nothing_sticks_out_at_any_width(docs: Opens, width: int) -> None:
    page = docs(viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == width
    expect(page.get_by_role("heading", name="Kimi gateway")).to_be_in_viewport()


def test_a_command_is_copied(docs: Opens, house: Stack) -> None:
    page = docs(permissions=["clipboard-read", "clipboard-write"])
    article = page.locator("#post-v1-chat-completions")
    article.get_by_role("button", name="Copy").first.click()
    expect(article.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"curl {house.url}/v1/chat/completions \\\n")
    assert copied == article.locator("pre code").first.text_content()


def test_the_navigation_leads_and_shows_where_one_is(docs: Opens) -> None:
    page = docs(viewport={"width": 1440, "height": 800})
    link = page.get_by_role("navigation").get_by_role("link", name="POST /v1/messages", exact=True)
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#post-v1-messages")).to_be_in_viewport()
    expect(link).to_have_attribute("aria-current", "true")


def test_it_is_whole_without_javascript(docs: Opens) -> None:
    page = docs(java_script_enabled=False)
    example = page.locator("#post-v1-chat-completions .samples details").nth(1)
    expect(example.locator("pre")).to_be_hidden()
    example.locator("summary").click()
    expect(example.locator("pre")).to_be_visible()
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)


def test_on_paper_every_example_is_open_and_nothing_else_is_in_the_way(docs: Opens) -> None:
    page = docs()
    closed = page.locator("#post-v1-chat-completions .samples details").nth(1).locator("pre")
    expect(closed).to_be_hidden()
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation")).to_be_hidden()
    assert closed.evaluate("each => each.getBoundingClientRect().height") > 50
