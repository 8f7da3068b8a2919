"""What a dead worker held."""

from __future__ import annotations

import logging
import signal
from pathlib import Path

import pytest
import redis
import requests

from devtools.waiting import until
from gateway import crew
from kimi.errors import AllBusy
from kimi.pool import Leases, Store, connect
from kimi.settings import CommonSettings
from tests.gateway.gunicorns import Gunicorn, running
from tests.kimi.pool.pools import KIMI, Clock, Pool, web
from tests.ports import free_port
from tests.valkey import Valkey


def at(redis_url: str) -> CommonSettings:
    return CommonSettings.model_validate({"redis_url": redis_url})


def test_all_workers_of_a_master_are_one_crew() -> None:
    environ: dict[str, str] = {}
    assert crew.found(environ)
    first = crew.worker_name(environ, 1)
    assert not crew.found(environ), "a reload"
    assert crew.worker_name(environ, 1) == first != crew.worker_name(environ, 2)
    assert crew.worker_name({}, 1) != crew.worker_name({}, 1), "without a master nobody shares a name by accident"
    assert not {":", "."} & set(first)


def test_what_a_dead_worker_held_is_free_at_once(redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    redis, clock = connect(redis_url), Clock()
    pool = Pool(Store(redis, clock=clock), clock)
    pool.fill(web("a"))
    Leases(pool.store, worker="crew-1").acquire(KIMI)
    with pytest.raises(AllBusy):
        pool.leases.acquire(KIMI)
    crew.bury(at(redis_url), "crew-2")
    crew.bury(at(redis_url), "crew-1")
    assert pool.leases.acquire(KIMI).account.name == "a"
    assert [record.getMessage() for record in caplog.records] == ["a worker is gone, its 1 leases are given back"]
    redis.close()


def test_without_a_store_its_leases_expire(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        crew.bury(at(f"redis://127.0.0.1:{free_port()}/0"), "crew-1")
    assert "are left to expire" in caplog.text


def test_a_bury_needs_no_connection_of_its_own_afterwards(redis_url: str, redis_client: redis.Redis) -> None:
    before = len(redis_client.client_list())
    crew.bury(at(redis_url), "crew-1")
    assert len(redis_client.client_list()) == before


def test_a_reload_does_not_end_a_gateway_whose_redis_is_away(tmp_path: Path, own_valkey: Valkey) -> None:
    with running(tmp_path, own_valkey.url, app="tests.gateway.served:app") as gunicorn:
        own_valkey.stop()
        before = worker_of(gunicorn)
        gunicorn.send(signal.SIGHUP)
        until(lambda: worker_of(gunicorn) not in (before, None), what="another worker")
        assert requests.get(f"{gunicorn.base}/healthz", timeout=5).status_code == 200


def worker_of(gunicorn: Gunicorn) -> int | None:
    """The process id of the one worker; None while there are two or none."""
    workers = gunicorn.workers()
    return workers.pop() if len(workers) == 1 else None
