"""What the command line shows of the pool."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.tables import span
from kimi.accounts import Account, Kind, State
from kimi.pool import PrivateAccounts
from kimi.pool.private import private_account
from tests.kimi.pool.pools import KIMI, Pool, present, rest, web
from tests.ports import free_port


def run(redis_url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["accounts", "list", *arguments], env={"REDIS_URL": redis_url})


@pytest.fixture
def pool(redis_url: str) -> Iterator[Pool]:
    with present(redis_url) as pool:
        yield pool


def test_every_account_is_shown_with_what_ails_it(pool: Pool, redis_url: str) -> None:
    pool.fill(web("good", max_concurrency=3), web("tired"), web("refused"), web("dead"), web("gone"), lifetime=900)
    pool.configure(web("good", max_concurrency=3), web("tired"), web("refused"), web("dead"), web("new"))
    dead = pool.members.get("dead")
    assert dead is not None
    pool.members.mark("dead", dead.version, State.DEAD, "401: log in again")
    held = [pool.leases.acquire(KIMI) for _ in range(4)]
    for lease in held:
        if lease.account.name == "tired":
            pool.leases.release(lease, rest=rest(30, "Overloaded: tired"))
        if lease.account.name == "refused":
            pool.leases.reject(lease)
    shown = {line.split()[0]: line for line in run(redis_url).output.splitlines()}
    assert shown["NAME"].split() == ["NAME", "KIND", "STATE", "TOKEN", "IN", "USE", "TODAY", "WHY"]
    assert " active " in shown["good"] and " 15 min " in shown["good"] and "2/3" in shown["good"]
    assert "rests for 30 s: Overloaded: tired" in shown["tired"] or "rests for 29 s" in shown["tired"]
    assert " refreshing " in shown["refused"]
    assert " dead " in shown["dead"] and shown["dead"].endswith("401: log in again")
    assert " removed " in shown["gone"]
    assert " new " in shown["new"] and " none " in shown["new"]


def test_an_account_that_a_client_brought_along_is_marked(pool: Pool, redis_url: str) -> None:
    PrivateAccounts(pool.store).adopt(private_account("a token", Kind.KIMI))
    pool.fill(web("a"))
    assert [" kimi (a client's) " in line for line in run(redis_url).output.splitlines()[1:]] == [False, True]
    origins = [json.loads(line)["origin"] for line in run(redis_url, "--json").output.splitlines()]
    assert origins == ["file", "client"]


def test_programs_get_json_without_secrets(pool: Pool, redis_url: str) -> None:
    pool.fill(web("a", proxy="http://user:secret@proxy:1"))
    output = run(redis_url, "--json").output
    (account,) = [json.loads(line) for line in output.splitlines()]
    assert account["name"] == "a" and account["state"] == "active" and account["has_proxy"] is True
    assert account["token_expires"] - account["token_issued"] == 900
    assert "access-a" not in output and "refresh-a" not in output and "secret" not in output


def test_refreshes_that_fail_are_shown(pool: Pool, redis_url: str) -> None:
    pool.configure(web("a"))
    record = pool.members.get("a")
    assert record is not None
    pool.tokens.postpone(record, pool.clock.now + 60, 4)
    assert run(redis_url).output.splitlines()[1].endswith("4 refreshes failed")


def test_a_key_has_no_expiry(pool: Pool, redis_url: str) -> None:
    pool.fill(Account(name="official", kind=Kind.MOONSHOT), lifetime=1e8, models=("kimi-k3",))
    assert "API key" in run(redis_url).output


def test_an_empty_pool_is_explained(redis_url: str) -> None:
    assert "There are no accounts" in run(redis_url).output


def test_a_redis_that_does_not_answer_is_one_line_and_exit_code_2() -> None:
    result = run(f"redis://127.0.0.1:{free_port()}/0")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1 and "Redis does not answer" in result.stderr


@pytest.mark.parametrize(("seconds", "text"), [(5, "5 s"), (60, "1 min"), (7300, "2 h"), (90 * 86_400, "90 d")])
def test_times_are_for_people(seconds: float, text: str) -> None:
    assert span(seconds) == text
