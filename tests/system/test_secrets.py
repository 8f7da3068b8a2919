"""No secret is found where anybody could read it: in Redis, in what processes say and show, in how they are called."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import quote

import pytest
import requests

from devtools.waiting import until
from kimi.sealing_keys import new_key
from tests.system import troubles
from tests.system.harvest import everything
from tests.system.seeds import Seeds
from tests.system.sown import Sown, sown
from tests.system.traffic import Traffic

ALIVE = ("kimi-0", "kimi_classic-0", "moonshot-0")
"""The accounts that no test has killed."""
COMMANDS = (
    ("accounts", "list"),
    ("accounts", "list", "--json"),
    ("alerts", "list"),
    ("keys", "list", "--json"),
    ("secrets", "status"),
    ("status",),
    ("status", "--json"),
)
SECRET = "pä/ss wörd?&\"of somebody' 密码"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sown]:
    with sown(tmp_path_factory.mktemp("secrets")) as home:
        yield home


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("as it is", SECRET),
        ("as it is", SECRET[3:-5]),
        ("for a URL", quote(SECRET, safe="")),
        ("as JSON", json.dumps({"a": SECRET})),
        ("as hexadecimal digits", SECRET.encode().hex()),
        *[("as base64", base64.b64encode(b"x" * before + SECRET.encode()).decode()) for before in range(3)],
        ("as base64", base64.urlsafe_b64encode(SECRET.encode()).decode()),
    ],
)
def test_a_secret_is_found_in_every_form(form: str, text: str) -> None:
    seeds = Seeds()
    seeds.sow("password", SECRET)
    assert seeds.found_in({"log": f"before {text} after", "page": text[:15]}) == {"log": {f"password, {form}"}}


def test_no_secret_is_found_anywhere(home: Sown, tmp_path: Path) -> None:
    answers: list[str] = []
    secrets_pass_through(home)
    answers += troubles.upstreams_repeat(home)
    answers += troubles.accounts_die(home)
    answers += troubles.clients_err(home)
    answers += troubles.operators_err(home, tmp_path)
    answers += troubles.something_is_spoilt(home)
    answers += troubles.redis_goes_away(home)
    said = {" ".join(words): home.command(*words) for words in COMMANDS}
    said["doctor"] = home.command("doctor", TOKEN_ENCRYPTION_KEYS=home.keys.seeds.sow("another key", new_key()))
    assert "PROBLEM  secrets" in said["doctor"]
    nothing_is_found(home, {**said, **{f"answer {number}": text for number, text in enumerate(answers)}})


def test_keys_are_rotated_while_everything_serves_and_nothing_is_found_either(home: Sown) -> None:
    old, new = home.keys.encryption
    assert home.secrets("status", new, old)["droppable"] == [], "the gateway seals with it"
    refused = home.command("secrets", "rotate", TOKEN_ENCRYPTION_KEYS=f"{new},{old}")
    assert "not all processes seal with the first key: give gateway" in refused
    home.stack.gateway.stop()
    home.stack.gateway.env["TOKEN_ENCRYPTION_KEYS"] = f"{new},{old}"
    home.stack.gateway.start()
    home.stack.wait_ready()
    with Traffic(home.stack).running() as traffic:
        assert home.secrets("rotate", new, old)["left"] == 0
        until(lambda: traffic.good > 10, what="requests are served")
    assert traffic.bad == {}
    assert home.secrets("status", new, old)["droppable"] == [2]
    for process, form in ((home.stack.refresher, "json"), (home.stack.gateway, "console")):
        process.stop()
        process.env |= {"TOKEN_ENCRYPTION_KEYS": new, "LOG_FORMAT": form, "LOG_LEVEL": "info"}
        process.start()
    home.stack.wait_ready()
    for action in ("test", "refresh"):
        done = home.admin("POST", f"/accounts/{action}", names=ALIVE).json()["results"]
        assert [each["ok"] for each in done] == [True] * len(ALIVE), done
    assert home.ask(key=home.guest).ok
    nothing_is_found(home, {})


def nothing_is_found(home: Sown, more: Mapping[str, str]) -> None:
    """Neither in what processes say, show, keep and are called with, nor in `more` texts."""
    home.sow_tokens()
    found = home.keys.seeds.found_in({**everything(home), **more})
    assert not found, "\n".join(f"{where}: {sorted(names)}" for where, names in found.items())


def file_part(home: Sown) -> dict[str, Any]:
    """A file whose text is nobody's business; its name is kept for as long as it may be sent again."""
    text = home.keys.seeds.sow("the text of a file", token_hex(16))
    data = f"data:text/plain;base64,{base64.b64encode(text.encode()).decode()}"
    return {"type": "file", "file": {"filename": "plan.txt", "file_data": data}}


def secrets_pass_through(home: Sown) -> None:
    """Everything is used as it is meant to be, so that each secret has been where it could have been lost."""
    answer, seeds = home.keys.words["answer"], home.keys.seeds
    for model in troubles.MODELS.values():
        assert answer in home.ask(model=model).json()["choices"][0]["message"]["content"]
        assert "[DONE]" in home.ask(model=model, stream=True).text
    assert home.ask(key=home.guest).ok
    assert home.ask(messages=[{"role": "user", "content": [file_part(home)]}]).ok
    made = home.admin("POST", "/keys", name="somebody").json()["key"]
    seeds.sow("a key that was created", made)
    assert home.ask(key=made).ok
    with requests.Session() as page:
        base = f"{home.stack.url}/admin/api"
        signed_in = page.post(f"{base}/session", json={"key": home.keys.admin}, timeout=10)
        csrf = seeds.sow("the CSRF token", signed_in.json()["csrf"])
        seeds.sow("the cookie of a session", page.cookies["kimi_admin"])
        asked = {"model": "kimi", "messages": [{"role": "user", "content": home.keys.words["question"]}]}
        assert page.post(f"{base}/chat/completions", json=asked, headers={"X-CSRF-Token": csrf}, timeout=60).ok
        assert page.get(f"{base}/session", timeout=10).ok
    exported = home.admin("POST", "/accounts/export").text
    home.sow_tokens()
    assert any(name.startswith("the refresh_token of") for name in seeds.found(exported))
