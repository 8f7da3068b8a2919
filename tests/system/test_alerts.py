"""The operator hears of what happens to real processes, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from devtools.waiting import until
from kimi.alerts.webhook import HEADER
from kimi.pool import Store, connect
from kimi.pool.store import PREFIX
from tests.kimi.alerts.receivers import answering
from tests.kimi.loopback import Received
from tests.kimi.pool.converting import AFTER_THAT, upgrade
from tests.system.stack import Stack

SECRET = "a-secret-of-some-length"
WATCHES = "this process watches"
URL_SECRET = "path-that-nobody-may-see"

Told = tuple[str, bool, list[str]]


@dataclass
class Watched:
    """Two refreshers and a gateway that tell a webhook."""

    stack: Stack
    calls: list[Received]

    def told(self) -> list[Told]:
        notes: list[dict[str, Any]] = [json.loads(call.body) for call in self.calls]
        return [(note["rule"], note["resolved"], note["subjects"]) for note in notes]

    def noted(self, alert: str) -> str:
        """What is remembered of it, by whoever watches next."""
        with redis.Redis.from_url(self.stack.valkey.url, decode_responses=True) as client:
            return str(client.hget(f"{PREFIX}alerts", alert))

    def hears(self, *expected: Told, seconds: float) -> None:
        until(lambda: len(self.told()) >= len(expected), seconds=seconds, what=f"{expected} is told")
        assert self.told() == list(expected)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with answering() as (server, calls):
        stack = Stack(
            tmp_path,
            env={
                "ALERT_WEBHOOK_URL": f"{server.url}/{URL_SECRET}",
                "ALERT_WEBHOOK_SECRET": SECRET,
                "ALERT_REFRESHER_SILENT_SECONDS": "10",
                "LOG_LEVEL": "debug",
            },
        )
        stack.refreshers.append(stack.another_refresher("refresher-2"))
        stack.start(kimi=3)
        yield Watched(stack, calls)
        stack.stop()
        said = "".join(process.said for process in (*stack.refreshers, *stack.gateways))
        assert "alert sent" in said
        assert URL_SECRET not in said
        assert SECRET not in said


def test_an_account_that_dies_and_refreshers_that_are_killed_are_told_once(watched: Watched) -> None:
    stack = watched.stack
    stack.simulator.control("POST", "accounts/kimi-0", {"revoke_refresh": True, "revoke_access": True})
    for _ in range(3):  # one of them meets it
        assert stack.chat().status_code == 200
    dead: Told = ("dead", False, ["kimi-0"])
    watched.hears(dead, seconds=40)
    until(lambda: '"told":{}' not in watched.noted("dead:kimi-0"), what="it is noted that it was told")
    assert watched.calls[0].headers[HEADER].startswith("t=")

    (first,) = (refresher for refresher in stack.refreshers if WATCHES in refresher.said)
    (second,) = (refresher for refresher in stack.refreshers if refresher is not first)
    first.kill()
    until(lambda: WATCHES in second.said, seconds=40, what="the other refresher watches")
    second.kill()
    silent: Told = ("silent", False, [])
    watched.hears(dead, silent, seconds=60)
    assert WATCHES in stack.gateway.said

    second.start()
    until(lambda: second.said.count(WATCHES) == 2, seconds=40, what="a refresher watches again")
    watched.hears(dead, silent, seconds=1)


def test_refreshers_that_are_too_old_for_what_redis_holds_are_told_by_a_gateway(watched: Watched) -> None:
    with connect(watched.stack.valkey.url) as client:
        upgrade(Store(client), AFTER_THAT)
    watched.hears(("silent", False, []), seconds=60)
