"""What the command line shows of the whole system."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.cli_status import rows
from kimi.accounts import State
from kimi.alerts.notes import Rule
from kimi.operating.status import Overview
from kimi.pool.alerts import Active, AlertBook
from kimi.pool.counts import Counts, Courier
from kimi.pool.health import RedisHealth
from kimi.pool.heartbeats import Heartbeats
from kimi.version import VERSION
from tests.kimi.pool.pools import KIMI, Pool, present, web
from tests.ports import free_port


def run(redis_url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["status", *arguments], env={"REDIS_URL": redis_url})


@pytest.fixture
def pool(redis_url: str) -> Iterator[Pool]:
    with present(redis_url) as pool:
        yield pool


def table_of(result: Result) -> dict[str, str]:
    """What stands behind each heading."""
    lines = result.output.splitlines()
    return {line[:13].rstrip(): line[13:] for line in lines}


def test_it_is_a_table(pool: Pool, redis_url: str) -> None:
    pool.fill(web("a", max_concurrency=2), web("b"), web("c"), lifetime=900)
    dead = pool.members.get("c")
    assert dead is not None
    pool.members.mark("c", dead.version, State.DEAD, "401")
    pool.leases.acquire(KIMI)
    Heartbeats(pool.store).beat("refresher-1")
    counts = Counts()
    counts.answered("1", failed=True)
    Courier(pool.store, counts).deliver()

    result = run(redis_url)
    shown = table_of(result)

    assert result.exit_code == 0
    assert shown["release"] == VERSION
    assert shown["Redis"].startswith("Valkey ")
    assert "writes to its disk" in shown["Redis"]
    assert shown["refreshers"] == "1 at work: refresher-1"
    assert shown["accounts"] == "2 of 3 usable: 2 active, 1 dead"
    assert shown["next expiry"] == "in 15 min"
    assert shown["requests"] == "1 running of 3 at most, 0 waiting"
    assert shown["today"] == "1 requests, 1 errors, 0 tokens in, 0 out"
    assert shown["alerts"] == "none"


def test_programs_get_what_the_api_answers(pool: Pool, redis_url: str) -> None:
    pool.fill(web("a"))
    told = json.loads(run(redis_url, "--json").output)
    assert told["pool"]["states"] == {"active": 1}
    assert told["redis"]["up"] is True


def test_alerts_are_in_the_language_of_the_operator(
    pool: Pool, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = AlertBook(pool.store)
    assert book.hold("watcher", 15)
    rules = (Rule.LOW, Rule.SILENT)
    wrong = [Active(rule=rule, subjects=("",), count=1, since=1.5, figure=0, limit=1) for rule in rules]
    assert book.write("watcher", [], [], wrong)
    shown = table_of(run(redis_url))
    assert shown["alerts"].startswith("Accounts that can be used: 0.")
    assert shown[""].startswith("No refresher")
    monkeypatch.setenv("ALERT_LANGUAGE", "zh")
    assert "当前可用账号 0 个" in table_of(run(redis_url))["alerts"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a file that is full")
def test_what_cannot_be_shown_is_no_mistake_of_ours(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    # Closing it fails as well.
    with suppress(OSError), Path("/dev/full").open("w", encoding="utf-8") as full, redirect_stdout(full):
        with pytest.raises(SystemExit, match="1"):
            main(["status"])
        assert capsys.readouterr().err == "Error: No space left on device: what came of this could not be shown\n"


def test_an_empty_system_can_be_shown_too(redis_url: str) -> None:
    shown = table_of(run(redis_url))
    assert shown["refreshers"] == "none at work"
    assert shown["accounts"] == "0 of 0 usable"
    assert shown["next expiry"] == "no account that serves has a good token"


def test_a_redis_that_may_not_be_asked_is_said_to_answer() -> None:
    shown = dict(rows(Overview(now=0.0, started=None, redis=RedisHealth(up=True))))
    assert shown["Redis"] == "answers, and may not be asked for more (`info`)"


def test_refreshers_that_are_silent_are_named() -> None:
    seen = Overview(now=0.0, started=None, redis=RedisHealth(up=True), refreshers={"b": 40.0, "a": 500.0})
    assert dict(rows(seen))["refreshers"] == "none at work, b silent for 40 s, a silent for 8 min"
    seen = Overview(now=0.0, started=None, redis=RedisHealth(up=True), refreshers={"c": 2.0, "b": 40.0})
    assert dict(rows(seen))["refreshers"] == "1 at work: c, b silent for 40 s"


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_without_redis_that_is_what_is_told(words: tuple[str, ...]) -> None:
    result = run(f"redis://127.0.0.1:{free_port()}", *words)
    assert result.exit_code == 1
    if words:
        assert json.loads(result.output)["redis"]["up"] is False
    else:
        assert "does not answer" in result.output
