"""Fetching from a server on loopback, which has to be allowed for that."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from kimi.files.targets import NotFetched
from kimi.files.web import Web
from kimi.files.wires import Timeouts
from tests.kimi.certificates import Certificate, certify
from tests.kimi.loopback import Handler, Peer, Received, Server, ok, refused_port
from tests.kimi.pool.pools import Clock

LOOPBACK = (ip_network("127.0.0.1/32"),)


class Hosts:
    """A resolver with a list of its own, which notes what it was asked."""

    def __init__(self, **known: Sequence[str]) -> None:
        self.known = known
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if host not in self.known:
            raise OSError("unknown")
        return self.known[host]


def web(hosts: Hosts | None = None, **options: object) -> Web:
    known = Hosts(files=["127.0.0.1"], other=["127.0.0.1"], inside=["10.0.0.1"]) if hosts is None else hosts
    return Web(LOOPBACK, resolver=known, **options)  # type: ignore[arg-type]


def fetched(url: str, by: Web | None = None) -> bytes:
    with (by or web()).get(url) as download:
        return b"".join(download.chunks)


def refused(url: str, by: Web | None = None) -> str:
    with pytest.raises(NotFetched) as caught:
        fetched(url, by)
    return str(caught.value)


def replying(*pieces: bytes) -> Handler:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(*pieces)

    return handle


def redirect(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


def test_only_what_is_needed_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{refused_port()}")
    seen: list[Received] = []

    def handle(peer: Peer) -> None:
        seen.append(peer.request())
        peer.send(ok(b"content", "Content-Type: text/csv"))

    with Server(handle) as server, web().get(f"http://files:{server.port}/a b/年.csv?x=1#part") as download:
        assert b"".join(download.chunks) == b"content"
        assert download.headers["content-type"] == "text/csv"
    assert seen[0].line == "GET /a%20b/%E5%B9%B4.csv?x=1 HTTP/1.1"
    assert seen[0].headers["host"] == f"files:{server.port}"
    assert seen[0].headers["accept-encoding"] == "identity"
    assert seen[0].headers.keys() == {"host", "user-agent", "accept", "accept-encoding", "connection"}


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://files/a", "its URL is neither http nor https"),
        ("file:///etc/passwd", "its URL is neither http nor https"),
        ("a.pdf", "its URL is neither http nor https"),
        ("http:///a", "its URL names no host"),
        ("http://files:99999/", "its URL is not valid"),
        ("http://[::1/", "its URL is not valid"),
        ("http://me:hush@files/", "its URL holds a user name or a password"),
        ("http://nowhere/", "its host has no public address"),
        ("http://inside/", "its host has no public address"),
    ],
)
def test_what_cannot_be_asked_for(url: str, reason: str) -> None:
    assert refused(url) == reason


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/",
    ],
)
def test_by_default_nothing_here_can_be_reached(url: str) -> None:
    neither = "its host is neither a public name nor a public address"
    assert refused(url, Web()) in {"its host has no public address", neither}


def test_one_address_that_is_not_public_is_enough() -> None:
    mixed = Hosts(files=["127.0.0.1", "10.0.0.1"])
    assert refused("http://files/", web(mixed)) == "its host has no public address"


def test_a_name_is_asked_for_once_so_that_it_cannot_mean_something_else_later() -> None:
    hosts = Hosts(files=["127.0.0.1"])
    with Server(replying(ok(b"content"))) as server:
        assert fetched(f"http://files:{server.port}/", web(hosts)) == b"content"
    assert hosts.asked == ["files"]


def test_a_further_address_is_tried_where_one_does_not_answer() -> None:
    hosts = Hosts(files=["127.0.0.2", "127.0.0.1"])
    by = Web((ip_network("127.0.0.0/8"),), resolver=hosts)
    with Server(replying(ok(b"content"))) as server:
        assert fetched(f"http://files:{server.port}/", by) == b"content"
    assert refused(f"http://files:{refused_port()}/", by) == "no connection to its server can be made"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_and_looked_at_anew(status: int) -> None:
    hosts = Hosts(files=["127.0.0.1"], other=["127.0.0.1"])
    seen: list[str] = []

    def handle(peer: Peer) -> None:
        asked = peer.request()
        seen.append(asked.headers["host"])
        to = f"//other:{server.port}/b%20c"
        peer.send(ok(b"content") if asked.line.startswith("GET /b%20c ") else redirect(to, status))

    with Server(handle) as server, web(hosts).get(f"http://files:{server.port}/a") as download:
        assert b"".join(download.chunks) == b"content"
        assert download.url.endswith("/b%20c")
    assert hosts.asked == ["files", "other"]
    assert seen == [f"files:{server.port}", f"other:{server.port}"]


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://inside/", "its host has no public address"),
        ("http://10.0.0.1/", "its host has no public address"),
        ("file:///etc/passwd", "its URL is neither http nor https"),
        ("http://me:hush@files/", "its URL holds a user name or a password"),
        ("http://[::1/", "it is redirected to nowhere"),
        ("", "it is redirected to nowhere"),
    ],
)
def test_a_redirect_to_where_nothing_is_fetched_from(location: str, reason: str) -> None:
    with Server(replying(redirect(location))) as server:
        assert refused(f"http://files:{server.port}/") == reason


def test_redirects_end() -> None:
    with Server(replying(redirect("/again"))) as server:
        assert refused(f"http://files:{server.port}/") == "it is redirected too often"
        assert server.connections == 6


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "its server answers with status 404"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "its server answers with status 204"),
        (ok(b"x", "Content-Encoding: gzip"), "its server sends it compressed, which nobody asked for"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "the connection to its server broke"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "the connection to its server broke"),
        *(
            (
                ok(b"1\r\na\r\n0\r\n\r\n", f"Transfer-Encoding: {coding}"),
                "its server sends it in a coding that nobody asked for",
            )
            for coding in (
                "gzip, chunked",
                "chunked, chunked",
                "chunked ",
                "identity",
                "chunked\r\nTransfer-Encoding: x",
            )
        ),
        (b"nonsense\r\n\r\n", "the connection to its server broke"),
        (b"", "the connection to its server broke"),
    ],
)
def test_answers_that_are_no_file(answer: bytes, reason: str) -> None:
    with Server(replying(answer)) as server:
        assert refused(f"http://files:{server.port}/") == reason


@pytest.mark.parametrize("pieces", [(), (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"half")])
def test_a_server_that_falls_silent(pieces: tuple[bytes, ...]) -> None:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(*pieces)
        peer.wait_closed()

    with Server(handle) as server:
        by = web(timeouts=Timeouts(silence=0.1))
        assert refused(f"http://files:{server.port}/", by) == "its server does not answer in time"


def test_a_server_that_never_ends() -> None:
    clock = Clock()

    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            peer.send(b"more")

    with Server(handle) as server, web(clock=clock).get(f"http://files:{server.port}/") as download:
        next(download.chunks)
        clock.now += 61
        with pytest.raises(NotFetched, match="it took longer than 60 s"):
            next(download.chunks)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certify(tmp_path_factory.mktemp("tls") / "files.pem", name="files")


def test_the_certificate_has_to_be_for_the_name_and_not_for_the_address(certificate: Certificate) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate.file))
    with Server(replying(ok(b"content")), tls=certificate.server) as server:
        assert fetched(f"https://files:{server.port}/", web(ssl_context=trusting)) == b"content"
        for_other = refused(f"https://other:{server.port}/", web(ssl_context=trusting))
        by_stranger = refused(f"https://files:{server.port}/")
    assert for_other == by_stranger == "its server has no valid certificate"


def test_a_redirect_from_https_to_http_is_refused(certificate: Certificate) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate.file))
    with Server(replying(redirect("http://files/")), tls=certificate.server) as server:
        reason = refused(f"https://files:{server.port}/", web(ssl_context=trusting))
    assert reason == "it is redirected from https to what is not"
