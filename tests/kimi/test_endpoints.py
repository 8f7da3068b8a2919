from __future__ import annotations

import pytest

from kimi.accounts import Account, Kind, Region
from kimi.http import Endpoints

ENDPOINTS = Endpoints("http://web/", "http://auth/", "http://classic/", "http://official/v1/")


@pytest.mark.parametrize(
    ("account", "chat", "exchange"),
    [
        (Account(name="a", kind=Kind.KIMI), "http://web", "http://auth"),
        (Account(name="a", kind=Kind.KIMI, region=Region.GLOBAL), "https://www.kimi.ai", "https://auth.kimi.ai"),
        (Account(name="a", kind=Kind.KIMI, base_url="http://own/"), "http://own", "http://auth"),
        (
            Account(name="a", kind=Kind.KIMI, region=Region.GLOBAL, base_url="http://own"),
            "http://own",
            "https://auth.kimi.ai",
        ),
        (Account(name="a", kind=Kind.CLASSIC), "http://classic", "http://classic"),
        (Account(name="a", kind=Kind.CLASSIC, base_url="http://own/"), "http://own", "http://own"),
        (Account(name="a", kind=Kind.MOONSHOT), "http://official/v1", "http://official/v1"),
        (Account(name="a", kind=Kind.MOONSHOT, base_url="http://own/v1/"), "http://own/v1", "http://own/v1"),
    ],
)
def test_where_an_account_chats_and_where_its_token_is_exchanged(account: Account, chat: str, exchange: str) -> None:
    assert (ENDPOINTS.chat(account), ENDPOINTS.exchange(account)) == (chat, exchange)
