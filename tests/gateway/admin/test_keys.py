"""Keys of clients over the API."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.gateway.admin.desks import Office

FIELDS = {"id", "name", "prefix", "created", "revoked", "origin", "limits", "today", "last_used"}


def create(office: Office, name: str = "bob", **limits: Any) -> dict[str, Any]:
    reply = office.api("POST", "/keys", json={"name": name, "limits": limits})
    assert reply.status_code == 201, reply.text
    body: dict[str, Any] = reply.get_json()
    return body


def keys(office: Office) -> dict[str, Any]:
    return {key["name"]: key for key in office.api("GET", "/keys").get_json()["keys"]}


def test_a_key_is_shown_once_and_listed_without_it(office: Office) -> None:
    made = create(office, concurrent=2, models=["kimi*"])
    assert set(made) == {"key", *FIELDS}
    assert made["key"].startswith("sk-kimi-") and made["key"].startswith(made["prefix"].rstrip("…"))
    reply = office.api("GET", "/keys")
    assert made["key"] not in reply.text
    listed = keys(office)["bob"]
    assert set(listed) == FIELDS
    assert listed["limits"] == {
        "requests_per_minute": None,
        "tokens_per_day": None,
        "concurrent": 2,
        "models": ["kimi*"],
    }
    assert made["key"] not in office.api("GET", "/audit").text


def test_keys_of_the_settings_are_listed_and_stay_as_they_are(office: Office) -> None:
    found = keys(office)["1"]
    assert (found["origin"], found["id"], found["created"]) == ("settings", "settings-1", None)
    assert office.api("DELETE", f"/keys/{found['id']}").status_code == 404


def test_what_an_edit_does_not_name_stays(office: Office) -> None:
    made = create(office, concurrent=2, tokens_per_day=1_000)
    path = f"/keys/{made['id']}"
    assert office.api("PATCH", path, json={"name": "robert"}).get_json()["limits"]["concurrent"] == 2
    edited = office.api("PATCH", path, json={"limits": {"concurrent": None, "requests_per_minute": 5}}).get_json()
    assert edited["name"] == "robert"
    assert edited["limits"] == {
        "requests_per_minute": 5,
        "tokens_per_day": 1_000,
        "concurrent": None,
        "models": None,
    }
    entries = office.api("GET", "/audit").get_json()["entries"]
    assert [(entry["action"], entry["subject"]) for entry in entries] == [
        ("edit key", "robert"),
        ("edit key", "bob → robert"),
        ("create key", "bob"),
    ]


def test_edits_at_the_same_time_undo_nothing_of_each_other(office: Office) -> None:
    made = create(office, requests_per_minute=1, tokens_per_day=1, concurrent=1, models=["kimi-1"])

    def edit(limits: dict[str, Any]) -> int:
        return office.api("PATCH", f"/keys/{made['id']}", json={"limits": limits}).status_code

    with ThreadPoolExecutor(4) as threads:
        for n in range(2, 22):
            limits = {"requests_per_minute": n, "tokens_per_day": n, "concurrent": n, "models": [f"kimi-{n}"]}
            assert set(threads.map(edit, [{name: value} for name, value in limits.items()])) == {200}
            assert keys(office)["bob"]["limits"] == limits


def test_a_revoked_key_is_listed_as_such_and_cannot_be_edited(office: Office) -> None:
    made = create(office)
    assert office.api("DELETE", f"/keys/{made['id']}").get_json()["revoked"] is not None
    assert keys(office)["bob"]["revoked"] is not None
    assert office.api("PATCH", f"/keys/{made['id']}", json={"name": "x"}).status_code == 400


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"name": "123"}, "name"),
        ({"name": "taken"}, "name"),
        ({"name": "x", "limits": {"concurrent": 0}}, "limits"),
        ({"name": "x", "limits": {"models": "kimi"}}, "limits"),
        ({"name": "x", "limits": {"models": ["k*i"]}}, "limits"),
        ({"name": "x", "limits": {"speed": 1}}, "limits"),
        ({"name": "x", "limits": []}, "limits"),
        ({"name": "x", "key": "mine"}, "key"),
    ],
)
def test_what_cannot_be_a_key_says_where_it_is_wrong(office: Office, body: dict[str, Any], param: str) -> None:
    create(office, "taken")
    reply = office.api("POST", "/keys", json=body)
    assert (reply.status_code, reply.get_json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"name": None}, "name"),
        ({"name": " "}, "name"),
        ({"limits": None}, "limits"),
        ({"limits": {"models": ["k*i"]}}, "limits"),
        ({"limits": {"concurrent": 0}}, "limits"),
    ],
)
def test_what_a_key_cannot_become_says_where_it_is_wrong(office: Office, body: dict[str, Any], param: str) -> None:
    made = create(office)
    reply = office.api("PATCH", f"/keys/{made['id']}", json=body)
    assert (reply.status_code, reply.get_json()["error"]["param"]) == (400, param)
    assert keys(office)["bob"]["limits"] == made["limits"]


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_key_that_is_not_there_is_a_404(office: Office, method: str) -> None:
    reply = office.api(method, "/keys/0123456789abcdef", json={})
    assert (reply.status_code, reply.get_json()["error"]["code"]) == (404, "key_not_found")
