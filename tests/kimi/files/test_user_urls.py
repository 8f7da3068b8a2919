"""Every form of URL by which somebody could try to get somewhere: which of them are asked, and that none else is.

Whoever resolves here reads numbers as resolvers do, in any base and with parts missing, and whoever connects comes to
one server on loopback, whatever the address: what may not be asked must end before that.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address, ip_network

import pytest

from devtools.waiting import until
from kimi.files.targets import NotFetched
from kimi.files.web import Web, is_own
from tests.kimi.files.user_urls import ASKED, INSIDE, LOGIN, NAMES, NEITHER, NOBODY, PORT, PUBLIC, REFUSED
from tests.kimi.loopback import Peer, Received, Server, ok


def resolved(host: str, _port: int) -> Sequence[str]:
    """As a resolver does it: numbers are addresses, however they are written, and what is of this machine is too."""
    try:
        return [socket.inet_ntoa(socket.inet_aton(host))]
    except OSError:
        pass
    try:
        return [str(ip_address(host))]
    except ValueError:
        pass
    name = host.rstrip(".").lower()
    if name.rpartition(".")[2] == "localhost":
        return ["127.0.0.1"]
    if name not in NAMES:
        raise OSError("unknown")
    return NAMES[name]


class Line:
    """Connects to one server, and notes to what it should have been."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.asked: list[tuple[str, int]] = []

    def __call__(self, address: str, port: int, timeout: float) -> socket.socket:
        self.asked.append((address, port))
        return socket.create_connection(("127.0.0.1", self._server.port), timeout)


@contextmanager
def line(*answers: bytes) -> Iterator[tuple[Line, list[Received]]]:
    """A line to a server that gives these answers, one to each connection, and what it was asked."""
    left, seen = list(answers), list[Received]()

    def handle(peer: Peer) -> None:
        seen.append(peer.request())
        peer.send(left.pop(0))

    with Server(handle) as server:
        made = Line(server)
        yield made, seen
        until(lambda: server.connections >= len(made.asked))  # it may not have accepted the last one yet
    assert server.connections == len(made.asked)


def reason(url: str, by: Web) -> str:
    with pytest.raises(NotFetched) as caught, by.get(url):
        pass
    return str(caught.value)


def moved(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n".encode()


def test_what_may_not_be_asked_ends_before_a_connection() -> None:
    with line() as (made, _):
        by = Web(resolver=resolved, connector=made)
        assert {url: reason(url, by) for url in REFUSED} == REFUSED
        assert made.asked == []


def sent(url: str) -> bool:
    """Whether a URL can stand in a header as it is, and is no path of the server's own."""
    return url.isprintable() and REFUSED[url] != NOBODY and ":" in url


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_leads_there(status: int) -> None:
    locations = [url for url in REFUSED if sent(url)]
    with line(*[moved(url, status) for url in locations]) as (made, _):
        by = Web(resolver=resolved, connector=made)
        for url in locations:
            assert reason("http://public.example/", by) in {REFUSED[url], "it is redirected to nowhere"}, url
        assert made.asked == [(PUBLIC, 80)] * len(locations)


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("//127.0.0.1/", INSIDE),
        ("//inside.example", INSIDE),
        ("\\\\127.0.0.1\\", "it is redirected to nowhere"),
        ("/\\127.0.0.1", "it is redirected to nowhere"),
        ("//public.example\\@127.0.0.1", "it is redirected to nowhere"),
        ("//user@public.example/", LOGIN),
        ("//public.example:22/", PORT),
        ("//127.0.0.1#@public.example", INSIDE),
        ("http://a\r\n b.example/", "it is redirected to nowhere"),
        ("http://public.example/\x01", "it is redirected to nowhere"),
        ("http://public.example/\u200b", "it is redirected to nowhere"),
        ("", "it is redirected to nowhere"),
    ],
)
def test_no_redirect_in_other_words_leads_there(location: str, why: str) -> None:
    with line(moved(location)) as (made, _):
        assert reason("http://public.example/", Web(resolver=resolved, connector=made)) == why
        assert made.asked == [(PUBLIC, 80)]


def test_a_chain_of_redirects_is_looked_at_to_its_end() -> None:
    with line(moved("//cdn.example/"), moved("/b"), moved("http://mixed.example/")) as (made, _):
        assert reason("http://public.example/", Web(resolver=resolved, connector=made)) == INSIDE
        assert made.asked == [(PUBLIC, 80), ("2606:4700:4700::1111", 80), ("2606:4700:4700::1111", 80)]


