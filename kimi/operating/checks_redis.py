"""Whether Redis is one that the pool can live on. `facts` are what Redis says of itself (`INFO`)."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from itertools import takewhile
from typing import Any, Final

from kimi.errors import StoreUnavailable
from kimi.operating.checks import Finding, ok, problem, warning
from kimi.pool.masters import Asked
from kimi.pool.replicas import called, named

OLDEST: Final = (7, 2)
"""The first release of Redis that knows all commands that are used."""
SLOW_SECONDS: Final = 0.005
"""A request asks Redis several times."""
SKEW_SECONDS: Final = 2.0
"""Clocks that differ by more make tokens seem good that are not."""
FULL: Final = 0.9
_GOOD: Final = "min_slaves_good_slaves"
"""Stands there where `min-replicas-to-write` is set."""
_URL: Final = "see that Redis runs, and that REDIS_URL says where, with its user and password"
_UNKEPT: Final = "make room on the disk of Redis, and look at its log: it takes nothing that it cannot write there"
_MAY: Final = "let the user of REDIS_URL do that, or look as one who may"
_KNOWN: Final[Mapping[str, str]] = {
    "MISCONF": _UNKEPT,
    "loading": "wait: Redis reads what is on its disk",
    "permissions": _MAY,
    "is not believed for": "see that every replica runs: refreshers renew no token before it has been so for that long",
    "NOREPLICAS": "see that its replicas run, or lower min-replicas-to-write",
}
"""What to do about what Redis says in the place of an answer."""


def reachable(ask: Callable[[], object]) -> Finding:
    """Whether it answers to `ask`, which raises `StoreUnavailable`."""
    try:
        ask()
    except StoreUnavailable as error:
        return unanswered("Redis", error)
    return ok("Redis", "answers")


def unanswered(check: str, error: StoreUnavailable) -> Finding:
    """That it was asked in vain."""
    return problem(check, str(error), _advice(str(error), _URL))


def _advice(said: str, else_: str) -> str:
    return next((advice for word, advice in _KNOWN.items() if word in said), else_)


def release(facts: Mapping[str, Any]) -> Finding:
    """Whether it is new enough. Valkey says which Redis it is like."""
    is_valkey = "valkey_version" in facts
    like = str(facts["redis_version"])
    name = f"Valkey {facts['valkey_version']}" if is_valkey else f"Redis {like}"
    if _numbers(like) < OLDEST:
        return problem("Redis release", name, "run Redis 7.2 or newer, or Valkey")
    return ok("Redis release", name)


def writes(probe: Callable[[], object]) -> Finding:
    """Whether it takes what `probe` writes."""
    try:
        probe()
    except StoreUnavailable as error:
        advice = "a full one needs more memory, a replica is not to be written to"
        return problem("Redis writes", str(error), _advice(str(error), advice))
    return ok("Redis writes", "are taken")


def replicas(probe: Callable[[], str], facts: Mapping[str, Any], *, are_wanted: bool) -> Finding:
    """Whether they have what is written, where anybody waits for that; `probe` says what they lack."""
    check, number = "Redis replicas", int(facts.get("connected_slaves", 0))
    try:
        lacking = probe()
    except StoreUnavailable as error:
        advice = "no token is renewed so: see that every replica runs and is in sync"
        return problem(check, str(error), _advice(str(error), advice))
    if lacking:
        advice = "see to the replicas; those that are gone for good forget by SENTINEL RESET or CLUSTER FORGET"
        return warning(check, lacking, advice)
    if number and not are_wanted:
        advice = f"add ?replicas={number} to REDIS_URL if one of them may become the master"
        return warning(check, f"{number} there, and tokens are lost that it lacks when it fails over", advice)
    return ok(check, "have what is written" if are_wanted else "there are none")


def spare(good: int) -> Finding:
    """Whether so many `good` replicas are more than it takes for writes, where `min-replicas-to-write` asks for any."""
    if good < 2:
        advice = "have two replicas, or take min-replicas-to-write out: with the last one all writes end"
        return warning("Redis min-replicas", f"{good} in sync", advice)
    return ok("Redis min-replicas", f"{good} in sync")


def electing(asked: Asked, facts: Mapping[str, Any]) -> Finding:
    """Whether all answer that are to know who the master is and its replicas, and most of those agree who elect it."""
    check = "Redis, who leads"
    silent = f"not said by {'; '.join(asked.not_say)}" if asked.not_say else ""
    if not asked.are_most:
        seen = f"most of the {asked.electors} who elect do not agree, or are replacing it"
        advice = (
            "see that they run, and that REDIS_URL names each Sentinel once and no others: unless most agree no token "
            "is renewed while a replica is missing"
        )
        return problem(check, f"{seen}; {silent}" if silent else seen, advice)
    if silent:
        return warning(check, silent, "see that all run that REDIS_URL names, and that it names no others")
    if strangers := called(facts) - asked.replicas:
        advice = (
            "let nothing else follow the master, and each replica be called there (replica-announce-ip and -port) what "
            "it is called by SENTINEL REPLICAS or CLUSTER NODES (`sentinel announce-hostnames yes` for host names): "
            "else no token is renewed while one is missing"
        )
        return warning(check, f"none of its replicas is called {named(strangers)}, as the master says", advice)
    return ok(check, "is said by all that REDIS_URL names")


def persistence(facts: Mapping[str, Any]) -> Finding:
    """Whether refresh tokens outlive a restart: each is good once, and what it was exchanged for is nowhere else."""
    if not int(facts["aof_enabled"]):
        advice = "start Redis with `--appendonly yes`, or accounts are lost with it"
        return problem("Redis persistence", "appendonly is off", advice)
    if facts.get("aof_last_write_status", "ok") != "ok":
        return problem("Redis persistence", "the last write to its disk failed", "look at the disk of Redis")
    return ok("Redis persistence", "appendonly is on")


def eviction(facts: Mapping[str, Any]) -> Finding:
    """Whether it keeps what it was given when its memory is full."""
    policy = str(facts["maxmemory_policy"])
    if policy != "noeviction":
        return problem("Redis eviction", f"maxmemory-policy is {policy}", "set maxmemory-policy to noeviction")
    return ok("Redis eviction", "noeviction")


def memory(facts: Mapping[str, Any]) -> Finding:
    """Whether there is room."""
    used, most = int(facts["used_memory"]), int(facts["maxmemory"] or facts.get("total_system_memory") or 0)
    seen = f"{_mb(used)} of {_mb(most)}" if most else _mb(used)
    if most and used > FULL * most:
        return warning("Redis memory", seen, "raise maxmemory, or give the machine more")
    return ok("Redis memory", seen)


def latency(ask: Callable[[], object], clock: Callable[[], float], times: int = 9) -> Finding:
    """How long an answer takes, by the median. Raises `StoreUnavailable`."""
    taken = statistics.median(_timed(ask, clock) for _ in range(times))
    seen = f"answers in {taken * 1000:.1f} ms"
    if taken > SLOW_SECONDS:
        return warning("Redis latency", seen, "run Redis near the gateway: each request asks it several times")
    return ok("Redis latency", seen)


def clock_of_redis(redis_now: Callable[[], float], now: Callable[[], float]) -> Finding:
    """Whether this machine and that of Redis agree on the time. Raises `StoreUnavailable`."""
    before = now()
    theirs = redis_now()
    return agreed("clock, Redis", theirs - (before + now()) / 2, SKEW_SECONDS)


def agreed(check: str, skew: float, most: float) -> Finding:
    """Whether a clock that is `skew` seconds ahead of ours is near enough."""
    if abs(skew) > most:
        way = "behind" if skew > 0 else "ahead of"
        seen = f"this machine is {abs(skew):.1f} s {way} it"
        return problem(check, seen, "let every machine take its time from NTP (timedatectl set-ntp true)")
    return ok(check, f"differs by {abs(skew):.1f} s")


def inspected(facts: Mapping[str, Any]) -> list[Finding]:
    """All that Redis says of itself."""
    if not facts:
        known = "see yourself that it is 7.2 or newer, with `appendonly yes` and maxmemory-policy noeviction"
        return [warning("Redis INFO", "may not be asked", f"let the user of REDIS_URL ask (`info`), or {known}")]
    found = [release(facts), persistence(facts), eviction(facts), memory(facts)]
    return [*found, spare(int(facts[_GOOD]))] if _GOOD in facts else found


def all_of(
    facts: Callable[[], Mapping[str, Any]],
    *,
    ping: Callable[[], object],
    probe: Callable[[], object],
    time: Callable[[], float],
    now: Callable[[], float],
    monotonic: Callable[[], float],
) -> Iterator[Finding]:
    """Every check; one alone where it cannot be reached. Raises `StoreUnavailable` where it goes away meanwhile."""
    first = reachable(ping)
    yield first
    if first.advice:
        return
    yield from inspected(facts())
    yield writes(probe)
    yield latency(ping, monotonic)
    yield clock_of_redis(time, now)


def _numbers(version: str) -> tuple[int, ...]:
    parts = ("".join(takewhile(str.isdecimal, part)) for part in version.split("."))
    return tuple(int(part) for part in parts if part)


def _timed(ask: Callable[[], object], clock: Callable[[], float]) -> float:
    began = clock()
    ask()
    return clock() - began


def _mb(size: int) -> str:
    return f"{size / 2**20:,.0f} MB"
