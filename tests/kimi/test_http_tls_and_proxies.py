from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.http1 import Client
from kimi.errors import Unreachable
from kimi.http import Transport, request
from tests.kimi.certificates import Certificate, certify
from tests.kimi.loopback import Peer, Received, Server, ok, refused_port

Maker = Callable[..., Transport | Client]


@pytest.fixture(params=[Transport, Client])
def make(request: pytest.FixtureRequest) -> Iterator[Maker]:
    """Makes one of each kind that keeps the contract."""
    made: list[Transport | Client] = []

    def make(**options: Any) -> Transport | Client:
        made.append(request.param(**options))
        return made[-1]

    yield make
    for transport in made:
        transport.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certify(tmp_path_factory.mktemp("tls") / "cert.pem", address="127.0.0.1")


class CountingContext(ssl.SSLContext):
    """Knows how often certificates were loaded into it."""

    loads = 0

    def load_verify_locations(self, *args: Any, **kwargs: Any) -> None:
        self.loads += 1
        super().load_verify_locations(*args, **kwargs)


def once(body: bytes) -> Any:
    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(ok(body, "Connection: close"))

    return handle


@pytest.fixture
def context(certificate: Certificate) -> CountingContext:
    context = CountingContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificate.file)
    return context


def test_https_is_verified_with_one_context_for_all_connections(
    make: Maker, certificate: Certificate, context: CountingContext
) -> None:
    transport = make(ssl_context=context)

    with Server(once(b'"safe"'), tls=certificate.server) as server:
        answers = [request(transport, "GET", server.url, headers={}, timeout=5).json() for _ in range(2)]
        assert server.connections == 2

    assert answers == ["safe", "safe"]
    assert context.loads == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(make: Maker, certificate: Certificate) -> None:
    with Server(once(b"{}"), tls=certificate.server) as server, pytest.raises(Unreachable, match="CERTIFICATE_VERIFY"):
        request(make(), "GET", server.url, headers={}, timeout=5)


def test_a_certificate_for_another_host_is_refused(make: Maker, tmp_path: Path) -> None:
    other = certify(tmp_path / "cert.pem", name="other.invalid")
    trusting = ssl.create_default_context(cafile=str(other.file))
    with Server(once(b"{}"), tls=other.server) as server, pytest.raises(Unreachable, match="CERTIFICATE_VERIFY"):
        request(make(ssl_context=trusting), "GET", server.url, headers={}, timeout=5)


@pytest.mark.parametrize("framing", ["sized", "chunked", "close-delimited"])
def test_a_long_answer_comes_whole_over_tls(
    make: Maker, certificate: Certificate, context: CountingContext, framing: str
) -> None:
    body = bytes(range(256)) * 1000
    answers = {
        "sized": ok(body),
        "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body),
        "close-delimited": b"HTTP/1.1 200 OK\r\n\r\n" + body,
    }

    def handle(peer: Peer) -> None:
        peer.request()
        peer.send(answers[framing])

    with Server(handle, tls=certificate.server) as server:
        assert request(make(ssl_context=context), "GET", server.url, headers={}, timeout=5).body == body


