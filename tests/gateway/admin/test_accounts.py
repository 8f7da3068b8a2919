"""Accounts over the API: looking, adding, exporting."""

from __future__ import annotations

import gzip

import orjson
import pytest
import yaml
from werkzeug.test import TestResponse

from kimi.accounts import State
from kimi.pool import Store
from kimi.pool.canary import Canary
from kimi.sealing_keys import new_key
from tests.gateway.admin.desks import Office
from tests.kimi.pool.pools import Pool, take, web
from tests.kimi.pool.sealing import with_keys

API_KEY = "sk-abcdefghijklmnopqrstuvwxyz0123456789"
FIELDS = {
    *("name", "kind", "region", "origin", "state", "reason", "token_issued", "token_expires", "refresh_due"),
    *("refresh_failures", "in_flight", "max_concurrency", "requests_per_minute", "weight", "priority"),
    *("cooling_until", "cooling_reason", "models", "has_proxy", "base_url", "edited", "today", "last_used"),
}


def problem(reply: TestResponse) -> tuple[int, str, str | None]:
    error = reply.get_json()["error"]
    return reply.status_code, error["code"], error["param"]


def test_all_accounts_come_at_once_and_without_their_secrets(office: Office, pool: Pool) -> None:
    pool.fill(*(web(f"account-{number:03}") for number in range(120)))
    lease = take(pool)
    reply = office.api("GET", "/accounts")
    body = reply.get_json()
    assert abs(body["now"] - pool.clock.now) < 60
    assert [account["name"] for account in body["accounts"]] == [f"account-{number:03}" for number in range(120)]
    assert all(set(account) == FIELDS for account in body["accounts"])
    busy = [account["name"] for account in body["accounts"] if account["in_flight"]]
    assert busy == [lease.account.name]
    assert "refresh-account" not in reply.text and "access-account" not in reply.text


def test_a_browser_gets_them_packed(office: Office, pool: Pool) -> None:
    pool.fill(*(web(f"account-{number:03}") for number in range(120)))
    plain = office.api("GET", "/accounts")
    reply = office.api("GET", "/accounts", headers={"accept-encoding": "gzip, br"})
    assert (reply.headers["content-encoding"], reply.headers["vary"]) == ("gzip", "accept-encoding")
    assert len(reply.data) < len(plain.data) / 8
    assert orjson.loads(gzip.decompress(reply.data))["accounts"] == plain.get_json()["accounts"]


def test_names_that_nobody_can_write_are_told_all_the_same(office: Office) -> None:
    entries = '{name: "\\ud83d", refresh_token: x}, {name: a, "\\ud83d": 1, refresh_token: x}'
    (first, second) = office.api("POST", "/accounts", json={"text": f"accounts: [{entries}]"}).get_json()["results"]
    assert first["place"] == "the text: accounts[0] (?)"
    assert "? is not a field of an account" in second["message"]


def test_an_empty_pool_is_an_empty_list(office: Office) -> None:
    assert office.api("GET", "/accounts").get_json()["accounts"] == []


@pytest.mark.parametrize("name", ["alice", "a/b?c=d & e", "爱丽丝 ✨", '"<b>"'])
def test_one_account_is_found_by_any_name(office: Office, pool: Pool, name: str) -> None:
    pool.fill(web(name))
    found = office.api("GET", "/accounts/one", query_string={"name": name}).get_json()
    assert (set(found), found["name"], found["state"]) == (FIELDS, name, "active")


def test_an_account_that_is_not_there_is_a_404(office: Office) -> None:
    assert problem(office.api("GET", "/accounts/one?name=nobody")) == (404, "account_not_found", "name")
    assert problem(office.api("GET", "/accounts/one")) == (400, "invalid_value", "name")


def test_what_is_added_is_told_one_by_one_and_noted_without_secrets(office: Office) -> None:
    text = f"accounts:\n- {{name: one, kind: moonshot, api_key: {API_KEY}}}\n- {{name: two, kind: nonsense}}\n"
    reply = office.api("POST", "/accounts", json={"text": text})
    body = reply.get_json()
    assert (body["added"], body["refused"]) == (1, 1)
    assert [each["outcome"] for each in body["results"]] == ["added", "refused"]
    assert body["results"][0]["name"] == "one"
    told = {"place", "outcome", "name", "kind", "expires", "message", "code", "line", "twin"}
    assert set(body["results"][0]) == told
    assert office.api("GET", "/accounts/one?name=one").get_json()["origin"] == "operator"
    again = office.api("POST", "/accounts", json={"text": text}).get_json()
    assert [each["outcome"] for each in again["results"]] == ["known", "refused"]
    entries = office.api("GET", "/audit").get_json()["entries"]
    assert [(entry["action"], entry["subject"]) for entry in entries] == [("add", "one")]
    assert API_KEY not in str(entries)


