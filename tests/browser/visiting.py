"""One who looks at the operator's page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

ADMIN_KEY: Final = "an-admin-key-for-tests"
WAIT_MS: Final = 20_000
"""What a page may take on a busy machine; nothing is measured with it."""
_EXPECTED: Final = ("Failed to load resource", "The Cross-Origin-Opener-Policy header has been ignored")
"""What a browser says itself of an answer that is no success, and of a page that came over plain HTTP."""


@dataclass
class Visit:
    """A page in a browser of its own, and what the browser has complained about."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    @classmethod
    @contextmanager
    def opened(cls, browser: Browser, url: str, options: Mapping[str, Any]) -> Iterator[Visit]:
        """A new browser that shows nothing yet. Fails in the end where the console has something wrong in it."""
        wishes = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", "timezone_id": "UTC", **options}
        context = browser.new_context(**wishes)
        context.set_default_timeout(WAIT_MS)
        expect.set_options(timeout=WAIT_MS)
        visit = cls(context.new_page(), url)
        visit.page.on("console", visit._heard)
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        try:
            yield visit
            assert not visit.complaints, visit.complaints
        finally:
            context.close()

    def go(self, view: str) -> None:
        """Shows a view, as an address that somebody has kept."""
        self.page.goto(f"{self.url}/admin#/{view}")

    def look(self, view: str) -> None:
        """Goes on to another view, by its link."""
        self.page.locator(f'.nav [data-view="{view}"]').click()
        expect(self.page.locator(f".view.{view} h1")).to_have_count(1)

    def sign_in(self, view: str = "accounts", key: str = ADMIN_KEY) -> None:
        """Comes in, and waits until the page is live."""
        self.come_in(view, key)
        expect(self.page.locator(".foot .dot.open")).to_be_visible()

    def come_in(self, view: str = "accounts", key: str = ADMIN_KEY) -> None:
        """The same without waiting."""
        self.go(view)
        self.page.get_by_label("Admin key", exact=True).or_(self.page.locator("#key")).fill(key)
        self.page.keyboard.press("Enter")

    def row(self, name: str) -> Locator:
        """The row of an account."""
        return self.page.locator(".rows .line:visible", has=self.page.get_by_text(name, exact=True))

    def dialog(self) -> Locator:
        """The dialog that is open on top."""
        return self.page.locator("dialog[open]").last

    def close(self) -> None:
        """Closes the dialog that is open on top, and waits until what follows from that has been done."""
        dialogs = self.page.locator("dialog")
        before = dialogs.count()
        self.page.keyboard.press("Escape")
        expect(dialogs).to_have_count(before - 1)  # no longer open is not gone yet: the page hears of it a moment later

    def button(self, name: str) -> Locator:
        """The button of that name, in the dialog where one is open."""
        inside = self.dialog() if self.page.locator("dialog[open]").count() else self.page
        return inside.get_by_role("button", name=name, exact=True)

    def focused(self) -> str:
        """What has the focus: its role, or else its tag, and its words."""
        told = self.page.evaluate(
            "(() => { const e = document.activeElement;"
            " return `${e.role ?? e.localName} ${e.ariaLabel ?? e.innerText}`.trim(); })()"
        )
        return str(told)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(_EXPECTED):
            self.complaints.append(message.text)