@pytest.mark.parametrize("url", ASKED)
def test_what_is_public_is_asked_for(url: str) -> None:
    address, port, host, path = ASKED[url]
    with line(ok(b"content")) as (made, seen), Web(resolver=resolved, connector=made).get(url) as download:
        assert b"".join(download.chunks) == b"content"
    assert (made.asked, seen[0].line, seen[0].headers["host"]) == ([(address, port)], f"GET {path} HTTP/1.1", host)


def test_a_redirect_elsewhere_is_a_request_of_its_own() -> None:
    with (
        line(moved("http://cdn.example:8080/b#c"), ok(b"content")) as (made, seen),
        Web(resolver=resolved, connector=made).get("http://public.example/a") as download,
    ):
        assert b"".join(download.chunks) == b"content"
    assert made.asked == [(PUBLIC, 80), ("2606:4700:4700::1111", 8080)]
    assert [(each.line, each.headers["host"]) for each in seen] == [
        ("GET /a HTTP/1.1", "public.example"),
        ("GET /b HTTP/1.1", "cdn.example:8080"),
    ]
    assert not {"cookie", "authorization", "referer"} & seen[1].headers.keys()


def test_a_name_that_means_something_else_a_moment_later_is_asked_where_it_was_looked_at() -> None:
    answers = [[PUBLIC], ["127.0.0.1"]]
    with line(moved("/again")) as (made, _):
        by = Web(resolver=lambda _host, _port: answers.pop(0), connector=made)
        assert reason("http://public.example/", by) == INSIDE
    assert (made.asked, answers) == ([(PUBLIC, 80)], [])


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("http://files/", ("10.0.0.1", 80)),
        ("http://10.0.0.1:8080/", ("10.0.0.1", 8080)),
        ("http://inside.example/", ("10.0.0.1", 80)),
        ("http://[::ffff:10.0.0.1]/", ("::ffff:a00:1", 80)),
        ("http://10.1/", NEITHER),
        ("http://127.0.0.1/", INSIDE),
        ("http://localhost/", INSIDE),
        ("http://10.0.0.1:6379/", PORT),
        ("http://me@10.0.0.1/", LOGIN),
        ("http://[2002:a00:1::]/", INSIDE),
    ],
)
def test_what_the_operator_allows_is_asked_for_and_nothing_besides(url: str, answer: str | tuple[str, int]) -> None:
    with line(ok(b"content")) as (made, _):
        by = Web([ip_network("10.0.0.0/8")], resolver=resolved, connector=made)
        if isinstance(answer, str):
            assert (reason(url, by), made.asked) == (answer, [])
        else:
            with by.get(url) as download:
                assert b"".join(download.chunks) == b"content"
            assert made.asked == [answer]


def own(address: str) -> bool:
    return address == PUBLIC


def test_the_public_address_of_this_machine_is_none_of_the_web() -> None:
    """Nor is anybody told which of its ports are open."""
    with line() as (made, _):
        by = Web(resolver=lambda *_: ["1.1.1.1", PUBLIC], connector=made, own=own)
        assert reason("http://public.example/", by) == INSIDE
        assert made.asked == []


def test_the_operator_may_allow_it() -> None:
    with line(ok(b"content")) as (made, _):
        by = Web([ip_network(f"{PUBLIC}/32")], resolver=resolved, connector=made, own=own)
        with by.get("http://public.example/") as download:
            assert b"".join(download.chunks) == b"content"


def test_a_machine_knows_its_addresses() -> None:
    assert is_own("127.0.0.1")
    assert not is_own(PUBLIC)


def test_an_address_of_a_kind_that_the_kernel_does_not_know_is_not_its_own() -> None:
    def made(family: int, kind: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return socket.socket(family, kind)

    assert is_own("127.0.0.1", made=made)
    assert not is_own("2606:4700:4700::1111", made=made)


def test_nothing_of_a_url_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    broken = b"HTTP/1.1 200 OK\r\nno header at all\r\nContent-Length: 0\r\n\r\n"
    with line(ok(b"content"), broken, moved("http://10.0.0.1/hush"), b"hush\r\n\r\n") as (made, seen):
        by = Web(resolver=resolved, connector=made)
        for _ in range(2):
            with by.get("http://public.example/a?token=hush") as download:
                assert b"".join(download.chunks) in {b"content", b""}
        for _ in range(2):
            assert "hush" not in reason("http://public.example/a?token=hush", by)
    assert len(seen) == 4
    assert "hush" not in caplog.text
