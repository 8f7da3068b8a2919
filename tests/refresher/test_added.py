"""Accounts that are added by hand while refreshers run as processes of their own, against the simulator."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

from devtools.waiting import until
from kimi.accounts import Kind, Origin, State
from kimi.operating.accounts import Accounts
from kimi.operating.renewing import Fate
from kimi.pool.interventions import Interventions
from simulator.tokens import Holder, issue
from tests.refresher.running import Eyes, Refresher, Start, write
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


def test_tokens_that_only_a_refresher_had_that_was_killed_survive_a_store_that_loses_everything(
    eyes: Eyes, kimi: Simulator, start: Start, tmp_path: Path
) -> None:
    web, added = kimi.mint(kind="kimi", name="web"), kimi.mint(kind="moonshot", name="added")
    write(tmp_path, web)
    first = start()
    until(lambda: eyes.all_active("web"), what="it is in service")
    assert eyes.record("web").refresh != web["refresh_token"]
    second = start()
    second.says("refresher started")
    assert outcomes(eyes, added) == ["added"]
    until(lambda: remembered(second) == 1, what="the second has read everything up to there")
    assert first.process is not None
    first.process.kill()
    eyes.redis.flushall()
    until(lambda: eyes.all_active("web", "added"), what="both are in service again")


def remembered(refresher: Refresher) -> int:
    """How many accounts it has said to remember."""
    return sum(int(line["accounts"]) for line in refresher.lines() if line["event"].endswith("are remembered"))


def test_a_dead_one_that_is_cleared_is_tried_anew(eyes: Eyes, kimi: Simulator, start: Start) -> None:
    start().says("refresher started")
    kimi.fault("http", match={"endpoint": "exchange"}, status=401)
    assert outcomes(eyes, kimi.mint(kind="kimi", name="web")) == ["added"]
    until(lambda: eyes.states() == {"web": State.DEAD}, what="it is dead")
    Accounts(eyes.store).clear("web")
    until(lambda: eyes.all_active("web"), what="it is in service")


def test_a_new_token_of_its_login_brings_a_dead_one_back(eyes: Eyes, kimi: Simulator, start: Start) -> None:
    start().says("refresher started")
    kimi.fault("http", match={"endpoint": "exchange"}, status=401)
    assert outcomes(eyes, kimi.mint(kind="kimi", name="web")) == ["added"]
    until(lambda: eyes.states() == {"web": State.DEAD}, what="it is dead")
    newer = another_token(kimi, "web")
    (taken,) = Accounts(eyes.store).add(newer, Kind.KIMI)
    assert (taken.outcome, taken.name) == ("added", "web")
    until(lambda: eyes.all_active("web"), what="it is in service")
    assert eyes.record("web").refresh != newer, "it was exchanged"
    assert kimi.account("web")["exchanged"] == 1


def another_token(kimi: Simulator, name: str) -> str:
    """What one who logs in again is given."""
    found = kimi.account(name)
    holder = Holder(found["sub"], found["ssid"], found["device_id"], "cn")
    return issue(holder, "refresh", now=time.time(), lifetime=86_400)


def test_whatever_operators_do_while_tokens_are_exchanged_none_is_lost_or_spent_twice(
    eyes: Eyes, kimi: Simulator, start: Start
) -> None:
    refreshers = [start(), start()]
    accounts, hands, rng = Accounts(eyes.store), Interventions(eyes.store), random.Random(11)
    minted = {name: kimi.mint(kind="kimi", name=name) for name in ("a", "b", "c")}
    kimi.fault("slow", match={"endpoint": "exchange"}, times=None, seconds=0.05)
    for each in minted.values():
        assert outcomes(eyes, each) == ["added"]
    for refresher in refreshers:
        refresher.says("refresher started")

    def add(name: str) -> bool:
        # "refused" where its token is being exchanged just now
        return outcomes(eyes, {**minted[name], "name": f"{name}{rng.randrange(3)}"}) != ["refused"]

    def much_was_exchanged() -> bool:
        return all(kimi.account(name)["exchanged"] > 5 for name in minted)

    for number in range(1500):  # refreshers begin something ten times a second
        if number >= 150 and much_was_exchanged():
            break
        record = rng.choice([each for each in accounts.all() if each.account.name[0] in minted])
        name = record.account.name
        verb = rng.choice((hands.pause, hands.resume, hands.clear, hands.hurry, hands.hurry, hands.delete))
        verb(name)
        if verb == hands.delete:
            until(lambda of=name[0]: add(of), what="it is added again")  # type: ignore[misc]
    for record in accounts.all():
        hands.resume(record.account.name)
    until(lambda: {each.state for each in accounts.all()} == {State.ACTIVE}, what="all are in service")
    assert len(accounts.all()) == len(minted)

    names = [each.account.name for each in accounts.all()]
    assert {each.fate for each in accounts.refresh_all(names, patience=20)} == {Fate.RENEWED}
    for name in minted:
        counts = kimi.account(name)
        assert (counts["reused"], counts["concurrent"]) == (0, 0)
    assert much_was_exchanged()
