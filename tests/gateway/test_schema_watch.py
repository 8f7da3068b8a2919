from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from devtools.waiting import until
from gateway.schema_watch import SchemaWatch
from gateway.startup import convert_store
from gateway.views.health import OUTDATED
from kimi.errors import Outdated, StoreUnavailable
from kimi.pool.clients import Clients
from kimi.pool.migrating import Migration
from kimi.pool.schema import LOOK_SECONDS, Schema, at_work
from kimi.version import VERSION
from tests.gateway.fakes import Clock
from tests.gateway.gunicorns import Gunicorn, running
from tests.gateway.test_startup import settings
from tests.kimi.pool.converting import AFTER_THAT, LAST, NEXT, fill, schema, upgrade
from tests.kimi.pool.pools import Pool
from tests.ports import free_port


def test_a_worker_that_a_newer_release_has_shut_out_knows_and_says_it(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock(0.0)
    watch = SchemaWatch(Schema(pool.store, "gateway here-1"), monotonic=clock)

    def seen() -> bool:
        clock.now += LOOK_SECONDS
        watch.check()
        return watch.is_shut_out

    with caplog.at_level(logging.INFO):
        assert not seen()
        upgrade(pool.store, NEXT)
        assert not seen(), "the next release goes on beside it"
        upgrade(pool.store, AFTER_THAT)
        assert seen()
        pool.store.redis.flushall()
        assert not seen()
    first, second = caplog.messages
    assert first.startswith(f"Redis holds schema {LAST + 2}, written by release 9.1.0; this is release {VERSION}")
    assert second == "what Redis holds is understood again"


def test_an_older_state_that_is_put_back_shuts_out_who_does_not_read_it(pool: Pool) -> None:
    clock, told = Clock(0.0), list[Outdated | None]()
    watch = SchemaWatch(schema(pool.store, "0.4.0"), bar=told.append, monotonic=clock)

    def seen() -> str:
        clock.now += LOOK_SECONDS
        watch.check()
        assert watch.is_shut_out is bool(told[-1])
        return str(told[-1])

    fill(pool.store, 3)
    assert "has not converted yet" in seen()
    assert Migration(schema(pool.store, "0.4.0")).run()
    assert seen() == "None"


def test_it_shows_its_release_until_it_ends(pool: Pool) -> None:
    clock = Clock(0.0)
    watch = SchemaWatch(Schema(pool.store, "gateway here-1"), monotonic=clock)
    watch.check()
    assert at_work(pool.store) == {VERSION: ["gateway here-1"]}
    watch.end()
    clock.now += LOOK_SECONDS
    watch.check()
    assert at_work(pool.store) == {}


def test_a_gateway_that_runs_looks_by_itself_and_is_not_ready(pool: Pool, redis_url: str, tmp_path: Path) -> None:
    operator = "an-admin-key-of-some-length"
    with running(tmp_path, redis_url, GATEWAY_ADMIN_KEY=operator) as gateway:
        assert Schema(pool.store).look().version == LAST, "it has made it what this release makes it"

        def create() -> requests.Response:
            url, key = f"{gateway.base}/admin/api/keys", {"authorization": f"Bearer {operator}"}
            return requests.post(url, json={"name": "somebody"}, headers=key, timeout=30)

        assert create().status_code == 201
        upgrade(pool.store, AFTER_THAT)

        def is_told() -> bool:
            answer = requests.get(f"{gateway.base}/readyz", timeout=30)
            return answer.status_code == 503 and OUTDATED in answer.json()["reasons"]

        until(is_told, seconds=30, what="it says that it does not understand what Redis holds")
        refused = create()
        assert refused.status_code == 503 and "of a newer release" in refused.json()["error"]["message"]
        assert len(Clients(pool.store).all()) == 1, "it has written nothing"


def test_one_that_is_too_old_does_not_start(pool: Pool, redis_url: str, tmp_path: Path) -> None:
    upgrade(pool.store, AFTER_THAT)
    ended = Gunicorn(tmp_path, redis_url, app="gateway.wsgi:app").run()
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"gateway: Redis holds schema {LAST + 2}, ")
    assert line.endswith(": start release 9.0.0 or a newer one")


def test_who_is_told_to_reload_goes_on_without_redis_but_not_with_what_is_too_new(pool: Pool, redis_url: str) -> None:
    away = settings(redis_url=f"redis://127.0.0.1:{free_port()}/0")
    convert_store(away, must_answer=False)
    with pytest.raises(StoreUnavailable):
        convert_store(away, must_answer=True)
    upgrade(pool.store, AFTER_THAT)
    with pytest.raises(Outdated):
        convert_store(settings(redis_url=redis_url), must_answer=False)


def test_one_that_is_told_to_stop_while_another_converts_does(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def tell(_migration: Migration, _stopped: Callable[[], bool]) -> bool:
        os.kill(os.getpid(), signal.SIGTERM)
        return False

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(Migration, "advance", tell)
    with pytest.raises(SystemExit) as ended:
        convert_store(settings(redis_url=redis_url), must_answer=True)
    assert ended.value.code == 0
    assert signal.getsignal(signal.SIGTERM) == before
