from __future__ import annotations

import base64
import json
from dataclasses import replace

from kimi.accounts import Account, Kind
from kimi.upstreams.identity import REMEMBERED, made_up_device, web_headers

ONE = Account(name="one", kind=Kind.KIMI)
HOST = "https://kimi.invalid"


def token(**claims: str) -> str:
    return f"head.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()}.signature"


def test_the_claims_of_the_token_say_who_it_is() -> None:
    named = token(sub="me", ssid="17", device_id="73")
    assert web_headers(ONE, named, HOST) == {
        "Authorization": f"Bearer {named}",
        "Origin": HOST,
        "Referer": f"{HOST}/",
        "R-Timezone": "Asia/Shanghai",
        "X-Msh-Platform": "web",
        "X-Msh-Device-Id": "73",
        "X-Traffic-Id": "me",
        "X-Msh-Session-Id": "17",
    }


def test_what_is_remembered_is_that_of_this_account_token_and_host() -> None:
    nameless, renewed = token(), token(sub="me")
    assert web_headers(ONE, nameless, HOST)["X-Msh-Device-Id"] == made_up_device("one")
    assert web_headers(replace(ONE, name="two"), nameless, HOST)["X-Msh-Device-Id"] == made_up_device("two")
    assert web_headers(ONE, nameless, "https://other.invalid")["Origin"] == "https://other.invalid"
    assert web_headers(ONE, renewed, HOST)["X-Traffic-Id"] == "me"


def test_a_token_is_taken_apart_once_as_long_as_few_others_come() -> None:
    def headers(name: str) -> object:
        return web_headers(ONE, token(sub=name), HOST)

    first = headers("first")
    assert headers("first") is first
    for number in range(REMEMBERED):
        headers(str(number))
    assert headers("first") is not first
