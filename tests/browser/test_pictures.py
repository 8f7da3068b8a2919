"""The pictures of the documentation, of made-up accounts; only made where `PICTURES=1` asks for them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import expect

from kimi.pool import Store, connect
from kimi.pool.client_terms import ClientLimits
from kimi.pool.clients import Clients
from tests.browser.conftest import Visits
from tests.browser.crowd import Crowd
from tests.browser.visiting import Visit
from tests.system.stack import Stack

FOLDER: Final = Path(__file__).parents[2] / "docs" / "pictures"
MOST_BYTES: Final = 200_000
PHONE: Final = {
    "viewport": {"width": 360, "height": 720},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
}
ANSWER: Final = """Three things keep it **steady**:

1. Tokens are renewed before they expire.
2. No account gets more than its `max_concurrency`.
3. What fails is set aside, with the reason.

```python
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="")
```"""

LANGUAGES: Final = [("en-GB", ""), ("zh-CN", "-zh")]
WORDS: Final = {
    "en-GB": ("Thinking", "Question", "tokens in", "What keeps a pool of accounts steady?"),
    "zh-CN": ("思考", "问题", "token，输出", "怎样让账号池保持稳定？"),
}
"""Of the playground: two labels, what stands below an answer, and what is asked."""

pytestmark = pytest.mark.skipif(os.environ.get("PICTURES") != "1", reason="PICTURES=1 makes the pictures of the docs")


@pytest.fixture
def crowd(bare_house: Stack) -> Iterator[Crowd]:
    with connect(bare_house.valkey.url) as redis:
        crowd = Crowd(Store(redis))
        crowd.enter(160, fresh=160)
        crowd.live()
        yield crowd


def _take(visit: Visit, name: str) -> None:
    path = FOLDER / f"{name}.png"
    visit.page.evaluate("document.activeElement.blur()")
    picture = visit.page.screenshot(animations="disabled")
    assert len(picture) < MOST_BYTES
    path.write_bytes(picture)


def _overview(visit: Visit) -> None:
    visit.sign_in("overview")
    expect(visit.page.locator(".chart")).to_have_count(4)
    expect(visit.page.locator(".tile.usable .dot.active").first).to_be_visible()


@pytest.mark.parametrize(("locale", "ending"), LANGUAGES)
def test_the_pool(visits: Visits, bare_house: Stack, crowd: Crowd, locale: str, ending: str) -> None:
    clients = Clients(crowd.store)
    clients.create("one-api")
    clients.create("notebooks", ClientLimits(requests_per_minute=60, tokens_per_day=2_000_000, models=("kimi",)))
    clients.create("codex", ClientLimits(concurrent=8))

    visit = visits(bare_house.url, locale=locale)
    _overview(visit)
    _take(visit, f"admin-overview{ending}")
    visit.look("accounts")
    _take(visit, f"admin-accounts{ending}")
    visit.look("keys")
    expect(visit.page.get_by_role("row", name="codex")).to_be_visible()
    _take(visit, f"admin-keys{ending}")


@pytest.mark.usefixtures("crowd")
def test_other_looks_of_the_pool(visits: Visits, bare_house: Stack) -> None:
    visit = visits(bare_house.url, color_scheme="dark")
    _overview(visit)
    _take(visit, "admin-overview-dark")
    visit.look("accounts")
    visit.page.get_by_role("button", name="Dead").click()
    visit.page.locator(".rows .line:visible").nth(2).click()
    expect(visit.dialog()).to_contain_text("Dead")
    _take(visit, "admin-details-dark")

    visit = visits(bare_house.url, **PHONE)
    visit.sign_in()
    expect(visit.page.locator(".rows .line:visible")).not_to_have_count(0)
    _take(visit, "admin-phone")


@pytest.mark.parametrize(("locale", "ending"), LANGUAGES)
def test_the_playground(visits: Visits, house: Stack, locale: str, ending: str) -> None:
    visit = visits(locale=locale)
    visit.sign_in("playground")
    thinking, question, figures, asked = WORDS[locale]
    visit.page.get_by_label(thinking).check()
    house.simulator.fault("answer", text=ANSWER, thinking="Renewal, limits, isolation: in that order, and briefly.")
    visit.page.get_by_label(question).fill(asked)
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator(".figures")).to_contain_text(figures)
    visit.page.locator(".thinking summary").click()
    _take(visit, f"admin-playground{ending}")
