"""Who comes in with which key."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from gateway.auth import ClientKeys
from gateway.client_keys import CreatedKeys
from gateway.errors import UnknownKey
from gateway.guesses import OPEN
from gateway.passthrough import PassThrough, Strangers
from kimi.accounts import ConfiguredAccount, Kind
from kimi.errors import StoreUnavailable
from kimi.pool.clients import KEY_LENGTH
from kimi.pool.private import Adoption, Known
from tests.gateway.bringing import KEY, SHOP, Found


@pytest.mark.parametrize("headers", [(f"Bearer {KEY}", None), (None, f" {KEY} "), ("Bearer wrong", KEY)])
def test_a_created_key_names_its_client(headers: tuple[str | None, str | None]) -> None:
    caller = CreatedKeys(ClientKeys(["one"]), Found()).caller(*headers)
    assert (caller.client, caller.key) == ("shop", SHOP)
    assert not caller.is_private and caller.accounts == ()
    assert caller.may_ask_for("kimi-thinking") and not caller.may_ask_for("moonshot-v1-8k")


def test_its_conversations_are_its_own_whatever_it_is_called() -> None:
    created = CreatedKeys(ClientKeys(["one"]), Found()).caller(f"Bearer {KEY}", None)
    assert created.scope == ClientKeys([KEY]).caller(f"Bearer {KEY}", None).scope  # also if the operator moves it there
    assert KEY not in created.scope and "shop" not in created.scope


def test_keys_of_the_settings_go_first_and_ask_nobody() -> None:
    found = Found(away=True)
    keys = CreatedKeys(ClientKeys(["one", KEY]), found)
    assert [keys.caller("Bearer one", None).client, keys.caller(f"Bearer {KEY}", None).client] == [1, 2]
    assert keys.caller("Bearer one", KEY).key is None
    assert found.asked == []


@pytest.mark.parametrize("key", ["wrong", "", f"{KEY}a", KEY[:-1], KEY.upper(), "eyJ" + "a" * (KEY_LENGTH - 3)])
def test_what_is_no_created_key_is_not_looked_for(key: str) -> None:
    found = Found()
    with pytest.raises(UnknownKey):
        CreatedKeys(ClientKeys(["one"]), found).caller(f"Bearer {key}", None)
    assert found.asked == []


def test_what_could_be_one_and_is_none_is_refused() -> None:
    with pytest.raises(UnknownKey):
        CreatedKeys(ClientKeys(["one"]), Found()).caller(f"Bearer {KEY[:-1]}b", None)


def test_nobody_is_refused_for_good_while_nobody_can_know() -> None:
    with pytest.raises(StoreUnavailable):
        CreatedKeys(ClientKeys(["one"]), Found(away=True)).caller(f"Bearer {KEY}", None)


def test_created_keys_go_before_tokens_that_clients_bring_along() -> None:
    class Nobody:
        """Takes no tokens."""

        def notice(self, members: Iterable[ConfiguredAccount]) -> dict[str, Known]:
            raise AssertionError

        def adopt(self, member: ConfiguredAccount) -> Adoption:
            raise AssertionError

    door = PassThrough(CreatedKeys(ClientKeys(["one"]), Found()), Strangers(Nobody(), Kind.KIMI), OPEN)
    assert door.caller(f"Bearer {KEY}", None).client == "shop"
    assert door.caller("Bearer one", None).client == 1
    with pytest.raises(UnknownKey):
        door.caller(f"Bearer {KEY[:-1]}b", None)
