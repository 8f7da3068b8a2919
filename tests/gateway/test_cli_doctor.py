"""What the command line finds wrong. What each check finds is tested with the checks."""

from __future__ import annotations

import json
import os
import time
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.cli_doctor import told
from kimi.accounts import ConfiguredAccount
from kimi.operating.checks import Finding, Level, ok, problem
from kimi.pool import Store, connect
from kimi.pool.fingerprints import fingerprint
from kimi.pool.heartbeats import Heartbeats
from kimi.settings import CommonSettings
from tests.gateway.gunicorns import KEY, running
from tests.kimi.pool.pools import Clock, Pool, web
from tests.ports import free_port
from tests.valkey import Valkey

ROOT = str(Path(__file__).parents[2])
SECRET = "a-password-of-redis"


def run(*arguments: str, **variables: str) -> Result:
    """In a folder of its own, with nothing set but `variables`."""
    unset = {name: None for name in os.environ if name.lower() in CommonSettings.model_fields}
    with TemporaryDirectory() as folder, chdir(folder):
        return CliRunner().invoke(main, ["doctor", *arguments], env={**unset, "PYTHONPATH": ROOT, **variables})


def levels(result: Result) -> dict[str, str]:
    findings = [json.loads(line) for line in result.output.splitlines()]
    return {finding["check"]: finding["level"] for finding in findings}


def upstreams(url: str) -> dict[str, str]:
    return dict.fromkeys(("KIMI_WEB_URL", "KIMI_AUTH_URL", "KIMI_CLASSIC_URL", "MOONSHOT_URL"), url)


def test_a_system_that_is_well_is_found_well(tmp_path: Path, redis_url: str) -> None:
    with connect(redis_url) as redis, running(tmp_path, redis_url) as gateway:
        store = Store(redis)
        Pool(store, Clock(time.time())).fill(web("a"))
        settings = {"REDIS_URL": redis_url, "GATEWAY_API_KEYS": KEY, "GATEWAY_PORT": str(gateway.port)}
        here = {**settings, **upstreams(gateway.base)}  # any server will do for an upstream

        def looked(*arguments: str) -> Result:
            Heartbeats(store).beat("refresher-1")  # which has to be heard of every few seconds
            return run(*arguments, **here)

        result, told_to_people = looked("--json"), looked()
    found = levels(result)
    assert found.keys() >= {"settings, gateway", "settings, refresher", "Redis", "accounts", "refresher", "gateway"}
    assert (found["schema"], found["releases"]) == ("ok", "ok")
    assert found["secrets"] == "ok", "those of a Kimi on this machine are worth nothing"
    assert f"upstream 127.0.0.1:{gateway.port}" in found
    assert "problem" not in found.values(), result.output
    assert (result.exit_code, told_to_people.exit_code) == (0, 0)
    assert told_to_people.output.splitlines()[0].split() == ["ok", "settings,", "gateway", "are", "in", "order"]


