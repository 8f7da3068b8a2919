from __future__ import annotations

import pytest

from kimi.accounts import Account, Kind


def line(proxy: str | None, **fields: str) -> str:
    return Account(name="a", kind=Kind.KIMI, proxy=proxy, **fields).line  # type: ignore[arg-type]


@pytest.mark.parametrize("password", ["another", "with:colon", "with@at", ""])
def test_accounts_that_share_a_proxy_share_a_line_whatever_the_password(password: str) -> None:
    assert line(f"socks5h://user:{password}@host:1") == line("socks5h://user:password@host:1")


@pytest.mark.parametrize(
    "proxy",
    [
        None,
        "socks5h://host:1",
        "socks5h://host:2",
        "http://host:1",
        "socks5h://other:password@host:1",
        "socks5h://user:password@host:2",
        "socks5h://user:password@other:1",
    ],
)
def test_other_ways_are_other_lines(proxy: str | None) -> None:
    assert line(proxy) != line("socks5h://user:password@host:1")
    assert line(proxy) != line(proxy, base_url="http://127.0.0.1:1")
    assert line(proxy) == line(proxy)
