"""Which answers of an exchange are tokens, and which must not take the place of any."""

from __future__ import annotations

import pytest

from kimi.accounts import Kind, Tokens
from kimi.errors import BrokenAnswer
from kimi.exchange import Exchange
from kimi.http import Endpoints
from kimi.upstreams.drift import Drift
from tests.kimi.exchanging import (
    CAMEL,
    OLD,
    PAIR,
    SNAKE,
    TRANSPORT,
    Vendor,
    account,
    failure,
    http_answer,
    made,
    vendor,
)
from tests.kimi.loopback import Server


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        "A1",
        {"access_token": "A1"},
        {"refresh_token": "R1"},
        {"access_token": "", "refresh_token": "R1"},
        {"access_token": "A1", "refresh_token": None},
        {"access_token": 1, "refresh_token": 2},
        {"access_token": "A 1", "refresh_token": "R1"},
        {"access_token": "A1", "refresh_token": "R1\r\n"},
        {"access_token": {"a": 1}, "refresh_token": ["R1"]},
        {"data": {}},
        {"error": {"code": "x"}, **SNAKE},
        {"error_type": "some.thing", **SNAKE},
        {"code": "x", "message": "y"},
        b"",
        b"{",
        b"<html>",
    ],
)
@pytest.mark.parametrize("kind", [Kind.KIMI, Kind.CLASSIC])
def test_what_is_no_token_pair_is_never_taken_for_one(kind: Kind, body: object) -> None:
    assert isinstance(failure(kind, http_answer(200, body)), BrokenAnswer)


@pytest.mark.parametrize(
    "body",
    [
        {"refreshToken": made("access"), "accessToken": made("refresh")},
        {"accessToken": "***", "refreshToken": "***"},
        {"accessToken": "REDACTED", "refreshToken": "REDACTED"},
        {"accessToken": made("access"), "refreshToken": made("refresh")[:30]},
        {"accessToken": made("access"), "refreshToken": made("refresh")[:-30].rpartition(".")[0]},
        {"accessToken": made("access", "mallory"), "refreshToken": made("refresh", "mallory")},
        {"accessToken": made("access"), "refreshToken": made("refresh", "mallory")},
        {"accessToken": made("access", "mallory"), "refreshToken": "R1"},
        {"code": "unauthenticated", "message": "x", "accessToken": "x", "refreshToken": "y"},
        {"error_type": "maintenance", "data": SNAKE},
        {"accessToken": "", "refreshToken": "R1"},
        {"refreshToken": OLD},
    ],
)
@pytest.mark.parametrize("kind", [Kind.KIMI, Kind.CLASSIC])
def test_no_odd_answer_takes_the_place_of_a_good_token(kind: Kind, body: object) -> None:
    drift = Drift()
    with Server(Vendor(http_answer(200, body))) as server:
        exchange = Exchange(TRANSPORT, Endpoints(server.url, server.url, server.url), drift)
        with pytest.raises(BrokenAnswer) as raised:
            exchange.refresh(account(kind), OLD)

    assert "the exchange answered 200 with" in str(raised.value) and "eyJ" not in str(raised.value)
    assert [(seen.what, seen.name) for seen in drift.take()] == [("exchange", "odd.tokens")]


@pytest.mark.parametrize("body", [{"message": "success", "code": "OK"}, {"code": 0}, {"reason": "renewed"}])
def test_words_that_are_no_error_may_stand_beside_tokens(body: dict[str, object]) -> None:
    tokens = {"accessToken": made("access"), "refreshToken": made("refresh")}
    with vendor(http_answer(200, {**body, **tokens})) as (_, exchange):
        assert exchange.refresh(account(Kind.KIMI), OLD) == Tokens(made("access"), made("refresh"))


@pytest.mark.parametrize("more", [{}, {"user": {"id": 1}}, {"accessToken": "A1"}, {"refresh_token": "R1"}])
def test_what_else_an_answer_wraps_hides_no_token_beside_it(more: object) -> None:
    with vendor(http_answer(200, {**CAMEL, "data": more})) as (_, exchange):
        assert exchange.refresh(account(Kind.KIMI), "R0") == PAIR


SEALED = "eyJhbGciOiJkaXIifQ..a.b.c"  # encrypted; where the key is shared, there is none in it


@pytest.mark.parametrize("refresh", ["v1:R1", "12|R1", "sk-R1", SEALED, SEALED.replace("..", ".k."), "!R1,;'{}~"])
@pytest.mark.parametrize("access", [made("access"), "12|A1", SEALED + "x"])
def test_tokens_may_take_another_form(access: str, refresh: str) -> None:
    with vendor(http_answer(200, {"accessToken": access, "refreshToken": refresh})) as (_, exchange):
        assert exchange.refresh(account(Kind.KIMI), OLD) == Tokens(access, refresh)


@pytest.mark.parametrize("refresh", ["R 1", "R1\n", "R1…", "R1***", "eyJ", "eyJa.b", "eyJa..b", "eyJa.b.c."])
def test_a_refresh_token_that_is_surely_none_is_refused(refresh: str) -> None:
    answer = http_answer(200, {"accessToken": made("access"), "refreshToken": refresh})
    assert type(failure(Kind.KIMI, answer)) is BrokenAnswer


@pytest.mark.parametrize("issuer", ["account-nt", "user-center"])
def test_another_issuer_may_name_the_same_user_otherwise(issuer: str) -> None:
    spent = made("refresh", number=0, iss="account-nt")
    access, refresh = (made(typ, "acc-1", iss=issuer) for typ in ("access", "refresh"))
    with vendor(http_answer(200, {"accessToken": access, "refreshToken": refresh})) as (_, exchange):
        if issuer == "user-center":
            assert exchange.refresh(account(Kind.KIMI), spent) == Tokens(access, refresh)
        else:
            with pytest.raises(BrokenAnswer, match="somebody else"):
                exchange.refresh(account(Kind.KIMI), spent)


@pytest.mark.parametrize(
    "access",
    [{}, *({"accessToken": token} for token in ("", "***", made("refresh"), made("access", "mallory")))],
)
def test_a_refresh_token_that_comes_alone_is_not_lost(access: dict[str, str]) -> None:
    with vendor(http_answer(200, {"refreshToken": made("refresh"), **access})) as (_, exchange):
        assert exchange.refresh(account(Kind.KIMI), OLD) == Tokens("", made("refresh"))


def test_an_exchange_of_a_new_shape_is_told_without_its_tokens() -> None:
    drift = Drift()
    with Server(Vendor(http_answer(200, {"tokens": {"access": "secret"}}))) as server:
        exchange = Exchange(TRANSPORT, Endpoints(auth=server.url), drift)
        with pytest.raises(BrokenAnswer):
            exchange.refresh(account(Kind.KIMI), "R0")

    seen = {(seen.what, seen.name): seen.shape for seen in drift.take()}
    assert seen["exchange", "without.tokens"] == "{tokens: {access: text(6)}}"
