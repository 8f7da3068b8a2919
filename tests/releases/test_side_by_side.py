"""The processes of the last release and of the present one, over one Redis, while one takes the other's place."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from devtools.waiting import until
from kimi.pool import Store, connect
from kimi.pool.schema import HISTORY, Schema, at_work
from kimi.version import VERSION
from tests.releases.history import RELEASES
from tests.system import leaks
from tests.system.stack import ROOT, Stack
from tests.system.traffic import Traffic

LAST = RELEASES[-1]
KINDS = {"kimi": 3, "kimi_classic": 1, "moonshot": 1}
MODELS = ("kimi-k2.5", "kimi-k1.5", "kimi-k2.6")


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code of the last release."""
    packed = subprocess.run(
        ["git", "archive", LAST.commit, "gateway", "kimi", "refresher"], cwd=ROOT, capture_output=True, check=False
    )
    if packed.returncode:
        pytest.skip(f"the commit of release {LAST.name} is not here: this is no clone with the whole history")
    tree = tmp_path_factory.mktemp("older")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(tree, filter="data")
    return tree


@pytest.fixture
def stack(tmp_path: Path, older: Path) -> Iterator[Stack]:
    """The last release at work, with accounts of each kind whose access tokens hardly live."""
    stack = Stack(tmp_path, workers=1, simulator_options=["--token-lifetime", "6"])
    for process in (stack.gateway, stack.refresher):
        process.folder = older
    stack.start(**KINDS)
    yield stack
    stack.stop()


def exchanged(stack: Stack) -> dict[str, int]:
    """How often the token of each account was, by its name."""
    accounts = stack.simulator.state()["accounts"]
    return {name: account["exchanges"] for name, account in accounts.items() if account["kind"] != "moonshot"}


def wait_for_exchanges(stack: Stack, what: str) -> None:
    """Returns when every token was exchanged once more."""
    before = exchanged(stack)
    until(lambda: all(now > before[name] for name, now in exchanged(stack).items()), what=what)


def test_the_present_release_and_the_last_one_take_each_others_place_amid_requests(stack: Stack) -> None:
    old_gateway, old_refresher = stack.gateway, stack.refresher
    new_gateway, new_refresher = stack.another_gateway("newer"), stack.another_refresher("newer-refresher")
    with ExitStack() as all_the_while, connect(stack.valkey.url) as client:
        store = Store(client)
        assert Schema(store).look().version == 1 and VERSION not in at_work(store)

        old_traffic = [Traffic(stack, clients=1, model=model, url=old_gateway.url) for model in MODELS]
        over_old = all_the_while.enter_context(ExitStack())
        for traffic in old_traffic:
            over_old.enter_context(traffic.running())
        stack.gateways.append(new_gateway)
        new_gateway.start()
        new_gateway.wait_ready()
        new_traffic = [Traffic(stack, clients=1, model=model, url=new_gateway.url) for model in MODELS]
        for traffic in new_traffic:
            all_the_while.enter_context(traffic.running())
        standing = Schema(store).look()
        assert (standing.version, standing.release) == (HISTORY[-1].version, VERSION)
        until(lambda: {LAST.name, VERSION} <= at_work(store).keys(), what="both are seen")

        stack.refreshers.append(new_refresher)
        new_refresher.start()
        wait_for_exchanges(stack, "both are at it")
        assert old_refresher.stop() == 0
        wait_for_exchanges(stack, "the newer refresher goes on")
        old_refresher.start()
        assert new_refresher.stop() == 0
        wait_for_exchanges(stack, "the older refresher goes on, as where somebody goes back")
        over_old.close()
        assert old_gateway.stop() == 0
        good = [traffic.good for traffic in new_traffic]
        until(lambda: all(now.good > before for now, before in zip(new_traffic, good, strict=True)))
    for traffic in (*old_traffic, *new_traffic):
        assert (traffic.bad, traffic.refused) == ({}, 0)
        assert traffic.good > 5
    look_for_losses(stack)


def look_for_losses(stack: Stack) -> None:
    leaks.wait_for_rest(stack)
    state = stack.simulator.state()
    assert state["totals"]["reused"] == state["totals"]["concurrent"] == 0, "no token was exchanged twice"
    web = [account for account in state["accounts"].values() if account["kind"] != "moonshot"]
    assert all(account["peak_streams"] == 1 for account in web), "the limit of one stream holds over both"
    newest = {account["name"]: account.get("refresh_token") for account in stack.simulator.control("GET", "accounts")}
    with redis.Redis.from_url(stack.valkey.url, decode_responses=True) as client:
        for name, token in newest.items():
            stored = client.hgetall(f"kimi:{{pool}}:account:{name}")
            assert stored["state"] == "active"
            assert token in (stored["refresh"], None)
