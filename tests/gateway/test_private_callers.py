"""Whose accounts answer a client that brings its own, and what it can ask for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from structlog.testing import capture_logs

from gateway.auth import PASSTHROUGH, Caller
from gateway.errors import TokenRefused
from gateway.server.environ_keys import KNOWN, SERVED
from kimi.accounts import ConfiguredAccount, Kind, State
from kimi.errors import AccountDead, NoAccount, Unreachable
from kimi.pool import Summary
from kimi.pool.fingerprints import fingerprint
from kimi.pool.private import Known, private_account
from tests.gateway.bringing import ALICE, BOB
from tests.gateway.copies import NOW, copy_of
from tests.gateway.fakes import House, answer
from tests.gateway.standby.desks import Desk

URL = "/v1/chat/completions"
HI = {"model": "kimi", "messages": [{"role": "user", "content": "hi"}]}
CALLER = Caller(PASSTHROUGH, "private:1", ("private-a", "private-b"), Summary(1, frozenset({"kimi", "kimi:*"})))


@dataclass
class Door:
    """Lets everybody in until all tokens are dead; counts how often it was asked."""

    dead: bool = False
    asked: int = 0
    whoever: Caller = CALLER

    def caller(self, authorization: str | None, api_key: str | None) -> Caller:
        self.asked += 1
        if self.dead and self.asked > 1:
            raise TokenRefused("all of them are dead")
        return self.whoever


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def house(door: Door) -> House:
    return House(door)


def test_a_request_goes_along_the_callers_own_routes_only(house: House) -> None:
    house.pool.will(*answer("x"))
    assert house.client.post(URL, json=HI).status_code == 200
    selection = house.pool.started[0][0]
    assert {route.rpartition("@")[2] for route in selection.routes} == {"private-a", "private-b"}
    assert {"kimi@private-a", "kimi@private-b"} <= set(selection.routes)
    assert not any(route.startswith("kimi-classic") for route in selection.routes)


def test_it_sees_the_models_of_its_own_accounts(house: House) -> None:
    names = {model["id"] for model in house.client.get("/v1/models").get_json()["data"]}
    assert "kimi" in names and "kimi-official" not in names
    assert house.client.get("/v1/models/kimi-official").status_code == 404
    assert house.pool.asked == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("error", [NoAccount(), AccountDead()])
def test_tokens_that_die_while_their_client_waits_are_a_wrong_key(
    house: House, door: Door, error: Exception, *, stream: bool
) -> None:
    door.dead = True
    house.pool.will(error)
    response = house.client.post(URL, json={**HI, "stream": stream})
    assert response.status_code == 401
    assert response.get_json()["error"] == {
        "message": "all of them are dead",
        "type": "invalid_request_error",
        "param": None,
        "code": "invalid_api_key",
    }


def test_one_that_lives_is_out_of_service_only(house: House) -> None:
    house.pool.will(NoAccount())
    assert house.client.post(URL, json=HI).status_code == 503


def test_nobody_is_judged_for_what_is_not_his_fault(house: House, door: Door) -> None:
    door.dead = True
    house.pool.will(Unreachable())
    assert house.client.post(URL, json=HI).status_code == 502
    assert door.asked == 1


@pytest.mark.parametrize(("is_proven", "told"), [(True, ["known", "served"]), (False, ["served"])])
def test_a_token_that_may_be_made_up_is_a_strangers_until_it_has_served(
    house: House, door: Door, *, is_proven: bool, told: list[str]
) -> None:
    door.whoever = replace(CALLER, is_proven=is_proven)
    heard: dict[str, None] = {}
    worker = {KNOWN: lambda: heard.setdefault("known"), SERVED: lambda: heard.setdefault("served")}
    house.client.get("/v1/models", environ_overrides=worker)
    assert list(heard) == told[:-1]
    house.pool.will(NoAccount())
    house.client.post(URL, json=HI, environ_overrides=worker)
    house.pool.will(*answer("x"))
    assert house.client.post(URL, json=HI, environ_overrides=worker).status_code == 200
    assert list(heard) == told


def test_the_log_says_that_tokens_came_and_not_which(house: House) -> None:
    house.pool.will(*answer("x"))
    with capture_logs() as logs:
        house.client.post(URL, json=HI)
    assert logs[0]["client"] == "passthrough"


def test_with_them_a_gateway_is_ready_without_accounts_of_its_own() -> None:
    for passthrough, status in (("0", 503), ("1", 200)):
        house = House(gateway_passthrough=passthrough)
        house.pool.known = Summary(0, frozenset())
        assert house.client.get("/readyz").status_code == status


def test_without_redis_the_known_ones_go_on() -> None:
    mine, other = private_account(ALICE, Kind.KIMI), private_account(BOB, Kind.KIMI)
    copy = copy_of(mine.account, routes=(f"kimi@{mine.account.name}",), fingerprint=fingerprint(ALICE))
    desk = Desk([copy, copy_of("operator's")])
    known = Known(mine.account.name, State.ACTIVE, usable=True, routes=("kimi",))
    assert desk.standby.notice([mine, other]) == {mine.account.name: known}
    assert desk.standby.notice([ConfiguredAccount(mine.account, "of the same name")]) == {}
    desk.clock.advance(copy.expires - NOW)
    assert not desk.standby.notice([mine])[mine.account.name].usable