def test_all_that_is_wrong_is_told_at_once_and_no_secret() -> None:
    nobody = f"127.0.0.1:{free_port()}"
    result = run(
        REDIS_URL=f"redis://:{SECRET}@{nobody}/0", GATEWAY_QUEUE_SECONDS="soon", **upstreams(f"http://{nobody}")
    )
    lines = result.output.splitlines()
    problems = [line for line in lines if line.startswith("PROBLEM")]
    assert result.exit_code == 1
    assert any("GATEWAY_API_KEYS" in line for line in problems)
    assert any("GATEWAY_QUEUE_SECONDS" in line for line in problems)
    assert any("Redis does not answer" in line for line in problems)
    assert any(f"upstream {nobody}" in line for line in problems)
    assert all(lines[lines.index(line) + 1].lstrip().startswith("→ ") for line in problems)
    assert SECRET not in result.output


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ("-@dangerous", {"Redis INFO": "warning", "Redis writes": "ok", "secrets": "ok", "accounts": "problem"}),
        ("-scan", {"Redis writes": "ok", "secrets": "problem", "accounts": "problem"}),
        ("-eval -evalsha", {"Redis writes": "ok", "secrets": "problem", "accounts": "problem"}),
        ("-hmget", {"secrets": "problem"}),
        ("-zrange", {"Redis writes": "ok", "secrets": "problem"}),
        ("-time", {"Redis": "problem"}),
        ("-ping", {"Redis": "problem"}),
    ],
)
def test_what_redis_does_not_let_it_look_at_is_told(own_valkey: Valkey, rules: str, found: dict[str, str]) -> None:
    with connect(own_valkey.url) as redis:
        redis.execute_command("ACL", "SETUSER", "default", *rules.split())
    nobody = f"http://127.0.0.1:{free_port()}"
    result = run("--json", REDIS_URL=own_valkey.url, GATEWAY_API_KEYS=KEY, **upstreams(nobody))
    assert levels(result).items() >= found.items()
    assert result.exit_code == 1
    refused = [finding for finding in map(json.loads, result.output.splitlines()) if "permissions" in finding["seen"]]
    assert all("let the user of REDIS_URL do that" in finding["advice"] for finding in refused)


def test_another_pool_that_has_the_accounts_is_told(redis_url: str) -> None:
    with connect(redis_url) as redis:
        for name in ("pool", "cell-1"):
            Pool(Store(redis, name), Clock(time.time())).members.sync([ConfiguredAccount(web(name), f"of-{name}")])
        redis.hset(Store(redis, "cell-1").key("holders"), fingerprint("of-pool"), "pool")
    result = run("--json", REDIS_URL=redis_url, **upstreams(f"http://127.0.0.1:{free_port()}"))
    assert levels(result)["pools"] == "problem"


def test_accounts_that_nobody_understands_are_told(redis_url: str) -> None:
    with connect(redis_url) as redis:
        store = Store(redis)
        Pool(store, Clock(time.time())).configure(web("a"), web("b"))
        redis.hset(store.key("account", "b"), "spec", "{")
    result = run("--json", REDIS_URL=redis_url, **upstreams(f"http://127.0.0.1:{free_port()}"))
    (told,) = [finding for finding in map(json.loads, result.output.splitlines()) if finding["check"] == "records"]
    assert told["level"] == "problem"
    assert "what stands in Redis of b is not understood" in told["seen"]


def test_without_settings_what_can_be_checked_is() -> None:
    result = run("--json", REDIS_URL="http://nonsense")
    found = levels(result)
    assert found["settings, gateway"] == found["settings, refresher"] == "problem"
    assert found["Python"] == "ok"
    assert "Redis" not in found
    assert result.exit_code == 1


def test_where_nothing_runs_that_is_a_problem_and_the_rest_is_checked() -> None:
    nobody = f"127.0.0.1:{free_port()}"
    settings = {"REDIS_URL": "unix:///nowhere/none.sock", "GATEWAY_API_KEYS": KEY, "GATEWAY_PORT": str(free_port())}
    result = run("--json", "--idle", **settings, **upstreams(f"http://{nobody}"))
    found = levels(result)
    assert (result.exit_code, found["./dev up"], found["settings, gateway"]) == (1, "problem", "ok")
    assert f"upstream {nobody}" in found
    assert not found.keys() & {"Redis", "accounts", "gateway"}


def test_accounts_that_cannot_be_read_are_told_though_redis_is_away(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.yaml"
    accounts.write_text("accounts: [{name: a, kind: nonsense}]")
    result = run("--json", "--idle", REDIS_URL="unix:///nowhere/none.sock", KIMI_ACCOUNTS_FILE=str(accounts))
    assert levels(result)["settings, refresher"] == "problem"


@pytest.mark.parametrize("finding", [ok("Redis", "answers"), problem("Redis", "is silent", "wake it")])
def test_what_to_do_is_a_line_of_its_own(finding: Finding) -> None:
    assert told(finding).count("\n") == (finding.level is not Level.OK)
