"""The port that is there for probes and figures alone, in front of a real gunicorn with the product's configuration."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final

import pytest
import requests

from devtools import children
from devtools.waiting import until
from gateway.metrics_port import PLACES
from tests.gateway.gunicorns import KEY, TRACE, Gunicorn, running
from tests.ports import free_port

AUTHORIZED: Final = {"Authorization": f"Bearer {KEY}"}
PAGES: Final = ("/healthz", "/readyz", "/metrics")
MOST: Final = 16
QUESTION: Final = b'{"model":"kimi","messages":[{"role":"user","content":"sleep=60"}]}'
ASKED: Final = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b"
) % (KEY.encode(), len(QUESTION), QUESTION)


@pytest.fixture
def gateway(tmp_path: Path, shared_valkey: Any) -> Iterator[Gunicorn]:
    with running(
        tmp_path,
        shared_valkey.url,
        app="tests.gateway.served:app",
        GATEWAY_METRICS_PORT=str(free_port()),
        GATEWAY_MAX_CONNECTIONS=str(MOST),
        GATEWAY_DRAIN_SECONDS="4",
        **{TRACE: str(tmp_path / "trace")},
    ) as found:
        yield found


def page(gateway: Gunicorn, path: str, **more: Any) -> requests.Response:
    return requests.get(f"http://127.0.0.1:{gateway.env['GATEWAY_METRICS_PORT']}{path}", timeout=30, **more)


def fill(gateway: Gunicorn, until_left: ExitStack) -> None:
    """Has every place taken by a request with a key that an account is asked for."""
    for _ in range(MOST):
        until_left.enter_context(gateway.connect()).sendall(ASKED)
    until(lambda: gateway.trace.count("started") == MOST, seconds=30)


def takes_clients(gateway: Gunicorn) -> bool:
    try:
        gateway.connect().close()
    except ConnectionRefusedError:
        return False
    return True


def test_it_is_answered_however_many_requests_there_are(gateway: Gunicorn) -> None:
    with ExitStack() as busy:
        fill(gateway, busy)
        with pytest.raises(requests.Timeout):
            requests.get(f"{gateway.base}/healthz", timeout=1)
        assert [page(gateway, path).status_code for path in PAGES] == [200, 200, 200]
        assert f"kimi_gateway_in_flight {MOST}.0" in page(gateway, "/metrics").text


def test_it_tells_until_the_end_that_the_gateway_shuts_down(gateway: Gunicorn) -> None:
    with ExitStack() as busy:
        fill(gateway, busy)
        gateway.terminate()
        until(lambda: page(gateway, "/readyz").status_code == 503)
        until(lambda: not takes_clients(gateway))
        answer = page(gateway, "/readyz")
        assert answer.json()["reasons"] == ["shutting down"] and answer.headers["connection"] == "close"
        assert page(gateway, "/healthz").status_code == 200
    assert gateway.wait() == 0


@pytest.mark.parametrize("had", [True, False])
def test_a_reload_leaves_the_addresses_as_they_are(*, had: bool, tmp_path: Path, shared_valkey: Any) -> None:
    first, other = free_port(), free_port()
    variables = tmp_path / ".env"
    variables.write_text(f"GATEWAY_METRICS_PORT={first}\n" if had else "")
    with running(tmp_path, shared_valkey.url, app="tests.gateway.served:app") as gateway:
        before = gateway.workers()
        variables.write_text(f"GATEWAY_METRICS_PORT={other}\n")
        gateway.send(signal.SIGHUP)
        until(lambda: gateway.workers() and not gateway.workers() & before, seconds=30, what="other workers")
        assert requests.get(f"{gateway.base}/v1/models", headers=AUTHORIZED, timeout=30).status_code == 200
        assert "GATEWAY_METRICS_PORT: what is set now holds from the next start on" in gateway.said
        if had:
            told = [
                requests.get(f"http://127.0.0.1:{first}{path}", timeout=30, headers=AUTHORIZED)
                for path in ("/healthz", "/v1/models")
            ]
            assert [answer.status_code for answer in told] == [200, 404]
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://127.0.0.1:{other}/healthz", timeout=30)


def test_a_reload_takes_no_weak_key_for_sockets_that_others_reach(tmp_path: Path, shared_valkey: Any) -> None:
    """Whatever GATEWAY_HOST says by then, they stay where they are."""
    variables = tmp_path / ".env"
    variables.write_text(f"GATEWAY_HOST=0.0.0.0\nGATEWAY_API_KEYS={token_urlsafe(32)}\n")
    with running(tmp_path, shared_valkey.url, app="tests.gateway.served:app", GATEWAY_API_KEYS="") as gateway:
        variables.write_text(f"GATEWAY_HOST=127.0.0.1\nGATEWAY_API_KEYS={KEY}\n")
        gateway.send(signal.SIGHUP)
        assert gateway.wait() == 2
        assert "GATEWAY_API_KEYS: key 1 is shorter" in gateway.said


def test_there_is_nothing_else(gateway: Gunicorn) -> None:
    for path in ("/", "/v1/models", "/admin", "/docs", "/healthz/", "//metrics", "/metrics/x"):
        assert page(gateway, path, headers=AUTHORIZED).status_code == 404
    assert requests.get(f"{gateway.base}/v1/models", headers=AUTHORIZED, timeout=30).status_code == 200


def test_without_it_all_sockets_are_for_clients(tmp_path: Path, shared_valkey: Any) -> None:
    """Whoever starts gunicorn may have it listen at a path too, which has no port."""
    gateway, path = Gunicorn(tmp_path, shared_valkey.url, app="tests.gateway.served:app"), str(tmp_path / "socket")
    gateway.env["GUNICORN_CMD_ARGS"] = f"--bind 127.0.0.1:{gateway.port} --bind unix:{path}"
    try:
        gateway.start()
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(30)
            client.connect(path)
            client.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\n\r\n" % KEY.encode())
            assert client.recv(65_536).startswith(b"HTTP/1.1 200 ")
    finally:
        assert gateway.process is not None
        children.stop(gateway.process, 30)


def test_whoever_keeps_its_connections_open_makes_room_for_the_next_one(gateway: Gunicorn) -> None:
    with ExitStack() as asleep:
        for _ in range(PLACES + 1):
            session = asleep.enter_context(requests.Session())
            session.get(f"http://127.0.0.1:{gateway.env['GATEWAY_METRICS_PORT']}/healthz", timeout=30)
        assert page(gateway, "/healthz").status_code == 200
