from __future__ import annotations

import functools
import json
from typing import Any

import jwt
import pytest

from kimi import credentials
from kimi.credentials import CredentialError

KEY = "0" * 64


def token(typ: str = "refresh", **claims: Any) -> str:
    return jwt.encode({"iss": "user-center", "typ": typ, "sub": "u1", **claims}, KEY, algorithm="HS512")


REFRESH = token()
ACCESS = token("access")


@pytest.mark.parametrize(
    "given",
    [
        REFRESH,
        f"  {REFRESH}\n",
        f"\ufeff{REFRESH}",
        f"Bearer {REFRESH}",
        f"bearer  Bearer {REFRESH}",
        json.dumps(REFRESH),
        json.dumps({"refresh_token": REFRESH}),
        json.dumps({"refreshToken": f"Bearer {REFRESH}"}, indent=2),
        {"refresh_token": REFRESH},
        json.dumps({"token": "Bearer my-key", "auth_token": f"Bearer {ACCESS}", "refresh_token": f"Bearer {REFRESH}"}),
        json.dumps({"theme": '"dark"', "access_token": json.dumps(ACCESS), "refresh_token": json.dumps(REFRESH)}),
        json.dumps(json.dumps({"refresh_token": json.dumps(REFRESH)})),
        f"theme\tdark\naccess_token\t{ACCESS}\nrefresh_token\t{REFRESH}\nuser\t{{}}",
        f"theme: dark\nrefresh_token: {REFRESH}\n",
        f"access_token\t{ACCESS}\r\nrefresh_token\t{json.dumps(REFRESH)}\r\n",
    ],
    ids=[
        "bare",
        "with blanks",
        "with a byte order mark",
        "bearer",
        "bearer twice",
        "JSON text",
        "JSON object",
        "camelCase",
        "decoded object",
        "reverse-kimi's config.json",
        "localStorage",
        "localStorage as a string",
        "lines of the developer tools",
        "lines with colons",
        "lines with JSON values",
    ],
)
def test_every_accepted_form_gives_the_refresh_token(given: object) -> None:
    assert credentials.refresh_token(given) == REFRESH


def test_a_token_that_is_no_jwt_is_taken_as_it_is() -> None:
    assert credentials.refresh_token("opaque-Token_1.x~+/=") == "opaque-Token_1.x~+/="


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("", "is empty"),
        ("Bearer", "is empty"),
        ("Bearer  ", "is empty"),
        (None, "must be a text"),
        (17, "must be a text"),
        ({"refresh_token": 17}, "must be a text"),
        (ACCESS, "is an access token"),
        ({"refresh_token": ACCESS}, "is an access token"),
        ("eyJ...", "is not complete"),
        (REFRESH.rpartition(".")[0], "is not complete"),
        (REFRESH.rpartition(".")[0] + ".", "is not complete"),
        (f"{REFRESH[:20]} {REFRESH[20:]}", "contains spaces or line breaks"),
        (f"{REFRESH[:20]}\n{REFRESH[20:]}", "contains spaces or line breaks"),
        (f'["{REFRESH}"]', "contains characters that no token has"),
        ("刷新令牌", "contains characters that no token has"),
        ("{'refresh_token': 1}", "looks like JSON and is not valid JSON"),
        ('"abc', "looks like JSON and is not valid JSON"),
        (json.dumps({"error_type": "auth.token.invalid"}), "is an object without a refresh_token"),
        ({"refresh_token": ""}, "is an object without a refresh_token"),
        (functools.reduce(lambda text, _: json.dumps(text), range(8), "abc"), "is wrapped in JSON too many times"),
        ("sk-abcdefgh", "is an API key of the official platform"),
    ],
)
def test_what_is_no_refresh_token_is_refused_without_quoting_it(given: object, complaint: str) -> None:
    with pytest.raises(CredentialError) as caught:
        credentials.refresh_token(given)
    said = str(caught.value)
    assert said.startswith(complaint)
    assert not any(piece in said for piece in ("eyJ", "abc", "刷"))


@pytest.mark.parametrize("given", ["sk-abcDEF123", " sk-abcDEF123\n", "Bearer sk-abcDEF123"])
def test_an_api_key_is_taken_bare_or_as_a_bearer(given: str) -> None:
    assert credentials.api_key(given) == "sk-abcDEF123"


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (5, "must be a text"),
        ("", "is empty"),
        ("sk-a b", "contains spaces"),
        ("sk-ключ", "contains characters"),
        (REFRESH, "is a token of the web chat"),
    ],
)
def test_what_is_no_api_key_is_refused(given: object, complaint: str) -> None:
    with pytest.raises(CredentialError, match=f"^{complaint}"):
        credentials.api_key(given)


def test_a_list_is_split_on_commas_and_newlines_but_not_inside_json() -> None:
    dump = json.dumps({"theme": "dark", "refresh_token": REFRESH}, indent=1)
    assert tuple(credentials.split(f" one,two\nBearer three\r\n,,{dump}, four\n")) == (
        "one",
        "two",
        "Bearer three",
        dump,
        "four",
    )
    assert not tuple(credentials.split(" ,\n"))


def test_broken_json_in_a_list_stays_in_one_piece_and_is_refused_later() -> None:
    assert tuple(credentials.split('one\n{"refresh_token": x, y}')) == ("one", '{"refresh_token": x, y}')
