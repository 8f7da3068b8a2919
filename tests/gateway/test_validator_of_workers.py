"""The processes that check values beside the workers of a real gunicorn."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
import requests

from devtools.waiting import until
from tests.children import has_ended, pids_of_children
from tests.gateway.gunicorns import KEY, Gunicorn, running

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere the children of a process are told differently"
)

APP = "tests.gateway.served:app"
DEAR = {"pattern": r"\S" * 10_000}


@pytest.fixture
def gunicorn(tmp_path: Path, redis_url: str) -> Iterator[Gunicorn]:
    with running(tmp_path, redis_url, app=APP, GATEWAY_WORKERS="2") as found:
        yield found


def ask(gunicorn: Gunicorn, schema: dict[str, Any]) -> requests.Response:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    body = {"model": "kimi", "messages": [{"role": "user", "content": "hello"}], "response_format": form}
    headers = {"Authorization": f"Bearer {KEY}", "Connection": "close"}
    return requests.post(f"{gunicorn.base}/v1/chat/completions", json=body, headers=headers, timeout=60)


def validators(gunicorn: Gunicorn) -> list[int]:
    return [child for worker in gunicorn.workers() for child in pids_of_children(worker)]


def all_have_one(gunicorn: Gunicorn) -> list[int]:
    """Asks until each worker has been asked."""

    def found() -> list[int]:
        assert ask(gunicorn, {"type": "string", "description": str(time.monotonic())}).status_code == 200
        return validators(gunicorn) if len(validators(gunicorn)) == 2 else []

    return until(found, what="both workers have a process")


def test_each_worker_has_its_own_and_none_stays_when_they_stop(gunicorn: Gunicorn) -> None:
    assert validators(gunicorn) == [], "there is none before there is a schema"
    both = all_have_one(gunicorn)
    began = time.monotonic()
    gunicorn.terminate()
    assert gunicorn.wait() == 0
    assert time.monotonic() - began < 5
    until(lambda: all(map(has_ended, both)), seconds=5, what="nothing is left")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGHUP])
def test_signals_for_the_whole_group_are_for_the_workers(gunicorn: Gunicorn, sent: signal.Signals) -> None:
    both = all_have_one(gunicorn)
    assert gunicorn.process is not None
    assert {os.getpgid(each) for each in both}.isdisjoint({os.getpgid(gunicorn.process.pid)})
    gunicorn.process.send_signal(sent)
    until(lambda: all(map(has_ended, both)), what="they end with their workers")
    assert "Traceback" not in gunicorn.said


def test_one_ends_with_a_worker_that_was_killed(gunicorn: Gunicorn) -> None:
    both = all_have_one(gunicorn)
    for worker in gunicorn.workers():
        os.kill(worker, signal.SIGKILL)
    until(lambda: all(map(has_ended, both)), seconds=5, what="they end as well")
    until(lambda: len(gunicorn.workers()) == 2)
    assert len(all_have_one(gunicorn)) == 2


def test_the_only_worker_serves_others_while_a_schema_is_read(tmp_path: Path, redis_url: str) -> None:
    with running(tmp_path, redis_url, app=APP, GATEWAY_WORKERS="1") as gunicorn:
        asking = gevent.get_hub().threadpool.spawn(ask, gunicorn, DEAR)
        served = 0
        while not asking.ready():
            assert requests.get(f"{gunicorn.base}/healthz", timeout=5).status_code == 200
            served += 1
            gevent.sleep(0.001)
        assert served > 10
        refusal = asking.get()
    assert refusal.status_code == 400
    assert refusal.json()["error"]["message"] == "This JSON schema takes too long to be read."
    assert refusal.json()["error"]["param"] == "response_format.json_schema.schema"
