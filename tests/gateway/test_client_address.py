"""Where a request comes from, and what counts as one place."""

from __future__ import annotations

import socket

import pytest
from gunicorn.config import Config

from gateway.client_address import client_address, neighbourhood
from gateway.server.environs import Environs
from tests.gateway.server.test_environs import CLIENT, SERVER, parsed

PEER = "10.0.0.1"


def address(forwarded: str | None, proxies: int) -> str:
    headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
    return client_address({"REMOTE_ADDR": PEER, **headers}, proxies)


@pytest.mark.parametrize("forwarded", [None, "", "192.0.2.1", "192.0.2.1, 192.0.2.2"])
def test_without_proxies_it_is_the_peer_whatever_a_client_says(forwarded: str | None) -> None:
    assert address(forwarded, 0) == PEER


@pytest.mark.parametrize(
    ("forwarded", "proxies", "found"),
    [
        ("192.0.2.1", 1, "192.0.2.1"),
        ("198.51.100.1, 192.0.2.1", 1, "192.0.2.1"),
        ("198.51.100.1,198.51.100.2,192.0.2.1", 1, "192.0.2.1"),  # as lines of that name are joined
        ("192.0.2.1, 10.0.0.2", 2, "192.0.2.1"),
        ("198.51.100.1, 192.0.2.1, 10.0.0.2", 2, "192.0.2.1"),
        ("nonsense, , 192.0.2.1 , 10.0.0.3,10.0.0.2", 3, "192.0.2.1"),
    ],
)
def test_behind_proxies_it_is_what_the_outermost_has_written(forwarded: str, proxies: int, found: str) -> None:
    assert address(forwarded, proxies) == found


@pytest.mark.parametrize(
    ("forwarded", "proxies"), [(None, 1), ("", 1), ("192.0.2.1", 2), ("192.0.2.1, 192.0.2.2", 3), ("192.0.2.1", 16)]
)
def test_a_list_that_is_too_short_says_nothing(forwarded: str | None, proxies: int) -> None:
    assert address(forwarded, proxies) == PEER


@pytest.mark.parametrize(
    "written",
    [
        "unknown",
        "_hidden",
        "192.0.2",
        "192.0.2.1.2",
        "192.0.2.1 x",
        "example.com",
        "192.0.2.1:port",
        "::g",
        "[]",
        "1" * 9_999,
    ],
)
def test_what_is_no_address_says_nothing(written: str) -> None:
    assert address(f"192.0.2.1, {written}", 1) == PEER


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("192.0.2.1:51234", "192.0.2.1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:51234", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_address_is_the_same_however_it_is_written(written: str, found: str) -> None:
    assert address(written, 1) == found


@pytest.mark.parametrize(
    ("one", "near"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("", ""),
    ],
)
def test_addresses_that_one_client_has_count_as_one(one: str, near: str) -> None:
    assert neighbourhood(one) == near


def test_several_lines_are_one_list_and_other_names_are_none() -> None:
    cfg = Config()
    cfg.set("forwarder_headers", "")  # as gunicorn.conf.py has it
    lines = b"X-Forwarded-For: 198.51.100.1\r\nX_Forwarded_For: 198.51.100.2\r\nx-forwarded-for: 192.0.2.1, 10.0.0.2"
    ours, theirs = socket.socketpair()
    with ours, theirs:
        _, environ = Environs(cfg).create(parsed(cfg, lines), ours, CLIENT, SERVER, lambda: None)
    assert [client_address(environ, proxies) for proxies in range(5)] == [
        *(CLIENT[0], "10.0.0.2", "192.0.2.1", "198.51.100.1", CLIENT[0])
    ]
