"""Clients with refresh tokens of their own: over rotations, beside each other, and after long absence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
import requests

from devtools.waiting import until
from tests.system.leaks import PREFIX
from tests.system.stack import Stack

LIFETIME = 3
"""Seconds that an access token lives: each is replaced before half of them are over."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A gateway without any account of the operator's."""
    stack = Stack(
        tmp_path_factory.mktemp("guests"),
        env={"GATEWAY_PASSTHROUGH": "1", "KIMI_CONVERSATION_SECONDS": "0"},
        simulator_options=["--token-lifetime", str(LIFETIME)],
    )
    stack.start()
    yield stack
    stack.stop()


class Guest:
    """A client whose key is one refresh token, and the account behind it."""

    def __init__(self, home: Stack) -> None:
        self._home = home
        minted = home.simulator.mint("kimi")[0]
        self.name, self.token = str(minted["name"]), str(minted["refresh_token"])

    @property
    def state(self) -> Any:
        return self._home.simulator.control("GET", f"accounts/{self.name}")

    def served(self) -> int:
        """How many chats its account has answered."""
        asked = self._home.simulator.control("GET", f"requests?endpoint=chat&account={self.name}")
        return sum(each["status"] == 200 for each in asked)  # a token may expire on the way and be asked for anew

    def die(self) -> None:
        """Its owner logs in elsewhere; there is nothing left by then that only this login could delete."""
        until(self._home.settled, what="nothing is under way")
        self._home.simulator.control("POST", f"accounts/{self.name}", {"revoke_refresh": True, "revoke_access": True})


def ask(home: Stack, *guests: Guest, stream: bool = False) -> requests.Response:
    return requests.post(
        f"{home.url}/v1/chat/completions",
        headers={"Authorization": f"Bearer {','.join(guest.token for guest in guests)}"},
        json={"model": "kimi", "messages": [{"role": "user", "content": "hi"}], "stream": stream},
        timeout=60,
    )


def test_a_gateway_is_ready_for_guests_alone(home: Stack) -> None:
    answer = home.gateway.readyz()
    assert answer is not None and answer.status_code == 200


def test_the_first_token_serves_on_while_it_is_rotated_inside(home: Stack) -> None:
    guest = Guest(home)
    assert ask(home, guest).ok
    until(lambda: guest.state["exchanged"] >= 4, seconds=30, what="the token has been exchanged four times")
    assert ask(home, guest).ok
    assert guest.state["reused"] == 0
    assert "eyJ" not in home.gateway.said + home.refresher.said


def test_guests_are_served_by_their_own_accounts(home: Stack) -> None:
    mine, yours = Guest(home), Guest(home)
    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(lambda guest: ask(home, guest), [mine, yours] * 4)]
    assert [answer.status_code for answer in answers] == [200] * 8
    assert (mine.served(), yours.served()) == (4, 4)
    metrics = home.gateway.metrics()
    assert "private-" not in metrics


def test_a_key_of_two_tokens_outlives_one_of_them(home: Stack) -> None:
    first, second = Guest(home), Guest(home)
    home.simulator.settings(event_delay=0.2)  # the second question comes while the first is answered
    with ThreadPoolExecutor(2) as pool:
        assert all(answer.ok for answer in pool.map(lambda _: ask(home, first, second), range(2)))
    home.simulator.settings(event_delay=0)
    assert (first.served(), second.served()) == (1, 1)
    first.die()
    for _ in range(3):
        assert ask(home, first, second).ok
    second.die()

    def is_refused() -> bool:
        answer = ask(home, first, second, stream=True)
        return answer.status_code == 401 and answer.json()["error"]["code"] == "invalid_api_key"

    until(is_refused, seconds=20, what="a key without a living token is refused")
    exchanged = first.state["exchanged"]
    assert is_refused() and first.state["exchanged"] == exchanged


def test_one_who_comes_back_after_long_goes_on_with_his_newest_token(home: Stack) -> None:
    guest = Guest(home)
    assert ask(home, guest).ok
    with redis.Redis.from_url(home.valkey.url, decode_responses=True) as client:
        names: Any = client.zrange(f"{PREFIX}private", 0, -1)
        account = max(names, key=lambda name: client.hget(f"{PREFIX}account:{name}", "stored") or "")

        def is_forgotten() -> bool:
            """The janitor takes it out of service when he comes by, and out of memory when he comes again."""
            client.zadd(f"{PREFIX}private", {account: 1}, xx=True)  # whatever has used it meanwhile
            return not client.exists(f"{PREFIX}account:{account}")

        until(is_forgotten, seconds=40, what="the janitor has forgotten the account")
    assert ask(home, guest).ok
    assert guest.state["reused"] == 0


def test_reverse_kimis_file_is_an_account_of_the_operators_and_a_client_key(home: Stack) -> None:
    owner = Guest(home)
    file = {"token": "its-key", "auth_token": "Bearer x", "refresh_token": f"Bearer {owner.token}"}
    home.accounts_file.write_text(json.dumps(file), "utf-8")
    until(lambda: home.usable() == 1, seconds=30, what="the account of the file is fresh")
    home.gateways.append(home.another_gateway("second"))
    home.gateways[-1].start()
    home.gateways[-1].wait_ready()
    answer = requests.post(
        f"{home.gateways[-1].url}/v1/chat/completions",
        headers={"Authorization": "Bearer its-key"},
        json={"model": "kimi", "messages": [{"role": "user", "content": "hi"}]},
        timeout=60,
    )
    assert answer.ok and owner.served() == 1
    refused = ask(home, owner)
    assert refused.status_code == 401 and "operator" in refused.json()["error"]["message"]
    assert owner.state["reused"] == 0
    assert json.loads(home.accounts_file.read_text("utf-8")) == file
