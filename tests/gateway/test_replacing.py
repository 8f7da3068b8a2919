"""Workers that drain beside others, under a real gunicorn: whoever asks is answered by those who serve."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import requests

from devtools.waiting import until
from tests.children import has_ended, pids_of_children
from tests.gateway.gunicorns import KEY, TRACE, Gunicorn, running
from tests.ports import free_port

AUTHORIZED: Final = {"Authorization": f"Bearer {KEY}"}
CLOSING: Final = {**AUTHORIZED, "Connection": "close"}
QUESTION: Final = b'{"model":"kimi","messages":[{"role":"user","content":"sleep=60"}]}'
ASKED: Final = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b"
) % (KEY.encode(), len(QUESTION), QUESTION)


@contextmanager
def a_gateway(folder: Path, redis_url: str, **more: Any) -> Iterator[Gunicorn]:
    with running(
        folder,
        redis_url,
        app="tests.gateway.served:app",
        GATEWAY_METRICS_PORT=str(free_port()),
        GATEWAY_DRAIN_SECONDS="30",
        **{TRACE: str(folder / "trace")},
        **more,
    ) as found:
        yield found


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, shared_valkey: Any) -> Iterator[Gunicorn]:
    """One gateway with one worker for all tests that leave it so."""
    with a_gateway(tmp_path_factory.mktemp("replacing"), shared_valkey.url) as found:
        yield found


@contextmanager
def kept_busy(gateway: Gunicorn) -> Iterator[int]:
    """The only worker, which has a request of a minute; afterwards it is to be gone, and another one is there."""
    (worker,) = gateway.workers()
    before = gateway.trace.count("started")
    with gateway.connect() as client:
        client.sendall(ASKED)
        until(lambda: gateway.trace.count("started") > before, seconds=30, what="the request is under way")
        yield worker
    until(lambda: len(gateway.workers() - {worker}) == len(gateway.workers()) == 1, seconds=30, what="one other worker")


def another(gateway: Gunicorn, *those: int) -> int:
    """A worker that is none of `those`."""
    until(lambda: len(gateway.workers()) == len({*those}) + 1, seconds=30, what="one more worker")
    (found,) = gateway.workers() - {*those}
    return found


def serves(gateway: Gunicorn) -> bool:
    """Whether clients are answered."""
    return requests.get(f"{gateway.base}/v1/models", headers=CLOSING, timeout=15).status_code == 200


def watched(gateway: Gunicorn, times: int = 20) -> set[tuple[int, int, int]]:
    """What those who watch are told, whichever worker it is that takes their connections."""
    base = f"http://127.0.0.1:{gateway.env['GATEWAY_METRICS_PORT']}"

    def status(path: str) -> int:
        return requests.get(f"{base}{path}", headers=CLOSING, timeout=15).status_code

    return {(status("/healthz"), status("/readyz"), status("/metrics")) for _ in range(times)}


def test_what_dies_beside_a_worker_that_drains_is_replaced(gateway: Gunicorn) -> None:
    with kept_busy(gateway) as old:
        gateway.send(signal.SIGHUP)
        new = another(gateway, old)
        os.kill(new, signal.SIGKILL)
        until(lambda: new not in gateway.workers(), seconds=30, what="it is gone")
        another(gateway, old)
        assert serves(gateway)
        assert watched(gateway) == {(200, 200, 200)}
        assert old in gateway.workers(), "it has to drain still"


def test_a_worker_that_ends_by_itself_is_replaced_at_once(gateway: Gunicorn) -> None:
    with kept_busy(gateway) as old:
        fall = {"model": "kimi", "messages": [{"role": "user", "content": "fall=x"}]}
        requests.post(f"{gateway.base}/v1/chat/completions", json=fall, headers=AUTHORIZED, timeout=30)
        another(gateway, old)
        assert serves(gateway)
        assert watched(gateway) == {(200, 200, 200)}
        assert old in gateway.workers(), "it has to drain still"


def test_the_number_of_workers_is_of_those_that_serve(gateway: Gunicorn) -> None:
    with kept_busy(gateway) as old:
        gateway.send(signal.SIGHUP)
        second = another(gateway, old)
        gateway.send(signal.SIGTTIN)
        third = another(gateway, old, second)
        gateway.send(signal.SIGTTOU)
        until(lambda: second not in gateway.workers(), seconds=30, what="the one that has served for longest is gone")
        assert gateway.workers() == {old, third}


def test_to_the_end_the_whole_gateway_says_that_it_ends(tmp_path: Path, shared_valkey: Any) -> None:
    with a_gateway(tmp_path, shared_valkey.url) as gateway:
        with gateway.connect() as client:
            client.sendall(ASKED)
            until(lambda: "started" in gateway.trace, seconds=30, what="the request is under way")
            (old,) = gateway.workers()
            gateway.send(signal.SIGHUP)
            another(gateway, old)
            gateway.terminate()
            gateway.terminate()  # whoever is impatient cuts nobody off
            until(lambda: watched(gateway, times=1) == {(200, 503, 200)}, seconds=10, what="SIGTERM is heard")
            until(lambda: gateway.workers() == {old}, seconds=10, what="the one that has nothing to do is gone")
            assert watched(gateway) == {(200, 503, 200)}
        assert gateway.wait() == 0


def test_a_program_that_takes_over_behind_a_reload_has_figures_of_its_own(tmp_path: Path, shared_valkey: Any) -> None:
    installed = [str(Path(sys.executable).with_name("gunicorn"))]  # `python -m` cannot be started anew by gunicorn
    heir = 0
    try:
        with a_gateway(tmp_path, shared_valkey.url, program=installed) as gateway:
            (first,) = gateway.workers()
            gateway.send(signal.SIGHUP)
            until(lambda: first not in gateway.workers(), seconds=30, what="the reload is done")
            (second,) = gateway.workers()
            gateway.send(signal.SIGUSR2)
            heir = another(gateway, second)
            until(lambda: pids_of_children(heir), seconds=30, what="the new program has a worker")
            gateway.terminate()
            assert gateway.wait() == 0
            assert serves(gateway)
            assert watched(gateway, times=1) == {(200, 200, 200)}
    finally:
        if heir:
            os.kill(heir, signal.SIGTERM)
            until(lambda: has_ended(heir), seconds=30, what="the new program has ended")
