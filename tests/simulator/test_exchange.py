"""Tokens: what an exchange gives, what it takes away, and what is counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import requests

from tests.simulator.clients import REFRESH, Client

if TYPE_CHECKING:
    from tests.simulator.running import Simulator


def claims(token: str) -> dict[str, Any]:
    assert jwt.get_unverified_header(token)["alg"] == "HS512"
    read: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return read


@pytest.fixture
def fresh(kimi: Simulator) -> Client:
    """A `kimi` account that has exchanged nothing so far."""
    return Client(kimi, kimi.mint(kind="kimi", name="fresh"))


def test_tokens_carry_the_claims_of_the_wire(kimi: Simulator, fresh: Client) -> None:
    kimi.settings(access_lifetime=77)
    pair = fresh.refresh().json()
    access, refresh = claims(pair["accessToken"]), claims(pair["refreshToken"])
    assert access["exp"] - access["iat"] == 77
    assert (access["typ"], refresh["typ"], access["app_id"], access["iss"]) == (
        "access",
        "refresh",
        "kimi",
        "user-center",
    )
    assert access["sub"] == fresh.account["sub"]
    assert access["ssid"] == fresh.account["ssid"]
    assert len(access["device_id"]) == 19
    assert access["jti"] != refresh["jti"]


def test_an_account_without_a_device_has_tokens_of_the_newer_issuer(kimi: Simulator) -> None:
    client = Client(kimi, kimi.mint(kind="kimi", device_id=False))
    access = claims(client.refresh().json()["accessToken"])
    assert "device_id" not in access
    assert access["iss"] == "account-nt"


def test_a_refresh_token_works_once(fresh: Client) -> None:
    first = fresh.account["refresh_token"]
    second = fresh.refresh(first).json()["refreshToken"]
    refused = fresh.refresh(first)
    assert refused.status_code == 401
    assert refused.json()["code"] == "unauthenticated"
    assert fresh.refresh(second).status_code == 200
    counts = fresh.kimi.account("fresh")
    assert (counts["exchanges"], counts["exchanged"], counts["reused"]) == (3, 2, 1)


def test_a_spent_token_lives_on_for_the_time_of_grace(kimi: Simulator, fresh: Client) -> None:
    kimi.settings(grace_seconds=60)
    first = fresh.account["refresh_token"]
    fresh.refresh(first)
    assert fresh.refresh(first).status_code == 200


def test_a_new_access_token_ends_the_older_one(kimi: Simulator, fresh: Client) -> None:
    old = fresh.log_in().access
    fresh.log_in()
    assert fresh.call("GET", "/api/user").status_code == 200
    fresh.access = old
    assert fresh.call("GET", "/api/user").status_code == 401
    assert kimi.account("fresh")["stale_access"] == 1
    kimi.settings(old_access_dies=False)
    assert fresh.call("GET", "/api/user").status_code == 200


def test_an_expired_access_token_is_refused(kimi: Simulator, fresh: Client) -> None:
    kimi.fault("short_life", seconds=-1)
    fresh.log_in()
    assert fresh.call("GET", "/api/user").json()["error_type"] == "auth.token.invalid"
    assert kimi.account("fresh")["expired_access"] == 1


def test_bad_exchanges_have_the_statuses_of_the_wire(kimi: Simulator, fresh: Client) -> None:
    url = kimi.url + REFRESH
    assert requests.post(url, json={"refresh_token": "eyJ.no.token"}, timeout=5).status_code == 401
    assert requests.post(url, json={"refresh_token": ""}, timeout=5).status_code == 400
    assert requests.post(url, data=b'{"refresh_token":"x"}', timeout=5).status_code == 415
    assert requests.post(url, json={"refreshToken": fresh.account["refresh_token"]}, timeout=5).status_code == 200


def test_concurrent_exchanges_of_one_token_are_counted_and_one_wins(kimi: Simulator, fresh: Client) -> None:
    kimi.settings(exchange_delay=0.3)
    token = fresh.account["refresh_token"]
    with ThreadPoolExecutor(2) as pool:
        statuses = list(pool.map(lambda _: Client(kimi, {}).refresh(token).status_code, range(2)))
    assert sorted(statuses) == [200, 401]
    assert kimi.account("fresh")["concurrent"] == 1


def test_a_lost_reply_has_rotated_the_token(kimi: Simulator, fresh: Client) -> None:
    kimi.fault("lost_reply", match={"endpoint": "exchange"}, how="cut")
    with pytest.raises(requests.RequestException):
        fresh.refresh()
    assert fresh.refresh().status_code == 401
    assert kimi.account("fresh")["exchanged"] == 1
    assert fresh.refresh(kimi.account("fresh")["refresh_token"]).status_code == 200


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_reply_can_be_lost_without_a_byte(kimi: Simulator, fresh: Client, how: str) -> None:
    kimi.fault("lost_reply", how=how)
    with pytest.raises(requests.RequestException):
        fresh.refresh()
    assert kimi.account("fresh")["exchanged"] == 1


def test_the_exchange_fails_as_it_is_told(kimi: Simulator, fresh: Client) -> None:
    kimi.fault("http", status=503, match={"endpoint": "exchange"})
    kimi.fault("http", status=403)
    kimi.fault("no_tokens")
    kimi.fault("wrong_type")
    kimi.fault("broken_body")
    assert fresh.refresh().status_code == 503
    assert fresh.refresh().status_code == 403
    assert fresh.refresh().json().keys() >= {"code", "message"}
    assert fresh.refresh().headers["Content-Type"].startswith("text/html")
    with pytest.raises(requests.JSONDecodeError):
        fresh.refresh().json()
    assert kimi.account("fresh")["exchanged"] == 1, "only the last one was carried out"


def test_an_exchange_comes_in_three_shapes(kimi: Simulator, fresh: Client) -> None:
    kimi.fault("shape", shape="snake")
    token = fresh.refresh().json()["refresh_token"]
    kimi.fault("shape", shape="wrapped")
    assert fresh.refresh(token).json()["data"].keys() == {"accessToken", "refreshToken"}


def test_some_accounts_refresh_by_the_classic_path_only(kimi: Simulator) -> None:
    client = Client(kimi, kimi.mint(kind="kimi", classic_exchange=True))
    assert client.refresh().status_code == 404
    assert client.classic_refresh().status_code == 200


def test_a_classic_refresh_token_stays_good_unless_told_otherwise(kimi: Simulator) -> None:
    client = Client(kimi, kimi.mint(kind="kimi-classic"))
    first = client.account["refresh_token"]
    second = client.classic_refresh(first).json()["refresh_token"]
    assert second != first
    assert client.classic_refresh(first).status_code == 200
    kimi.settings(classic_strict=True)
    assert client.classic_refresh(second).status_code == 200
    dead = client.classic_refresh(second)
    assert (dead.status_code, dead.json()["error_type"]) == (401, "auth.token.invalid")


def test_tokens_do_not_cross_between_kinds(kimi: Simulator, fresh: Client) -> None:
    classic = Client(kimi, kimi.mint(kind="kimi-classic"))
    assert fresh.refresh(classic.account["refresh_token"]).status_code == 401
    assert classic.classic_refresh(fresh.account["refresh_token"]).status_code == 401


def test_a_banned_account_gets_400_at_the_classic_exchange(kimi: Simulator) -> None:
    client = Client(kimi, kimi.mint(kind="kimi-classic", name="bad"))
    kimi.account("bad", state="banned")
    assert client.classic_refresh().status_code == 400


def test_a_login_elsewhere_kills_the_refresh_token(kimi: Simulator, fresh: Client) -> None:
    fresh.log_in()
    kimi.account("fresh", revoke_refresh=True, revoke_access=True)
    assert fresh.refresh().status_code == 401
    assert fresh.call("GET", "/api/user").status_code == 401


def test_tokens_of_an_earlier_run_are_still_good(kimi: Simulator) -> None:
    client = Client(kimi, kimi.account("demo-1")).log_in()
    kimi.reset()
    assert client.call("GET", "/api/user").status_code == 200
    assert client.refresh().status_code == 200
