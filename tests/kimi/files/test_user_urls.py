"""Every form of URL by which somebody could try to get somewhere: which of them are asked, and that none else is.

Whoever resolves here reads numbers as resolvers do, in any base and with parts missing, and whoever connects comes to
one server on loopback, whatever the address: what may not be asked must end before that.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address, ip_network

import pytest

from kimi.files.targets import NotFetched
from kimi.files.web import Web
from tests.kimi.loopback import Peer, Received, Server, ok

NEITHER = "its host is neither a public name nor a public address"
INSIDE = "its host has no public address"
INVALID = "its URL is not valid"
SCHEME = "its URL is neither http nor https"
LOGIN = "its URL holds a user name or a password"
PORT = "its port is not one of the web"
NOBODY = "its URL names no host"
UNKNOWN = "its host has no public address"
PUBLIC = "93.184.215.14"

REFUSED = {
    # the same machine, as numbers
    "http://127.0.0.1/": INSIDE,
    "http://127.0.0.1:80/": INSIDE,
    "http://2130706433/": NEITHER,
    "http://017700000001/": NEITHER,
    "http://0x7f000001/": NEITHER,
    "http://0X7F000001/": NEITHER,
    "http://0x7f.0.0.1/": NEITHER,
    "http://0177.0.0.1/": NEITHER,
    "http://0x7f.0.0.01/": NEITHER,
    "http://127.1/": NEITHER,
    "http://127.0.1/": NEITHER,
    "http://127.0.0.1./": NEITHER,
    "http://127.0.0.001/": NEITHER,
    "http://0000127.0.0.1/": NEITHER,
    "http://127.0.0.256/": NEITHER,
    "http://127.0.0.1.1/": NEITHER,
    "http://4294967297/": NEITHER,
    "http://%31%32%37.0.0.1/": INSIDE,
    "http://127%2e0%2e0%2e1/": INSIDE,
    "http://0/": NEITHER,
    "http://0.0.0.0/": INSIDE,
    "http://[::]/": INSIDE,
    "http://[::1]/": INSIDE,
    "http://[0:0:0:0:0:0:0:1]/": INSIDE,
    # addresses inside of addresses
    "http://[::ffff:127.0.0.1]/": INSIDE,
    "http://[::ffff:7f00:1]/": INSIDE,
    "http://[::127.0.0.1]/": INSIDE,
    "http://[::8.8.8.8]/": INSIDE,
    "http://[::ffff:0:10.0.0.1]/": INSIDE,
    "http://[64:ff9b::127.0.0.1]/": INSIDE,
    "http://[64:ff9b::a9fe:a9fe]/": INSIDE,
    "http://[64:ff9b:1::7f00:1]/": INSIDE,
    "http://[64:ff9b:1:fffe::8.8.8.8]/": INSIDE,
    "http://[2002:7f00:1::]/": INSIDE,
    "http://[2002:808:808::]/": INSIDE,
    "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/": INSIDE,
    "http://[2606:4700::5efe:10.0.0.1]/": INSIDE,
    "http://[2606:4700::200:5efe:7f00:1]/": INSIDE,
    "http://[fe80::1]/": INSIDE,
    "http://[fe80::1%25eth0]/": NEITHER,
    "http://[fe80::1%eth0]/": NEITHER,
    "http://[2606:4700:4700::1111%25lo]/": NEITHER,
    "http://[fc00::1]/": INSIDE,
    "http://[ff02::1]/": INSIDE,
    # brackets where they do not belong
    "http://[127.0.0.1]/": INVALID,
    "http://[::1/": INVALID,
    "http://::1/": INVALID,
    "http://[::1]x/": INVALID,
    "http://[[::1]]/": INVALID,
    "http://[]/": INVALID,
    "http://[v1.a]/": INVALID,
    "http://public.example[::1]/": INVALID,
    # other networks that are not public
    "http://10.0.0.1/": INSIDE,
    "http://0x0a000001/": NEITHER,
    "http://012.0.0.1/": NEITHER,
    "http://172.16.0.1/": INSIDE,
    "http://192.168.1.1/": INSIDE,
    "http://192.168.257/": NEITHER,
    "http://255.255.255.255/": INSIDE,
    "http://224.0.0.1/": INSIDE,
    # where clouds keep the secrets of their machines
    "http://169.254.169.254/latest/meta-data/": INSIDE,
    "http://2852039166/latest/meta-data/": NEITHER,
    "http://0xa9.254.0251.254/": NEITHER,
    "http://[fd00:ec2::254]/": INSIDE,
    "http://[::ffff:a9fe:a9fe]/": INSIDE,
    "http://metadata.google.internal/computeMetadata/v1/": NEITHER,
    "http://metadata.google.internal./computeMetadata/v1/": NEITHER,
    "http://168.63.129.16/": INSIDE,
    "http://100.100.100.200/latest/": INSIDE,
    "http://192.0.0.192/opc/v2/": INSIDE,
    "http://169.254.170.2/v2/credentials": INSIDE,
    "http://metadata.public.example/": INSIDE,
    # names of one network
    "http://localhost/": NEITHER,
    "http://LOCALHOST/": NEITHER,
    "http://localhost./": NEITHER,
    "http://a.localhost/": NEITHER,
    "http://printer.local/": NEITHER,
    "http://vault.INTERNAL/": NEITHER,
    "http://router.home.arpa/": NEITHER,
    "http://nas.lan/": NEITHER,
    "http://redis/": NEITHER,
    "http://kubernetes.default.svc.cluster.local/": NEITHER,
    # names that are not what they say
    "http://inside.example/": INSIDE,
    "http://mixed.example/": INSIDE,
    "http://link.example/": INSIDE,
    "http://nowhere.example/": UNKNOWN,
    "http://nothing.example/": UNKNOWN,
    # logins, and what only looks like one
    "http://user@public.example/": LOGIN,
    "http://user:hush@public.example/": LOGIN,
    "http://:@public.example/": LOGIN,
    "http://@public.example/": LOGIN,
    "http://public.example@127.0.0.1/": LOGIN,
    "http://public.example:80@127.0.0.1/": LOGIN,
    "http://public.example%2f@127.0.0.1/": LOGIN,
    "http://user%40public.example/": NEITHER,
    "http://user%3ahush%40127.0.0.1/": NEITHER,
    "http://public.example\\@127.0.0.1/": INVALID,
    "http://127.0.0.1\\@public.example/": INVALID,
    "http://127.0.0.1#@public.example/": INSIDE,
    "http://127.0.0.1?@public.example/": INSIDE,
    "http:\\\\127.0.0.1\\": INVALID,
    "http://public.example\\.inside.example/": INVALID,
    # other schemes
    "file:///etc/passwd": SCHEME,
    "FILE:///etc/passwd": SCHEME,
    "file://localhost/etc/passwd": SCHEME,
    "ftp://public.example/a": SCHEME,
    "gopher://127.0.0.1:6379/_FLUSHALL": SCHEME,
    "dict://127.0.0.1:11211/stats": SCHEME,
    "ldap://127.0.0.1/": SCHEME,
    "jar:http://public.example/a!/b": SCHEME,
    "javascript:alert(1)": SCHEME,
    "blob:http://public.example/a": SCHEME,
    "data:text/plain,a": SCHEME,
    "unix:///var/run/docker.sock": SCHEME,
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/info": SCHEME,
    "ws://public.example/": SCHEME,
    "view-source:http://public.example/": SCHEME,
    "": SCHEME,
    "/etc/passwd": SCHEME,
    # what is no URL, or carries something else inside
    "http:///a": NOBODY,
    "http://": NOBODY,
    "http:////127.0.0.1/": NOBODY,
    "http:/127.0.0.1/": NOBODY,
    "http://?a": NOBODY,
    "ht\ttp://127.0.0.1/": INVALID,
    "http\x00://127.0.0.1/": INVALID,
    "http://public.example/a\r\nHost: 127.0.0.1\r\n": INVALID,
    "http://public.example/?a=\r\nSET a b": INVALID,
    "http://public.example\n.inside.example/": INVALID,
    "http://public.example\x00.inside.example/": INVALID,
    "http://public.example\u2028/": INVALID,
    "http://public.example /": INVALID,
    "http://127.0.0.1\u3000/": INVALID,
    # letters that others read as digits and dots, or do not see
    "http://\u2460\u2461\u2466.0.0.1/": INVALID,
    "http://\uff11\uff12\uff17.0.0.1/": INVALID,
    "http://127\u30020\u30020\u30021/": INVALID,
    "http://127\uff0e0\uff0e0\uff0e1/": INVALID,
    "http://loc\u00adalhost/": INVALID,
    "http://local\u200bhost/": INVALID,
    "http://\u24dbocalhost/": INVALID,
    "http://xn--/": NEITHER,
    "http://xn--127-0-0-1.example/": UNKNOWN,
    # ports
    "http://public.example:0/": PORT,
    "http://public.example:22/": PORT,
    "http://public.example:25/": PORT,
    "https://public.example:0465/": PORT,
    "http://public.example:6379/": PORT,
    "http://public.example:11211/": PORT,
    "http://public.example:65536/": INVALID,
    "http://public.example:99999999999/": INVALID,
    "http://public.example:-1/": INVALID,
    "http://public.example:+80/": INVALID,
    "http://public.example:80:80/": INVALID,
    "http://public.example:8e1/": INVALID,
    "http://public.example:\uff18\uff10/": INVALID,
    # names that are none
    "http://.public.example/": NEITHER,
    "http://public..example/": NEITHER,
    "http://public.example../": NEITHER,
    "http://-public.example/": NEITHER,
    "http://$(id).example/": NEITHER,
    "http://public.example;a/": NEITHER,
    f"http://{'a' * 64}.example/": NEITHER,
    f"http://{'a.' * 130}example/": NEITHER,
    f"http://{'a' * 9000}.example/": "its URL is longer than 8192 characters",
    f"http://public.example/{'a' * 9000}": "its URL is longer than 8192 characters",
}
ASKED = {
    "http://public.example/a?b=c#d": (PUBLIC, 80, "public.example", "/a?b=c"),
    "HTTP://PUBLIC.EXAMPLE./": (PUBLIC, 80, "public.example", "/"),
    "http://public.example": (PUBLIC, 80, "public.example", "/"),
    "http://public.example:/": (PUBLIC, 80, "public.example", "/"),
    "http://public.example:8080/": (PUBLIC, 8080, "public.example:8080", "/"),
    "http://public.example:8443/": (PUBLIC, 8443, "public.example:8443", "/"),
    "http://public.example/a b\u5e74?c\\d": (PUBLIC, 80, "public.example", "/a%20b%E5%B9%B4?c%5Cd"),
    "http://b\u00fccher.example/": (PUBLIC, 80, "xn--bcher-kva.example", "/"),
    "http://\u4f8b\u3048.example/": (PUBLIC, 80, "xn--r8jz45g.example", "/"),
    "http://public.example/@127.0.0.1": (PUBLIC, 80, "public.example", "/@127.0.0.1"),
    "http://8.8.8.8/": ("8.8.8.8", 80, "8.8.8.8", "/"),
    "http://[2606:4700:4700::1111]:8080/": ("2606:4700:4700::1111", 8080, "[2606:4700:4700::1111]:8080", "/"),
    "http://[::ffff:8.8.8.8]/": ("::ffff:808:808", 80, "[::ffff:808:808]", "/"),
    "http://[64:ff9b::808:808]/": ("64:ff9b::808:808", 80, "[64:ff9b::808:808]", "/"),
}
NAMES = {
    "public.example": [PUBLIC],
    "xn--bcher-kva.example": [PUBLIC],
    "xn--r8jz45g.example": [PUBLIC],
    "cdn.example": ["2606:4700:4700::1111"],
    "inside.example": ["10.0.0.1"],
    "metadata.public.example": ["169.254.169.254"],
    "mixed.example": [PUBLIC, "127.0.0.1"],
    "link.example": ["fe80::1%eth0"],
    "nothing.example": [],
    "files": ["10.0.0.1"],
}


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


class Own(socket.socket):
    """A connection to this machine by its public address."""

    def getsockname(self) -> tuple[str, int]:
        return PUBLIC, 80


def test_the_public_address_of_this_machine_is_none_of_the_web() -> None:
    here, there = socket.socketpair()
    by = Web(resolver=resolved, connector=lambda *_: Own(fileno=here.detach()))
    assert reason("http://public.example/", by) == INSIDE
    with there:
        assert there.recv(1) == b"", "nothing is asked there, and the connection is closed"


def test_the_operator_may_allow_it() -> None:
    with line(ok(b"content")) as (made, _):
        by = Web(
            [ip_network(f"{PUBLIC}/32")],
            resolver=resolved,
            connector=lambda *asked: Own(fileno=made(*asked).detach()),
        )
        with by.get("http://public.example/") as download:
            assert b"".join(download.chunks) == b"content"


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
