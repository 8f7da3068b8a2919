"""Client keys from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.cli_keys import NOTHING
from kimi.events import Usage
from kimi.operating.audit import Audit
from kimi.pool import Store, connect
from kimi.pool.client_terms import NO_LIMITS, ClientLimits
from kimi.pool.clients import KEY_LENGTH, Clients, digest_of
from kimi.pool.counts import Counts, Courier
from tests.ports import free_port


def run(redis_url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["keys", *arguments], env={"REDIS_URL": redis_url})


@pytest.fixture
def store(redis_url: str) -> Iterator[Store]:
    with connect(redis_url) as redis:
        yield Store(redis)


@pytest.fixture
def clients(store: Store) -> Clients:
    return Clients(store)


def test_a_new_key_stands_alone_on_standard_output(clients: Clients, redis_url: str) -> None:
    result = run(redis_url, "create", "shop")
    (key,) = result.stdout.splitlines()
    found = clients.find(digest_of(key))
    assert result.exit_code == 0 and len(key) == KEY_LENGTH
    assert found is not None and (found.name, found.limits) == ("shop", NO_LIMITS)
    assert "shown this once" in result.stderr and key not in result.stderr


def test_limits_are_given_changed_and_taken_away(clients: Clients, redis_url: str) -> None:
    limits = [
        "--requests-per-minute",
        "60",
        "--tokens-per-day",
        "1000000",
        "--concurrent",
        "3",
        "--models",
        "kimi, k2*",
    ]
    created = json.loads(run(redis_url, "create", "shop", "--json", *limits).stdout)
    (client,) = clients.all()
    assert clients.find(digest_of(created["key"])) == client
    assert client.limits == ClientLimits(
        requests_per_minute=60, tokens_per_day=1_000_000, concurrent=3, models=("kimi", "k2*")
    )
    assert created["limits"] == client.limits.described() and created["id"] == client.id

    edited = run(redis_url, "edit", "shop", "--name", "store", "--concurrent", "none", "--models", "none")
    assert edited.stdout == "store: requests_per_minute 60, tokens_per_day 1000000.\n"
    assert clients.get(client.id).limits == ClientLimits(requests_per_minute=60, tokens_per_day=1_000_000)
    edited = run(redis_url, "edit", client.id, "--requests-per-minute", "none", "--tokens-per-day", "none")
    assert edited.stdout == "store: no limits.\n"
    assert json.loads(run(redis_url, "edit", "store", "--name", "shop", "--json").stdout)["name"] == "shop"


def test_a_revoked_key_is_named_by_its_id_once_another_has_its_name(clients: Clients, redis_url: str) -> None:
    first = clients.create("shop").client
    assert run(redis_url, "revoke", "shop").stdout == "shop is revoked.\n"
    second = clients.create("shop").client
    assert json.loads(run(redis_url, "revoke", first.id, "--json").stdout)["id"] == first.id
    assert clients.get(second.id).revoked is None
    run(redis_url, "revoke", "shop")
    assert clients.get(second.id).revoked is not None


def test_keys_are_listed_with_what_they_did_today(clients: Clients, store: Store, redis_url: str) -> None:
    assert run(redis_url, "list").stdout == f"{NOTHING}\n"
    shop = clients.create("shop", ClientLimits(concurrent=2, models=("kimi", "kimi-k2*"))).client
    former = clients.revoke(clients.create("former").client.id)
    counts = Counts()
    counts.answered(shop.id, failed=False, usage=Usage(30, 12))
    for _ in range(2):
        counts.answered(former.id, failed=False)
    Courier(store, counts).deliver()

    result = run(redis_url, "list")
    shown = {line.split()[0]: line for line in result.output.splitlines()}
    assert shown["NAME"].split() == ["NAME", "KEY", "LIMITS", "REQUESTS", "TOKENS", "LAST", "USED", "STATE"]
    assert "sk-kimi-" in shown["shop"] and "concurrent 2, models kimi kimi-k2*" in shown["shop"]
    assert shown["shop"].split()[-5:] == ["42", "0", "s", "ago", "good"]
    assert shown["former"].endswith("revoked 0 s ago")

    listed = [json.loads(line) for line in run(redis_url, "list", "--json").output.splitlines()]
    assert {each["name"]: each["today"]["requests"] for each in listed} == {"shop": 1, "former": 2}
    assert not any("digest" in each or "key" in each for each in listed)


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "shop"),
        ("create", " "),
        ("create", "other", "--concurrent", "-1"),
        ("create", "other", "--models", ""),
        ("create", "other", "--models", "k*i"),
        ("edit", "nobody", "--name", "somebody"),
        ("revoke", "nobody"),
    ],
)
def test_what_is_refused_is_one_line(clients: Clients, redis_url: str, arguments: tuple[str, ...]) -> None:
    clients.create("shop")
    result = run(redis_url, *arguments)
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (1, "", 1)
    assert len(clients.all()) == 1


@pytest.mark.parametrize("arguments", [("edit", "former", "--concurrent", "2"), ("revoke", "former")])
def test_a_name_whose_key_was_revoked_is_said_to_be_that(
    clients: Clients, redis_url: str, arguments: tuple[str, ...]
) -> None:
    clients.revoke(clients.create("former").client.id)
    result = run(redis_url, *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "There is no key named former any more: it was revoked." in result.stderr


@pytest.mark.parametrize("spelled", ["none", "0"])
def test_no_limit_is_spelled_in_two_ways(clients: Clients, redis_url: str, spelled: str) -> None:
    run(redis_url, "create", "shop", "--concurrent", spelled, "--tokens-per-day", "9")
    assert clients.all()[0].limits == ClientLimits(tokens_per_day=9)
    assert run(redis_url, "edit", "shop", "--tokens-per-day", spelled).exit_code == 0
    assert clients.all()[0].limits == ClientLimits()


def test_nothing_to_change_is_a_mistake_and_not_noted(clients: Clients, store: Store, redis_url: str) -> None:
    clients.create("shop")
    result = run(redis_url, "edit", "shop")
    assert result.exit_code == 2 and "nothing to change" in result.stderr
    assert Audit(store).entries() == []


def test_a_key_in_place_of_its_name_is_not_repeated(redis_url: str) -> None:
    key = run(redis_url, "create", "shop").stdout.strip()
    result = run(redis_url, "revoke", key)
    assert result.exit_code == 1 and key not in result.stderr


def test_what_was_done_is_noted_without_the_key(store: Store, redis_url: str) -> None:
    key = run(redis_url, "create", "shop", "--concurrent", "2").stdout.strip()
    run(redis_url, "edit", "shop", "--name", "store")
    run(redis_url, "revoke", "store")
    noted = Audit(store).entries()
    assert [(each.who, each.action, each.subject, each.detail) for each in reversed(noted)] == [
        ("command line", "create key", "shop", "concurrent 2"),
        ("command line", "edit key", "shop → store", "concurrent 2"),
        ("command line", "revoke key", "store", ""),
    ]
    assert key not in str(noted)


def test_a_redis_that_does_not_answer_is_one_line_and_exit_code_2() -> None:
    result = run(f"redis://127.0.0.1:{free_port()}/0", "create", "shop")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Redis does not answer" in result.stderr
