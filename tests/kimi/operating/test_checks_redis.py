"""What is found of Redis."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from devtools.waiting import until
from kimi.errors import StoreUnavailable
from kimi.operating import checks_redis
from kimi.operating.checks import Finding, Level
from kimi.pool import Store, connect, open_store
from kimi.pool.health import Health
from kimi.pool.masters import Asked
from kimi.pool.replicas import Replicas
from kimi.pool.sure import electing, probe_replicas
from kimi.settings import CommonSettings
from tests.ports import free_port
from tests.valkey import Valkey
from tests.valkeys import SentinelSet, running

GOOD: dict[str, Any] = {
    "redis_version": "7.2.4",
    "aof_enabled": 1,
    "aof_last_write_status": "ok",
    "maxmemory_policy": "noeviction",
    "maxmemory": 0,
    "total_system_memory": 8 * 2**30,
    "used_memory": 2**20,
}


def away() -> None:
    raise StoreUnavailable("Redis does not answer: nobody is there")


def levels(findings: list[Finding]) -> dict[str, Level]:
    return {finding.check: finding.level for finding in findings}


@pytest.mark.parametrize(
    ("facts", "check", "level"),
    [
        ({"redis_version": "7.0.15"}, "Redis release", Level.PROBLEM),
        ({"redis_version": "6.2.14-rc1"}, "Redis release", Level.PROBLEM),
        ({"aof_enabled": 0}, "Redis persistence", Level.PROBLEM),
        ({"aof_last_write_status": "err"}, "Redis persistence", Level.PROBLEM),
        ({"maxmemory_policy": "allkeys-lru"}, "Redis eviction", Level.PROBLEM),
        ({"maxmemory": 2**20}, "Redis memory", Level.WARNING),
        ({"min_slaves_good_slaves": 1}, "Redis min-replicas", Level.WARNING),
    ],
)
def test_what_is_wrong_with_it_is_told_alone_and_with_what_to_do(
    facts: dict[str, Any], check: str, level: Level
) -> None:
    findings = checks_redis.inspected(GOOD | facts)
    assert {name: found for name, found in levels(findings).items() if found is not Level.OK} == {check: level}
    assert all(bool(finding.advice) == (finding.level is not Level.OK) for finding in findings)


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("MISCONF Errors writing to the AOF file: No space left on device", "make room on the disk of Redis"),
        ("Redis is loading the dataset in memory", "wait: "),
        ("NoPermissionError: User u has no permissions to run the 'set' command", "let the user of REDIS_URL"),
        ("ResponseError: ACL failure in script: User u has no permissions to run", "let the user of REDIS_URL"),
        ("ResponseError: NOREPLICAS Not enough good replicas to write", "see that its replicas run"),
    ],
)
@pytest.mark.parametrize("check", [checks_redis.reachable, checks_redis.writes])
def test_what_it_says_in_the_place_of_an_answer_tells_what_to_do(
    check: Callable[[Callable[[], object]], Finding], said: str, advice: str
) -> None:
    def refuse() -> None:
        raise StoreUnavailable(f"Redis does not answer: {said}")

    found = check(refuse)
    assert (found.level, found.advice.startswith(advice)) == (Level.PROBLEM, True)


@pytest.mark.parametrize("facts", [{}, {"redis_version": "8.0.0"}, {"redis_version": "7.2.4", "valkey_version": "9.1"}])
def test_one_that_is_good_is_found_good(facts: dict[str, Any]) -> None:
    assert set(levels(checks_redis.inspected(GOOD | facts)).values()) == {Level.OK}


def test_one_that_may_not_be_asked_is_one_warning() -> None:
    (found,) = checks_redis.inspected({})
    assert (found.check, found.level) == ("Redis INFO", Level.WARNING)
    assert "`info`" in found.advice


def test_one_that_is_out_of_reach_is_all_that_is_told() -> None:
    with connect(f"redis://127.0.0.1:{free_port()}") as redis:
        (found,) = everything(Store(redis))
    assert (found.check, found.level) == ("Redis", Level.PROBLEM)
    assert "REDIS_URL" in found.advice


@pytest.mark.parametrize(("seconds", "level"), [(0.0002, Level.OK), (0.05, Level.WARNING)])
def test_the_median_answer_counts(seconds: float, level: Level) -> None:
    readings = count(step=1)
    clock: Callable[[], float] = lambda: next(readings) * seconds  # noqa: E731 - a reading before and one behind
    assert checks_redis.latency(lambda: None, clock).level is level


def test_one_that_takes_no_writes_is_a_problem() -> None:
    assert checks_redis.writes(lambda: None).level is Level.OK
    found = checks_redis.writes(away)
    assert (found.level, bool(found.advice)) == (Level.PROBLEM, True)


@pytest.mark.parametrize(
    ("skew", "level"), [(0.5, Level.OK), (-1.9, Level.OK), (5.0, Level.PROBLEM), (-60, Level.PROBLEM)]
)
def test_clocks_have_to_agree(skew: float, level: Level) -> None:
    found = checks_redis.clock_of_redis(lambda: 1_000.0 + skew, lambda: 1_000.0)
    assert found.level is level
    if found.advice:
        assert ("behind it" if skew > 0 else "ahead of it") in found.seen
        assert f"{abs(skew):.1f} s" in found.seen


def everything(store: Store) -> list[Finding]:
    """All checks of a real one, on clocks that stand still."""
    health = Health(store)
    return list(
        checks_redis.all_of(
            health.facts,
            ping=store.ping,
            probe=store.probe,
            time=lambda: 1_000.0,
            now=lambda: 1_000.0,
            monotonic=lambda: 0.0,
        )
    )


@pytest.mark.parametrize(
    ("lacking", "number", "are_wanted", "level"),
    [
        ("", 2, True, Level.OK),
        ("", 0, False, Level.OK),
        ("1 of 2 replicas of Redis have what was written", 1, True, Level.WARNING),
        ("", 1, False, Level.WARNING),
    ],
    ids=["all have it", "there are none", "one lacks it", "nobody waits for it"],
)
def test_replicas_have_to_have_what_is_written(lacking: str, number: int, *, are_wanted: bool, level: Level) -> None:
    found = checks_redis.replicas(lambda: lacking, GOOD | {"connected_slaves": number}, are_wanted=are_wanted)
    assert (found.level, bool(found.advice)) == (level, level is Level.WARNING)


def test_that_nothing_counts_as_stored_is_a_problem(store: Store) -> None:
    lonely = Store(store.redis, replicas=Replicas(1))
    found = checks_redis.replicas(partial(probe_replicas, lonely), GOOD, are_wanted=True)
    assert found.level is Level.PROBLEM
    assert "0 of 1 replicas" in found.seen
    assert "before it has been so for that long" in found.advice


def test_replicas_that_nobody_knows_who_elects_are_told() -> None:
    asked = Asked([], frozenset({("redis-2", 6379)}), electors=3, are_most=True)
    row = {"port": 6379, "state": "online", "offset": 7, "lag": 0}
    assert checks_redis.electing(asked, {"slave0": row | {"ip": "redis-2"}}).level is Level.OK
    found = checks_redis.electing(asked, {"slave0": row | {"ip": "10.0.0.2"}})
    assert (found.level, "called 10.0.0.2:6379" in found.seen) == (Level.WARNING, True)


def test_all_that_know_who_leads_have_to_say_it(tmp_path: Path) -> None:
    with running(SentinelSet(tmp_path)) as servers:
        settings = CommonSettings.model_validate({"redis_url": servers.url})
        with open_store(settings) as store:

            def found() -> Finding:
                asked = electing(store)
                assert asked is not None
                return checks_redis.electing(asked, Health(store).facts())

            until(lambda: found().level is Level.OK, what="they agree")
            assert probe_replicas(store) == ""
            first, second, _ = servers.sentinels
            first.kill()
            assert (found().level, f"127.0.0.1:{first.port}: " in found().seen) == (Level.WARNING, True)
            second.kill()
            assert found().level is Level.PROBLEM
            assert re.match(rf"most of the 3 who elect do not agree.*; .*127.0.0.1:{second.port}: ", found().seen)


@pytest.fixture
def store(own_valkey: Valkey) -> Iterator[Store]:
    with connect(own_valkey.url) as redis:
        yield Store(redis)


def test_a_real_one_is_found_good(store: Store) -> None:
    found = everything(store)
    assert len(found) == 8
    assert set(levels(found).values()) == {Level.OK}


def test_that_writes_end_with_the_last_replica_is_found(store: Store) -> None:
    store.redis.config_set("min-replicas-to-write", 1)
    assert levels(checks_redis.inspected(Health(store).facts()))["Redis min-replicas"] is Level.WARNING


def test_what_is_set_wrong_of_a_real_one_is_found(store: Store) -> None:
    store.redis.config_set("appendonly", "no")
    store.redis.config_set("maxmemory-policy", "allkeys-lru")
    store.redis.config_set("maxmemory", "1mb")
    wrong = {name: level for name, level in levels(everything(store)).items() if level is not Level.OK}
    assert wrong == {
        "Redis persistence": Level.PROBLEM,
        "Redis eviction": Level.PROBLEM,
        "Redis memory": Level.WARNING,
        "Redis writes": Level.PROBLEM,  # nothing that it can forget makes room
    }


def test_the_clock_of_a_real_one_can_be_read(store: Store) -> None:
    assert Health(store).clock() == pytest.approx(float(store.redis.time()[0]), abs=5)
