from __future__ import annotations

import logging
from pathlib import Path

import pytest
import requests

from devtools.waiting import until
from gateway.seal_watch import SealWatch
from gateway.settings import GatewaySettings
from gateway.views.health import SHUT_OUT
from gateway.wsgi import looking
from kimi.pool.canary import Canary
from kimi.pool.resealing import Resealing
from kimi.pool.schema import LOOK_SECONDS
from kimi.pool.sealers import Sealers
from kimi.sealing_keys import new_key
from tests.gateway.fakes import Clock
from tests.gateway.gunicorns import running
from tests.kimi.pool.pools import Pool, web
from tests.kimi.pool.sealing import with_keys


def test_who_was_forgotten_when_the_keys_changed_knows_and_says_it(
    pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    clock, old, new = Clock(0.0), new_key(), new_key()
    store = with_keys(pool, old).store
    watch = SealWatch(Canary(store).look_at_served, Sealers(store, "gateway"), monotonic=clock)

    def seen() -> bool:
        clock.now += LOOK_SECONDS
        watch.check()
        return watch.is_shut_out

    with caplog.at_level(logging.INFO):
        assert not seen()
        Canary(with_keys(pool, new).store).keep()
        assert seen()
        pool.store.redis.flushall()
        assert not seen()
    first, second = caplog.messages
    assert first.startswith("no key of TOKEN_ENCRYPTION_KEYS opens what Redis holds")
    assert second == "what Redis holds can be opened again"


def test_one_that_lacks_the_key_with_which_a_refresher_seals_is_not_ready_before_it_matters(pool: Pool) -> None:
    clock, (old, new) = Clock(0.0), (new_key(), new_key())
    store = with_keys(pool, old).store
    watch = SealWatch(Canary(store).look_at_served, Sealers(store, "gateway"), monotonic=clock)
    refresher = Sealers(with_keys(pool, new, old).store, "refresher here-1")
    watch.check()
    assert not watch.is_shut_out
    for act, shut_out in ((refresher.beat, True), (refresher.leave, False)):
        act()
        clock.now += LOOK_SECONDS
        watch.check()
        assert watch.is_shut_out is shut_out


@pytest.mark.parametrize("guests", [True, False])
def test_where_clients_bring_accounts_along_none_of_the_operators_has_to_be_opened(pool: Pool, guests: bool) -> None:
    store = with_keys(pool, new_key()).store
    with_keys(pool, new_key()).fill(web("alice"))
    settings = GatewaySettings(gateway_api_keys=("a-key",), gateway_passthrough=guests)
    watch = SealWatch(looking(Canary(store), settings), Sealers(store, "gateway"), monotonic=Clock(0.0))
    watch.check()
    assert watch.is_shut_out is not guests


def test_it_shows_with_which_key_it_seals_until_it_ends(pool: Pool) -> None:
    clock, store = Clock(0.0), with_keys(pool, new_key()).store
    watch = SealWatch(Canary(store).look_at_served, Sealers(store, "gateway"), monotonic=clock)
    watch.check()
    assert Resealing(store).status().processes == {"gateway": 1}
    watch.end()
    clock.now += LOOK_SECONDS
    watch.check()
    assert Resealing(store).status().processes == {}


def test_a_gateway_that_runs_looks_by_itself_and_is_not_ready(pool: Pool, redis_url: str, tmp_path: Path) -> None:
    with running(tmp_path, redis_url, TOKEN_ENCRYPTION_KEYS=new_key()) as gateway:
        Canary(with_keys(pool, new_key()).store).keep()

        def is_told() -> bool:
            answer = requests.get(f"{gateway.base}/readyz", timeout=30)
            return answer.status_code == 503 and SHUT_OUT in answer.json()["reasons"]

        until(is_told, seconds=30, what="it says that it cannot open what Redis holds")
