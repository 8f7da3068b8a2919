"""The live page, and all else that several workers have to share, behind real gunicorns."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests

from devtools.waiting import until
from gateway.admin.live import MOST
from kimi.pool import Store, connect
from kimi.pool.interventions import Interventions
from tests.gateway.admin.desks import ADMIN_KEY, BEARER
from tests.gateway.admin.sse import Told, following
from tests.gateway.gunicorns import Gunicorn, running
from tests.gateway.server.listening import rest
from tests.kimi.pool.pools import Clock, Pool, web
from tests.valkey import Valkey

PATIENCE = 10.0
"""For Redis on a busy machine, in seconds."""


@pytest.fixture
def valkey(own_valkey: Valkey) -> Valkey:
    """With three accounts."""
    with connect(own_valkey.url) as redis:
        Pool(Store(redis), Clock(Store(redis).now())).fill(web("a"), web("b"), web("c/d"), lifetime=3_600)
    return own_valkey


@contextmanager
def serving(folder: Path, valkey: Valkey, **settings: str) -> Iterator[Gunicorn]:
    with running(folder, valkey.url, GATEWAY_ADMIN_KEY=ADMIN_KEY, **settings) as gunicorn:
        yield gunicorn


@pytest.fixture
def gunicorn(tmp_path: Path, valkey: Valkey) -> Iterator[Gunicorn]:
    with serving(tmp_path, valkey, GATEWAY_DRAIN_SECONDS="30") as found:
        yield found


@contextmanager
def watching(gunicorn: Gunicorn) -> Iterator[Iterator[Told]]:
    """The events of a stream; the first has come when the block begins."""
    reply = requests.get(f"{gunicorn.base}/admin/api/events", headers=BEARER, stream=True, timeout=30)
    with closing(reply):
        assert reply.status_code == 200
        assert reply.headers["content-type"].startswith("text/event-stream")
        told = following(reply.iter_lines(chunk_size=None))
        assert next(told).name == "overview"
        yield told


def until_told(told: Iterator[Told], name: str, **wanted: Any) -> Told:
    """The next event in which the account is as wanted."""
    return next(
        each
        for each in told
        if each.name == "accounts" and wanted.items() <= each.accounts.get(name, {}).items() and name in each.accounts
    )


def act(gunicorn: Gunicorn, action: str, name: str) -> None:
    url = f"{gunicorn.base}/admin/api/accounts/{action}"
    assert requests.post(url, headers=BEARER, json={"names": [name]}, timeout=10).json()["results"][0]["ok"]


def line_of(gunicorn: Gunicorn) -> list[dict[str, Any]]:
    """What the log says of streams that have ended."""
    lines = [orjson.loads(line) for line in gunicorn.said.splitlines() if '"/admin/api/events"' in line]
    return [line for line in lines if line["event"] == "request"]


def test_a_change_is_told_within_a_second(gunicorn: Gunicorn) -> None:
    with watching(gunicorn) as told:
        began = time.monotonic()
        act(gunicorn, "pause", "c/d")
        changed = until_told(told, "c/d", state="paused")
        assert time.monotonic() - began < 2
        assert set(changed.accounts) == {"c/d"}
        act(gunicorn, "resume", "c/d")
        until_told(told, "c/d", state="active")


def test_every_viewer_is_told_and_one_who_leaves_is_noticed_at_once(gunicorn: Gunicorn) -> None:
    with watching(gunicorn) as one:
        with watching(gunicorn) as other:
            act(gunicorn, "pause", "a")
            until_told(one, "a", state="paused")
            until_told(other, "a", state="paused")
        until(lambda: len(line_of(gunicorn)) == 1, seconds=2, what="the log tells of the one who left")
        act(gunicorn, "resume", "a")
        until_told(one, "a", state="active")
    until(lambda: len(line_of(gunicorn)) == 2, seconds=2, what="and of the other one")
    assert {(line["status"], line["outcome"], line["client"]) for line in line_of(gunicorn)} == {(200, "ok", "admin")}


def test_the_end_of_a_worker_ends_the_streams_at_once(gunicorn: Gunicorn) -> None:
    with watching(gunicorn) as told:
        began = time.monotonic()
        gunicorn.terminate()
        assert [each.name for each in told if each.name == "accounts"] == []  # and it ends as it should
        assert gunicorn.wait() == 0
        assert time.monotonic() - began < 5


def test_who_does_not_read_holds_up_nobodys_end(gunicorn: Gunicorn, valkey: Valkey) -> None:
    with connect(valkey.url, timeout=PATIENCE) as redis:
        pool = Pool(Store(redis), Clock(Store(redis).now()))
        pool.fill(*(web(f"account-{number:04}") for number in range(1_500)))
    stuck = socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    with stuck, watching(gunicorn) as told:
        stuck.connect(("127.0.0.1", gunicorn.port))
        key = f"Authorization: Bearer {ADMIN_KEY}"
        stuck.sendall(f"GET /admin/api/events HTTP/1.1\r\nHost: x\r\n{key}\r\n\r\n".encode())
        assert stuck.recv(12) == b"HTTP/1.1 200"
        with connect(valkey.url, timeout=PATIENCE) as redis:
            for number in range(1_500):
                Interventions(Store(redis)).pause(f"account-{number:04}")
        until_told(told, "account-1499", state="paused")  # a megabyte, of which the other one has read 12 bytes
        began = time.monotonic()
        gunicorn.terminate()
        assert gunicorn.wait() == 0
        assert time.monotonic() - began < 5


def test_that_redis_is_away_is_told_and_everything_once_it_is_back(gunicorn: Gunicorn, valkey: Valkey) -> None:
    with watching(gunicorn) as told:
        valkey.stop()
        next(each for each in told if each.name == "overview" and not each.data["redis"]["up"])
        valkey.start()
        names: set[str] = set()
        is_up = False
        while not is_up or names != {"a", "b", "c/d"}:  # Redis may be back behind one look and before the other
            event = next(told)
            if event.name == "overview":
                is_up = event.data["redis"]["up"]
            else:
                names |= set(event.accounts)


def test_strangers_hold_no_connection_with_what_does_not_come(gunicorn: Gunicorn) -> None:
    with gunicorn.connect() as stranger, gunicorn.connect() as slow, gunicorn.connect() as silent:
        stranger.sendall(b"POST /admin/api/session HTTP/1.1\r\nHost: x\r\nContent-Length: 200\r\n\r\n{")
        slow.sendall(b"GET / HTTP/1.1\r\nHost:")
        for each in (stranger, slow):
            answer = rest(each)
            assert answer.startswith(b"HTTP/1.1 408 ") and b"request_timeout" in answer
        assert rest(silent) == b""


def test_only_so_many_look_at_one_worker(gunicorn: Gunicorn) -> None:
    url = f"{gunicorn.base}/admin/api/events"
    replies = [requests.get(url, headers=BEARER, stream=True, timeout=10) for _ in range(MOST + 1)]
    try:
        assert sorted(reply.status_code for reply in replies) == [200] * MOST + [429]
        assert replies[-1].headers["retry-after"]
    finally:
        for reply in replies:
            reply.close()


def test_workers_share_sessions_and_count_wrong_keys_together(tmp_path: Path, valkey: Valkey) -> None:
    with serving(tmp_path, valkey, GATEWAY_WORKERS="2") as gunicorn:
        url = f"{gunicorn.base}/admin/api/session"
        with requests.Session() as page:
            assert page.post(url, json={"key": ADMIN_KEY}, timeout=10).status_code == 200
            cookie = dict(page.cookies)
        for _ in range(20):  # connections of their own, which go to whichever worker is free
            assert requests.get(url, cookies=cookie, timeout=10).status_code == 200
        proxied = requests.post(url, json={"key": ADMIN_KEY}, headers={"x-forwarded-proto": "https"}, timeout=10)
        assert "Secure" in proxied.headers["set-cookie"]
        answers = [requests.post(url, json={"key": "guess-7"}, timeout=10).status_code for _ in range(6)]
        assert answers == [401, 401, 401, 401, 429, 429]
    lines = [line for line in gunicorn.said.splitlines() if '"request"' in line]
    assert ADMIN_KEY not in "".join(lines) and "guess-7" not in "".join(lines)