def test_a_connection_with_tls_is_used_again(make: Maker, certificate: Certificate, context: CountingContext) -> None:
    def handle(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(ok(b"1"))

    transport = make(ssl_context=context)
    with Server(handle, tls=certificate.server) as server:
        for _ in range(3):
            assert request(transport, "GET", server.url, headers={}, timeout=5).json() == 1
        transport.close()
        assert server.connections == 1


def test_plain_http_goes_through_an_http_proxy(make: Maker) -> None:
    seen: list[Received] = []

    def proxy(peer: Peer) -> None:
        seen.append(peer.request())
        peer.send(ok(b'"far"', "Connection: close"))

    with Server(proxy) as server:
        answer = request(
            make(),
            "GET",
            "http://far.invalid/x",
            headers={},
            proxy=f"http://user:pass@127.0.0.1:{server.port}",
            timeout=5,
        )

    assert answer.json() == "far"
    assert seen[0].line == "GET http://far.invalid/x HTTP/1.1"
    assert seen[0].headers["proxy-authorization"] == "Basic dXNlcjpwYXNz"


@pytest.mark.parametrize("proxy_tls", [False, True])
def test_https_goes_through_an_http_proxy_in_a_tunnel(
    make: Maker, certificate: Certificate, context: CountingContext, proxy_tls: bool
) -> None:
    connects: list[str] = []

    def proxy(peer: Peer) -> None:
        line = peer.request().line
        connects.append(line.rpartition(" ")[0])
        host, _, port = line.split()[1].partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as far:
            peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
            _pipe(peer.sock, far)

    with (
        Server(once(b'"far"'), tls=certificate.server) as far,
        Server(proxy, tls=certificate.server if proxy_tls else None) as server,
    ):
        answer = request(make(ssl_context=context), "GET", far.url, headers={}, proxy=server.url, timeout=5)
        assert connects == [f"CONNECT 127.0.0.1:{far.port}"]

    assert answer.json() == "far"
    assert context.loads == 1


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", b"nonsense\r\n\r\n", b""],
    ids=["refused", "nonsense", "closed"],
)
def test_a_proxy_that_makes_no_tunnel_is_unreachable(make: Maker, answer: bytes) -> None:
    def proxy(peer: Peer) -> None:
        assert peer.request().headers["proxy-authorization"] == "Basic dXNlcjpzZWNyZXQ="
        peer.send(answer)

    with Server(proxy) as server, pytest.raises(Unreachable) as raised:
        request(
            make(),
            "GET",
            "https://far.invalid/",
            headers={},
            proxy=f"http://user:secret@127.0.0.1:{server.port}",
            timeout=5,
        )
    assert "far.invalid" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_socks5h_lets_the_proxy_resolve_the_name(make: Maker) -> None:
    asked: list[tuple[str, int, str, str]] = []

    def proxy(peer: Peer) -> None:
        version, methods = peer.exactly(2)
        peer.exactly(methods)
        peer.send(b"\x05\x02")
        _, length = peer.exactly(2)
        user = peer.exactly(length).decode()
        password = peer.exactly(peer.exactly(1)[0]).decode()
        peer.send(b"\x01\x00")
        version, command, _, kind = peer.exactly(4)
        assert (version, command, kind) == (5, 1, 3)
        host = peer.exactly(peer.exactly(1)[0]).decode()
        asked.append((host, int.from_bytes(peer.exactly(2), "big"), user, password))
        peer.send(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        peer.request()
        peer.send(ok(b'"far"', "Connection: close"))

    with Server(proxy) as server:
        answer = request(
            make(),
            "GET",
            "http://far.invalid:81/x",
            headers={},
            proxy=f"socks5h://user:pass@127.0.0.1:{server.port}",
            timeout=5,
        )

    assert answer.json() == "far"
    assert asked == [("far.invalid", 81, "user", "pass")]


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
def test_a_proxy_that_does_not_answer_is_named_without_its_password(make: Maker, scheme: str) -> None:
    with pytest.raises(Unreachable) as raised:
        request(
            make(),
            "GET",
            "http://far.invalid/",
            headers={},
            proxy=f"{scheme}://user:secret@127.0.0.1:{refused_port()}",
            timeout=5,
        )

    assert "far.invalid" in str(raised.value)
    assert "secret" not in str(raised.value)
    assert not raised.value.sent


def _pipe(one: socket.socket, other: socket.socket) -> None:
    def copy() -> None:
        for data in _received(other):
            one.sendall(data)

    back = threading.Thread(target=copy, daemon=True)
    back.start()
    for data in _received(one):
        other.sendall(data)
    other.shutdown(socket.SHUT_WR)
    back.join(10)


def _received(sock: socket.socket) -> Iterator[bytes]:
    while data := sock.recv(65536):
        yield data
