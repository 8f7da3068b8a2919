"""What is found of accounts, refreshers, settings, this machine and the gateway."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from kimi.errors import Outdated
from kimi.http import Transport
from kimi.operating import checks_gateway, checks_machine, checks_pool, checks_settings
from kimi.operating.checks import Finding, Level
from kimi.pool.health import PoolHealth
from kimi.pool.heartbeats import AT_WORK_SECONDS
from kimi.pool.schema import Schema
from kimi.settings import SettingsError
from tests.kimi.loopback import Peer, Server, refused_port
from tests.kimi.pool.pools import Pool

NOW = 1_000_000.0
PINNED = (
    "flask==3.1.3 \\",
    "    --hash=sha256:00",
    "redis==8.1.0 \\",
    'gevent==25.5.1 ; sys_platform == "nowhere" \\',
    "gevent==26.9.0",
    "    # via kimi",
)


@pytest.mark.parametrize(
    ("pool", "level"),
    [
        (PoolHealth(usable=2, total=2, states={"active": 2}), Level.OK),
        (PoolHealth(usable=1, total=3, states={"active": 1, "dead": 1, "banned": 1}), Level.WARNING),
        (PoolHealth(usable=0, total=1, states={"dead": 1}), Level.PROBLEM),
        (PoolHealth(), Level.PROBLEM),
    ],
)
def test_accounts_have_to_be_usable(pool: PoolHealth, level: Level) -> None:
    found = checks_pool.accounts(pool)
    assert (found.level, bool(found.advice)) == (level, level is not Level.OK)
    assert all(f"{count} {state}" in found.seen for state, count in pool.states.items())


@pytest.mark.parametrize(
    ("states", "word"),
    [
        ({"paused": 1998, "dead": 523, "banned": 484}, "accounts resume --all"),
        ({"paused": 3, "dead": 523, "banned": 484}, "new refresh token"),
        ({"paused": 3, "dead": 5, "banned": 484}, "closed by Kimi"),
        ({"new": 2}, "refresher"),
    ],
)
def test_the_cure_is_for_most_of_the_accounts(states: dict[str, int], word: str) -> None:
    found = checks_pool.accounts(PoolHealth(usable=0, total=sum(states.values()), states=states))
    assert found.level is Level.PROBLEM
    assert all(f"{count} {state}" in found.seen for state, count in states.items())
    assert word in found.advice


def test_accounts_that_are_paused_beside_others_are_nothing_to_put_right() -> None:
    found = checks_pool.accounts(PoolHealth(usable=1, total=3, states={"active": 1, "paused": 2}))
    assert (found.level, found.seen) == (Level.OK, "1 of 3 usable: 2 paused, 1 active")


def test_an_account_is_for_one_pool_alone() -> None:
    shared = checks_pool.neighbours(("cell-1", "pool"), ["cell-1", "pool", "cell-1"])
    assert shared.level is Level.PROBLEM
    assert shared.seen == "the pool cell-1 has 2, the pool pool has 1 of the accounts of this one too"
    beside = checks_pool.neighbours(("cell-1", "pool"), [])
    assert (beside.level, beside.seen) == (Level.OK, "beside this one: cell-1, pool")
    assert checks_pool.neighbours((), []).level is Level.OK


@pytest.mark.parametrize(
    ("names", "closed", "seen"),
    [
        (None, (), "others may not be looked for by this user of Redis"),
        (("cell-1", "pool"), ("cell-1",), "what cell-1 has may not be seen by this user of Redis"),
    ],
)
def test_pools_that_cannot_be_seen_are_not_called_good(
    names: tuple[str, ...] | None, closed: tuple[str, ...], seen: str
) -> None:
    found = checks_pool.neighbours(names, [], closed)
    assert (found.level, found.seen) == (Level.WARNING, seen)
    assert "docs/guides/operating.md" in found.advice


def test_a_refresher_has_to_be_at_work() -> None:
    pool = PoolHealth(usable=2, total=2, next_expiry=NOW + 240)
    alive = checks_pool.refreshers({"a": AT_WORK_SECONDS, "b": AT_WORK_SECONDS + 1}, pool, NOW, "start")
    assert (alive.level, alive.seen) == (Level.OK, "1 at work")

    silent = checks_pool.refreshers({"a": 300.0, "b": 7_200.0}, pool, NOW, "start")
    assert silent.level is Level.PROBLEM
    assert silent.seen == "none at work, the last was heard of 5 min ago; the next token expires in 4 min"
    assert checks_pool.refreshers({}, PoolHealth(), NOW, "start").level is Level.PROBLEM


def test_every_bad_variable_is_a_problem_of_its_own() -> None:
    def load() -> None:
        raise SettingsError("bad settings:\n  GATEWAY_PORT: has to be a number\n  GATEWAY_API_KEYS: is not set")

    found = checks_settings.loaded("gateway", load)
    assert [each.seen for each in found] == ["GATEWAY_PORT: has to be a number", "GATEWAY_API_KEYS: is not set"]
    assert all(each.level is Level.PROBLEM and ".env" in each.advice for each in found)
    (good,) = checks_settings.loaded("gateway", lambda: None)
    assert good.level is Level.OK


def test_a_process_says_itself_whether_it_would_start() -> None:
    (good,) = checks_settings.started("refresher", lambda: (0, "refresher: settings and accounts (2) are in order\n"))
    assert (good.level, good.seen) == (Level.OK, "settings and accounts (2) are in order")
    (bad,) = checks_settings.started("refresher", lambda: (2, "refresher: bad settings:\n  KIMI_KIND: is none\n"))
    assert (bad.level, bad.seen) == (Level.PROBLEM, "KIMI_KIND: is none")
    away = "refresher: Redis does not answer: refused; check REDIS_URL\n"
    assert checks_settings.started("refresher", lambda: (2, away)) == [], "another check tells that"


@pytest.mark.parametrize("fields", [{"version": "9", "oldest": "9"}, {"version": "garbage"}], ids=str)
def test_that_redis_is_of_another_release_is_no_setting_to_correct(pool: Pool, fields: dict[str, str]) -> None:
    pool.store.redis.hset(pool.store.key("schema"), mapping=fields)
    with pytest.raises(Outdated) as refused:
        Schema(pool.store).look()
    assert checks_settings.started("refresher", lambda: (2, f"refresher: {refused.value}\n")) == []


@pytest.mark.parametrize(("free", "level"), [(5e9, Level.OK), (5e8, Level.WARNING), (5e7, Level.PROBLEM)])
def test_there_has_to_be_room_on_a_disk(free: float, level: Level) -> None:
    found = checks_machine.disk(Path("/spool"), lambda _path: int(free))
    assert (found.check, found.level) == ("disk /spool", level)


def test_a_folder_that_is_not_there_is_a_problem() -> None:
    def free(_path: Path) -> int:
        raise OSError(errno.ENOENT, "No such file or directory")

    assert checks_machine.disk(Path("/spool"), free).level is Level.PROBLEM


@pytest.mark.parametrize(
    ("version", "level"), [((3, 11, 0), Level.OK), ((3, 14, 1), Level.OK), ((3, 10, 9), Level.PROBLEM)]
)
def test_python_has_to_be_new_enough(version: tuple[int, int, int], level: Level) -> None:
    assert checks_machine.python(version).level is level


def test_packages_are_those_that_were_tested() -> None:
    here = dict.fromkeys(checks_machine.KEY, "1.0") | {"flask": "3.1.3", "redis": "8.1.0", "gevent": "26.9.0"}
    assert checks_machine.packages(PINNED, here.get).level is Level.OK
    assert checks_machine.packages((), here.get).level is Level.OK, "there is nothing to compare with"

    other = checks_machine.packages(PINNED, (here | {"redis": "7.0.0"}).get)
    assert (other.level, other.seen) == (Level.WARNING, "redis 7.0.0 instead of 8.1.0")
    del here["gevent"]
    missing = checks_machine.packages(PINNED, here.get)
    assert (missing.level, missing.seen) == (Level.PROBLEM, "gevent is missing instead of 26.9.0")


def gateway(status: str, body: str) -> Finding:
    """What is found where such an answer comes."""

    def answer(peer: Peer) -> None:
        assert peer.request().line == "GET /readyz HTTP/1.1"
        peer.send(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

    with Server(answer) as server:
        return checks_gateway.ready(Transport(), "0.0.0.0", server.port, "start")  # noqa: S104 - as it is told to listen


def test_a_gateway_that_is_ready_is_found_good() -> None:
    assert gateway("200 OK", '{"reasons": []}').level is Level.OK


def test_one_that_is_not_says_why() -> None:
    found = gateway("503 Service Unavailable", '{"reasons": ["no usable account"]}')
    assert (found.level, found.seen) == (Level.PROBLEM, "is not ready: no usable account")


@pytest.mark.parametrize("body", ["<html>", "[]", '{"other": 1}'])
def test_something_else_in_its_place_is_a_problem(body: str) -> None:
    found = gateway("200 OK", body)
    assert found.level is Level.PROBLEM
    assert found.seen.startswith("something else answers")


def test_that_nobody_answers_may_be_as_it_should() -> None:
    assert checks_gateway.ready(Transport(), "127.0.0.1", refused_port(), "start").level is Level.WARNING
    assert checks_gateway.ready(Transport(), "127.0.0.1", refused_port(), "start", here=True).level is Level.PROBLEM