def test_a_new_credential_takes_the_place_of_one_that_is_dead(office: Office, pool: Pool) -> None:
    text = f"accounts:\n- {{name: one, kind: moonshot, api_key: {API_KEY}}}\n"
    office.api("POST", "/accounts", json={"text": text})
    record = pool.members.get("one")
    assert record is not None
    pool.members.mark("one", record.version, State.DEAD, "why")
    body = office.api("POST", "/accounts", json={"text": text.replace("sk-a", "sk-b")}).get_json()
    (told,) = body["results"]
    assert (body["added"], told["outcome"], told["name"]) == (1, "added", "one")
    assert told["message"] == "it was dead: this takes the place of its old credential, kind moonshot"
    assert office.api("GET", "/accounts/one?name=one").get_json()["state"] == "new"


def test_the_kind_is_that_of_accounts_that_do_not_say(office: Office) -> None:
    reply = office.api("POST", "/accounts", json={"text": API_KEY, "kind": "moonshot"})
    assert [each["kind"] for each in reply.get_json()["results"]] == ["moonshot"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "text"),
        ({"text": 7}, "text"),
        ({"text": "x", "kind": "gpt"}, "kind"),
        ({"text": "x", "more": 1}, "more"),
        ({"text": "{"}, "text"),
        ({"text": "[" * 5_000}, "text"),
    ],
)
def test_what_cannot_be_added_says_where_it_is_wrong(office: Office, body: dict[str, object], param: str) -> None:
    assert problem(office.api("POST", "/accounts", json=body)) == (400, "invalid_value", param)


def test_accounts_are_exported_as_a_file_that_can_be_imported(office: Office, pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    reply = office.api("POST", "/accounts/export", json={"names": ["b"]})
    assert reply.headers["content-disposition"].startswith("attachment")
    assert (reply.content_type, reply.headers["cache-control"]) == ("application/yaml; charset=utf-8", "no-store")
    (account,) = yaml.safe_load(reply.text)["accounts"]
    assert (account["name"], account["refresh_token"]) == ("b", "refresh-b-2")
    assert len(yaml.safe_load(office.api("POST", "/accounts/export", json={}).text)["accounts"]) == 2
    subjects = [entry["subject"] for entry in office.api("GET", "/audit").get_json()["entries"]]
    assert subjects == ["all accounts", "b"]
    for names in (["c"], None):
        assert problem(office.api("POST", "/accounts/export", json={"names": names})) == (400, "invalid_value", "names")


def test_without_redis_nothing_is_told(cut_off: Store) -> None:
    assert problem(Office(cut_off).api("GET", "/accounts"))[:2] == (503, "store_unavailable")


def test_with_the_wrong_keys_nothing_is_taken_and_the_keys_are_named(pool: Pool) -> None:
    sealed = with_keys(pool, new_key())
    Canary(sealed.store).keep()
    sealed.fill(web("a", proxy="http://proxy:1"))
    wrong = Office(with_keys(pool, new_key()).store)
    for method, path, body in (
        ("POST", "/accounts", {"text": API_KEY, "kind": "moonshot"}),
        ("PATCH", "/accounts", {"names": ["a"], "limits": {"weight": 2}}),
        ("POST", "/accounts/export", {}),
    ):
        reply = wrong.api(method, path, json=body)
        assert problem(reply)[:2] == (503, "store_sealed")
        assert "TOKEN_ENCRYPTION_KEYS" in reply.get_json()["error"]["message"]
    (result,) = wrong.api("POST", "/accounts/refresh", json={"names": ["a"]}).get_json()["results"]
    assert not result["ok"] and "TOKEN_ENCRYPTION_KEYS" in result["message"]
    assert [record.account.name for record in sealed.members.all()] == ["a"]
