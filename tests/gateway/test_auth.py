from __future__ import annotations

import pytest

from gateway.auth import ClientKeys
from gateway.errors import UnknownKey
from gateway.server.environ_keys import KNOWN
from tests.gateway.fakes import AUTHORIZED, House

KEYS = ClientKeys(["one", "two", "Bearer-like"])


@pytest.mark.parametrize(
    ("authorization", "api_key", "client"),
    [
        ("Bearer one", None, 1),
        ("bearer two", None, 2),
        ("BEARER Bearer  two ", None, 2),
        ("  Bearer Bearer bearer one", None, 1),
        ("Bearer Bearer-like", None, 3),
        (None, "two", 2),
        (None, " one ", 1),
        ("Bearer wrong", "one", 1),
        ("Basic dXNlcg==", "one", 1),
        ("Bearer one", "two", 1),
    ],
)
def test_a_known_key_names_its_client(authorization: str | None, api_key: str | None, client: int) -> None:
    assert KEYS.caller(authorization, api_key).client == client


@pytest.mark.parametrize(
    ("authorization", "api_key"),
    [
        (None, None),
        ("", ""),
        ("one", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("Bearerone", None),
        ("Bearer one,two", None),
        ("Bearer ONE", None),
        ("Bearer onee", None),
        (None, "Bearer one"),
        ("Bearer schl\xfcssel", None),
        ("Bearer \udcff", None),
    ],
)
def test_anything_else_is_refused(authorization: str | None, api_key: str | None) -> None:
    with pytest.raises(UnknownKey):
        KEYS.caller(authorization, api_key)


def test_conversations_are_told_apart_by_the_key_and_not_by_its_number() -> None:
    one = KEYS.caller("Bearer one", None)
    assert one.scope != KEYS.caller("Bearer two", None).scope
    assert ClientKeys(["new", "one"]).caller("Bearer one", None).scope == one.scope
    assert "one" not in one.scope and not one.is_private


def test_keys_are_not_kept() -> None:
    assert "whole-secret" not in repr(vars(ClientKeys(["whole-secret"])))


@pytest.mark.parametrize(("headers", "times"), [(AUTHORIZED, 1), ({}, 0), ({"Authorization": "Bearer wrong"}, 0)])
def test_the_worker_is_told_who_is_no_stranger(headers: dict[str, str], times: int) -> None:
    told: list[bool] = []
    House().client.get("/v1/models", headers=headers, environ_overrides={KNOWN: lambda: told.append(True)})
    assert len(told) == times
