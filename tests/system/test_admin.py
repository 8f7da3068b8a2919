"""What an operator does over the API while the whole product runs: two workers, a refresher, upstreams."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any, Final

import pytest
import requests
import yaml

from devtools.waiting import until
from tests.gateway.admin.sse import Told, following
from tests.system.stack import Stack

ADMIN_KEY: Final = "admin-key-of-the-tests"


class Admin:
    """A program with the admin key."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/admin/api"
        self.headers = {"Authorization": f"Bearer {ADMIN_KEY}"}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        reply = requests.request(method, f"{self.url}{path}", headers=self.headers, json=body, timeout=60)
        assert reply.ok, reply.text
        return reply.json()

    def act(self, action: str, *names: str) -> dict[str, Any]:
        results = self.call("POST", f"/accounts/{action}", {"names": names})["results"]
        return {result["name"]: result for result in results}

    def account(self, name: str) -> Any:
        return self.call("GET", f"/accounts/one?name={name}")

    def follow(self) -> Generator[Told]:
        reply = requests.get(f"{self.url}/events", headers=self.headers, stream=True, timeout=60)
        with closing(reply):
            yield from following(reply.iter_lines(chunk_size=None))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("stack"), workers=2, env={"GATEWAY_ADMIN_KEY": ADMIN_KEY})
    stack.start(kimi=2, kimi_classic=1, moonshot=1)
    yield stack
    stack.stop()


@pytest.fixture(scope="module")
def admin(stack: Stack) -> Admin:
    return Admin(stack.url)


def test_accounts_of_every_kind_are_tried_and_refreshed(stack: Stack, admin: Admin) -> None:
    names = [account["name"] for account in admin.call("GET", "/accounts")["accounts"]]
    assert len(names) == 4
    before = {name: admin.account(name)["token_issued"] for name in names}
    assert all(result["ok"] for result in admin.act("test", *names).values())
    renewed = admin.act("refresh", *names)
    assert all(result["ok"] for result in renewed.values()), renewed
    assert all(admin.account(name)["token_issued"] > before[name] for name in names if not name.startswith("moonshot"))
    until(stack.settled, seconds=10, what="the chats of the trials are deleted")


def test_the_death_of_an_account_is_told_while_one_looks(stack: Stack, admin: Admin) -> None:
    (minted,) = stack.simulator.mint("kimi", name="doomed")
    text = yaml.safe_dump({"accounts": [{"name": "doomed", "refresh_token": minted["refresh_token"]}]})
    told = admin.follow()
    assert next(told).name == "overview"
    assert admin.call("POST", "/accounts", {"text": text})["added"] == 1
    _until_state(told, "doomed", "active")
    stack.simulator.control("POST", "accounts/doomed", {"revoke_refresh": True})
    assert not admin.act("refresh", "doomed")["doomed"]["ok"]
    _until_state(told, "doomed", "dead")
    assert admin.act("delete", "doomed")["doomed"]["ok"]
    next(each for each in told if each.name == "accounts" and "doomed" in each.data["removed"])
    told.close()


def test_answers_are_counted_and_the_playground_gives_them(stack: Stack, admin: Admin) -> None:
    before = admin.call("GET", "/overview")["today"]["requests"]
    question = {"model": "kimi", "messages": [{"role": "user", "content": "hi"}]}
    assert admin.call("POST", "/chat/completions", question)["choices"][0]["message"]["content"]
    assert stack.chat().status_code == 200
    until(
        lambda: admin.call("GET", "/overview")["today"]["requests"] == before + 2,
        seconds=10,
        what="both are counted",
    )
    assert sum(point["requests"] for point in admin.call("GET", "/figures?span=hour")["points"]) >= 2


def test_a_key_opens_the_door_at_once_and_never_after_it_was_revoked(stack: Stack, admin: Admin) -> None:
    made = admin.call("POST", "/keys", {"name": "bob", "limits": {"models": ["kimi"]}})
    headers = {"Authorization": f"Bearer {made['key']}"}
    models = requests.get(f"{stack.url}/v1/models", headers=headers, timeout=10).json()["data"]
    assert [model["id"] for model in models] == ["kimi"]
    assert admin.call("DELETE", f"/keys/{made['id']}")["revoked"]
    until(
        lambda: requests.get(f"{stack.url}/v1/models", headers=headers, timeout=10).status_code == 401,
        seconds=5,
        what="both workers know that it is revoked",
    )
    assert made["key"] not in stack.gateway.said and ADMIN_KEY not in stack.gateway.said


def _until_state(told: Iterator[Told], name: str, state: str) -> None:
    next(each for each in told if each.name == "accounts" and each.accounts.get(name, {}).get("state") == state)
