"""What is done to accounts from the command line, by name or to all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from kimi.accounts import Account, ConfiguredAccount, Kind, State, Tokens
from kimi.exchange import Exchange
from kimi.http import Endpoints, Transport
from kimi.pool import PrivateAccounts
from kimi.pool.drift import DriftBook
from kimi.pool.interventions import Interventions
from kimi.pool.private import private_account
from tests.gateway.test_cli_accounts import Line
from tests.kimi.pool.pools import present, web
from tests.kimi.test_accounts_file import token
from tests.simulator.running import EMPTY, Simulator


@pytest.fixture
def line(redis_url: str) -> Iterator[Line]:
    with present(redis_url) as pool:
        yield Line(redis_url, pool)


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(*EMPTY) as simulator:
        yield simulator


def states(line: Line) -> dict[str, State]:
    return {record.account.name: record.state for record in line.pool.members.all()}


def mark(line: Line, name: str, state: State) -> None:
    record = line.pool.members.get(name)
    assert record is not None
    assert line.pool.members.mark(name, record.version, state, "401")


def test_several_are_paused_and_resumed(line: Line) -> None:
    line.pool.fill(web("a"), web("b"), web("c"))
    result = line("pause", "a", "b", "nobody", "a")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "ok      a: paused",
        "ok      b: paused",
        "failed  nobody: there is no account nobody",
    ]
    assert states(line) == {"a": State.PAUSED, "b": State.PAUSED, "c": State.ACTIVE}
    assert line("resume", "b").exit_code == 0
    assert states(line)["b"] is State.ACTIVE
    assert line.noted() == [("pause", "a, b"), ("resume", "b")]


@pytest.mark.parametrize("verb", ["test", "refresh", "pause", "resume", "clear", "delete"])
def test_a_token_in_the_place_of_a_name_is_not_shown(line: Line, verb: str) -> None:
    for form in ((), ("--json",)):
        result = line(verb, token("alice"), *form)  # which looks for it in what is said
        assert result.exit_code == 1
        assert "there is no account [redacted]" in result.output


def test_an_account_is_called_by_its_name_whatever_that_is_like(line: Line) -> None:
    line.pool.fill(web("key-production"))
    assert json.loads(line("pause", "key-production", "--json").output)["name"] == "key-production"


def test_all_are_those_to_which_it_can_be_done_and_no_clients(line: Line) -> None:
    PrivateAccounts(line.pool.store).adopt(private_account("token", Kind.KIMI))
    line.pool.fill(web("a"), web("b"), web("dead"))
    mark(line, "dead", State.DEAD)
    found = [json.loads(each) for each in line("pause", "--all", "--json").output.splitlines()]
    assert found == [{"name": name, "ok": True, "message": "paused"} for name in ("a", "b")]
    assert [json.loads(each)["name"] for each in line("resume", "--all", "--json").output.splitlines()] == ["a", "b"]
    result = line("resume", "--all")
    assert (result.exit_code, result.output) == (0, "There is no account to which this can be done.\n")


def test_without_names_nothing_is_done(line: Line) -> None:
    line.pool.fill(web("a"))
    result = line("pause")
    assert (result.exit_code, states(line)) == (2, {"a": State.ACTIVE})
    assert "give the names of accounts, or --all" in result.stderr


@pytest.mark.parametrize("verb", ["test", "refresh", "pause", "resume", "clear", "edit", "delete", "export"])
def test_names_together_with_all_are_a_mistake(line: Line, verb: str) -> None:
    line.pool.fill(web("a"), web("b"))
    limit = ("--priority", "1") if verb == "edit" else ()
    assert line(verb, "b", "--all", *limit).exit_code == 2
    assert states(line) == {"a": State.ACTIVE, "b": State.ACTIVE}
    assert line.noted() == []


def test_what_is_dead_is_cleared(line: Line) -> None:
    line.pool.fill(web("a"))
    mark(line, "a", State.DEAD)
    assert "account a is dead" in line("pause", "a").output
    assert line("clear", "a").output == "ok      a: cleared\n"
    assert states(line) == {"a": State.NEW}


def test_limits_are_edited(line: Line) -> None:
    line.pool.fill(web("a"), web("b"))
    result = line("edit", "--all", "--max-concurrency", "3", "--weight", "0.5", "--requests-per-minute", "9")
    assert result.output.splitlines()[0] == "ok      a: max_concurrency 3, requests_per_minute 9, weight 0.5"
    accounts = [record.account for record in line.pool.members.all()]
    assert accounts == [web(name, max_concurrency=3, weight=0.5, requests_per_minute=9) for name in "ab"]
    for spelled in ("none", "0"):
        assert line("edit", "a", "--requests-per-minute", "5").exit_code == 0
        assert line("edit", "a", "--requests-per-minute", spelled).exit_code == 0
        assert line.pool.members.all()[0].account.requests_per_minute is None
    result = line("edit", "a", "--weight", "0")
    assert (result.exit_code, result.output) == (
        1,
        "failed  a: weight must be at least 0.001\n",
    )
    assert line("edit", "a").exit_code == 2


def test_those_that_were_added_are_deleted(line: Line) -> None:
    line.pool.fill(web("filed"))
    hands = Interventions(line.pool.store)
    for name in ("x", "y"):
        hands.enter(ConfiguredAccount(web(name), f"secret of {name}"))
    result = line("delete", "filed", "x")
    assert result.exit_code == 1
    assert "stands in the accounts file" in result.output.splitlines()[0]
    assert line.names == ["filed", "y"]
    assert line("delete", "--all", text="n\n").exit_code == 1
    assert line.names == ["filed", "y"]
    assert line("delete", "--all", "--yes").exit_code == 0
    assert line.names == ["filed"]


def test_a_refresh_that_nobody_does_is_told(line: Line) -> None:
    line.pool.fill(web("a"), web("dead"))
    mark(line, "dead", State.DEAD)
    result = line("refresh", "a", "dead", "--wait", "0.1")
    assert result.exit_code == 1
    first, second = result.output.splitlines()
    assert first == "failed  dead: account dead is dead (401): clear it to have its token tried anew"
    assert second.startswith("failed  a: no refresher is at work: start one, which refreshes it at once (0.")
    assert line.pool.due() == ["a"]
    assert line.noted() == [("refresh", "a")]


def test_accounts_are_tested_with_a_question_each(line: Line, simulator: Simulator) -> None:
    simulator.reset()
    simulator.settings(answer="2")
    transport, url = Transport(), simulator.url
    exchange = Exchange(transport, Endpoints(url, url, url, f"{url}/v1"))
    members = [
        ConfiguredAccount(web(name), simulator.mint(kind="kimi", name=name)["refresh_token"]) for name in ("a", "b")
    ]
    key = simulator.mint(kind="moonshot", name="key")["api_key"]
    members.append(ConfiguredAccount(Account(name="key", kind=Kind.MOONSHOT), key))
    line.pool.members.sync(members)
    now = line.pool.store.now()
    for member in members:
        record = line.pool.members.get(member.account.name)
        assert record is not None
        is_web = member.account.kind.is_web
        tokens = exchange.refresh(member.account, member.secret) if is_web else Tokens(key, key)
        line.pool.tokens.save(record, tokens, issued=now, expires=now + 900, next_due=now + 450, models=("kimi-k2.6",))
    transport.close()
    variables = {"KIMI_WEB_URL": url, "KIMI_AUTH_URL": url, "KIMI_CLASSIC_URL": url, "MOONSHOT_URL": f"{url}/v1"}
    result = line("test", "--all", "--json", **variables)
    assert result.exit_code == 0
    told = sorted((json.loads(each) for each in result.output.splitlines()), key=lambda each: str(each["name"]))
    assert [(each["name"], each["ok"], each["message"]) for each in told] == [
        (name, True, "answered: 2") for name in ("a", "b", "key")
    ]
    assert all(0 < each["seconds"] < 20 for each in told)
    mark(line, "b", State.BANNED)
    simulator.fault("unknown", match={"endpoint": "chat"})
    result = line("test", "a", "b", "nobody", **variables)
    assert result.exit_code == 1
    found = {each.split()[1].rstrip(":"): each for each in result.output.splitlines()}
    assert found["a"].startswith("ok      a: answered: 2 (")
    assert found["b"].startswith("failed  b: it is banned (401): clear it")
    assert found["nobody"] == "failed  nobody: there is no account nobody"
    assert {seen.kind for seen in DriftBook(line.pool.store).all()} == {Kind.KIMI}, "what nobody knew is kept"
