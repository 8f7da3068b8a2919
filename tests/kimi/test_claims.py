from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi.claims import Claims, is_token, issuer, read

KEY = "k" * 64


def token(**claims: Any) -> str:
    return jwt.encode(claims, KEY, algorithm="HS512")


def test_reads_what_kimis_tokens_hold() -> None:
    made = token(
        iss="user-center",
        sub="cn1example",
        ssid="173000000",
        device_id="7300000000000000001",
        typ="access",
        exp=1_800_000_900,
        iat=1_800_000_000,
        membership={"level": 10},
    )

    assert read(made) == Claims(
        sub="cn1example",
        ssid="173000000",
        device_id="7300000000000000001",
        typ="access",
        exp=1_800_000_900.0,
        iat=1_800_000_000.0,
    )


def test_the_issuer_is_told_where_there_is_one() -> None:
    assert issuer(token(iss="user-center", sub="u")) == "user-center"
    assert [issuer(text) for text in ("rubbish", token(), token(iss="two words"))] == [None] * 3


def test_a_token_is_told_by_any_of_its_claims() -> None:
    assert is_token(token(exp=1)) and is_token(token(sub="u"))
    assert not any(map(is_token, ("rubbish", "eyJh.bc.de", token(), token(iss="user-center"))))


def test_a_token_that_has_expired_is_read_all_the_same() -> None:
    assert read(token(exp=1)).exp == 1.0


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({"alg": "HS512", "kid": 7, "crit": ["b64"]}, {}),
        ({}, {"iss": ["account-nt"], "aud": 3, "nbf": "now", "jti": 4}),
    ],
)
@pytest.mark.parametrize("signature", ["", "x", "signature", "not base64!"])
@pytest.mark.parametrize("padding", ["", "="])
def test_nothing_but_the_claims_themselves_is_judged(
    header: dict[str, Any], claims: dict[str, Any], signature: str, padding: str
) -> None:
    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=") + padding

    assert read(f"{part(header)}.{part({'exp': 1_800_000_900, **claims})}.{signature}") == Claims(exp=1_800_000_900.0)
    assert read(f"no-header.{part({'exp': 1_800_000_900})}.x") == Claims(exp=1_800_000_900.0)


def test_a_number_serves_as_an_id() -> None:
    assert read(token(ssid=173000000, device_id=7300000000000000001)) == Claims(
        ssid="173000000", device_id="7300000000000000001"
    )


@pytest.mark.parametrize("value", [None, True, "soon", [], {}, -1, 0, 1e300, 10**400])
def test_a_time_that_is_none_is_left_out(value: object) -> None:
    assert read(token(exp=value, iat=value)) == Claims()


@pytest.mark.parametrize("value", [None, True, "", [], {}, 1.5, "a b", "a\r\nX: y", "你", "x" * 201, 10**400])
def test_an_id_that_could_not_stand_in_a_header_is_left_out(value: object) -> None:
    payload = base64.urlsafe_b64encode(json.dumps({"sub": value, "ssid": value}).encode()).decode().rstrip("=")
    head, _, signature = token().split(".")

    assert read(f"{head}.{payload}.{signature}") == Claims()


DEEP = (
    base64.urlsafe_b64encode(b'{"alg":"HS512"}').decode().rstrip("=")
    + "."
    + (base64.urlsafe_b64encode(b"[" * 100_000).decode().rstrip("=") + ".")
)


@pytest.mark.parametrize("odd", ["", ".", "..", "...", "sk-abc", "eyJ", "eyJ.eyJ.x", "\udc80", DEEP, token() + "."])
def test_what_is_no_token_has_no_claims(odd: str) -> None:
    assert read(odd) == Claims()


@given(st.text())
def test_nothing_makes_it_raise(text: str) -> None:
    assert read(text) == Claims()
