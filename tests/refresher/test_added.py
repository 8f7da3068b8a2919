"""Accounts that are added by hand while refreshers run as processes of their own, against the simulator."""

from __future__ import annotations

from typing import Any

from devtools.waiting import until
from kimi.accounts import Kind, Origin, State
from kimi.operating.accounts import Accounts
from kimi.operating.renewing import Fate
from tests.refresher.running import Eyes, Refresher, Start
from tests.simulator.running import Simulator


def entry(minted: dict[str, Any]) -> str:
    """The account under its name at the simulator."""
    secret = "refresh_token" if minted["kind"] == "kimi" else "api_key"
    return f"accounts:\n  - {{name: {minted['name']}, kind: {minted['kind']}, {secret}: {minted[secret]}}}\n"


def outcomes(eyes: Eyes, minted: dict[str, Any]) -> list[str]:
    return [taken.outcome.value for taken in Accounts(eyes.store).add(entry(minted), Kind.KIMI)]


def test_they_are_refreshed_at_once_and_survive_a_store_that_loses_everything(
    eyes: Eyes, kimi: Simulator, start: Start
) -> None:
    refreshers = [start(), start()]
    for refresher in refreshers:
        refresher.says("refresher started")
    web, key = kimi.mint(kind="kimi", name="web"), kimi.mint(kind="moonshot", name="key")
    assert [outcomes(eyes, each) for each in (web, key)] == [["added"], ["added"]]
    until(lambda: eyes.all_active("web", "key"), what="both are in service")
    before = eyes.record("web")
    assert before.refresh != web["refresh_token"]
    assert outcomes(eyes, web) == ["known"]

    renewed = Accounts(eyes.store).refresh_all(["web", "key"], patience=20)
    assert {each.name: each.fate for each in renewed} == {"web": Fate.RENEWED, "key": Fate.RENEWED}
    assert eyes.record("web").refresh != before.refresh

    for refresher in refreshers:
        until(lambda of=refresher: remembered(of) == 2, what="it remembers both")  # type: ignore[misc]
    eyes.redis.flushall()
    until(lambda: eyes.all_active("web", "key"), what="both are in service again")
    assert eyes.record("web").origin is Origin.OPERATOR
    assert outcomes(eyes, web) == ["known"], "it is known by the token that was added"


def remembered(refresher: Refresher) -> int:
    """How many accounts it has said to remember."""
    return sum(int(line["accounts"]) for line in refresher.lines() if line["event"].endswith("are remembered"))


def test_a_dead_one_that_is_cleared_is_tried_anew(eyes: Eyes, kimi: Simulator, start: Start) -> None:
    start().says("refresher started")
    kimi.fault("http", match={"endpoint": "exchange"}, status=401, body="{}")
    assert outcomes(eyes, kimi.mint(kind="kimi", name="web")) == ["added"]
    until(lambda: eyes.states() == {"web": State.DEAD}, what="it is dead")
    Accounts(eyes.store).clear("web")
    until(lambda: eyes.all_active("web"), what="it is in service")
