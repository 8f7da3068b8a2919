"""With which keys those seal that live."""

from __future__ import annotations

import pytest

from kimi.errors import Unreadable
from kimi.pool.resealing import Resealing
from kimi.pool.sealers import LIVES_SECONDS, Sealers
from kimi.pool.seals import PLAIN, UNREADABLE
from kimi.sealing_keys import new_key
from tests.kimi.pool.pools import Pool, turned
from tests.kimi.pool.sealing import with_keys
from tests.valkey import Valkey

OLD, NEW, OTHER = new_key(), new_key(), new_key()


def sealer(pool: Pool, name: str, *keys: str) -> Sealers:
    """As a process of that name with these keys shows itself."""
    sealers = Sealers(with_keys(pool, *keys).store, name)
    sealers.beat()
    return sealers


def seen(pool: Pool, *keys: str) -> object:
    return Resealing(with_keys(pool, *keys).store).status().processes


def test_each_is_seen_with_the_key_that_it_seals_with(plain: Pool) -> None:
    assert seen(plain, NEW, OLD) == {}
    sealer(plain, "gateway a-1", OLD, NEW)
    sealer(plain, "refresher a-2", NEW, OLD)
    sealer(plain, "refresher b-2", OTHER, NEW)
    sealer(plain, "gateway b-1")
    everybody = {"gateway a-1": 2, "refresher a-2": 1, "refresher b-2": UNREADABLE, "gateway b-1": PLAIN}
    assert seen(plain, NEW, OLD) == everybody


def test_none_of_a_name_hides_another(plain: Pool) -> None:
    sealer(plain, "refresher a-1", NEW, OLD)
    plain.clock.now += 1
    latest = sealer(plain, "refresher a-1", OLD)
    assert seen(plain, OLD) == {"refresher a-1": UNREADABLE, "refresher a-1 (2)": 1}
    with pytest.raises(Unreadable):
        latest.meet()


def test_who_was_killed_is_forgotten_also_where_the_clock_is_set_back(plain: Pool) -> None:
    living = sealer(plain, "a", OLD)
    sealer(plain, "b", OLD)
    plain.clock.now -= 3600
    living.beat()
    assert seen(plain, OLD) == {"a": 1}


def test_they_are_seen_where_no_writes_are_taken_and_only_those_who_live(own_valkey: Valkey) -> None:
    with turned(own_valkey.url) as pool:
        sealer(pool, "a", OLD)
        pool.clock.now += LIVES_SECONDS
        sealer(pool, "b", OLD)
        pool.store.redis.config_set("min-replicas-to-write", 1)
        assert seen(pool, OLD) == {"b": 1}
        pool.clock.now += LIVES_SECONDS - 1
        assert seen(pool, OLD) == {"b": 1}
        pool.clock.now += 1
        assert seen(pool, OLD) == {}
        pool.clock.now -= 3600
        assert seen(pool, OLD) == {}


def test_who_leaves_is_forgotten_at_once_and_who_was_killed_in_time(plain: Pool) -> None:
    stopped, living = sealer(plain, "a", OLD), sealer(plain, "b", OLD)
    sealer(plain, "c", OLD)
    stopped.leave()
    assert seen(plain, OLD) == {"b": 1, "c": 1}
    plain.clock.now += LIVES_SECONDS - 1
    living.beat()
    assert seen(plain, OLD) == {"c": 1, "b": 1}
    plain.clock.now += 1
    assert seen(plain, OLD) == {"b": 1}
    assert 0 < plain.store.redis.pttl(plain.store.key("sealers")) <= LIVES_SECONDS * 1000, "also where all were killed"


def test_who_has_to_open_what_refreshers_seal_is_told_where_one_has_a_key_that_he_lacks(plain: Pool) -> None:
    gateway = sealer(plain, "gateway a-1", OLD)
    sealer(plain, "refresher a-2", OLD, NEW)
    sealer(plain, "refresher c-2")
    sealer(plain, "gateway b-1", OTHER)  # it keeps nobody else from serving
    gateway.meet()
    refresher = sealer(plain, "refresher b-2", NEW, OLD)
    with pytest.raises(Unreadable):
        gateway.meet()
    refresher.leave()
    gateway.meet()
    assert seen(plain, OLD) == {"gateway a-1": 1, "gateway b-1": UNREADABLE, "refresher a-2": 1, "refresher c-2": PLAIN}


def test_gateways_hear_of_refreshers_alone(plain: Pool) -> None:
    sealer(plain, "gateway b-1", OTHER)
    one = sealer(plain, "gateway a-1", OLD)
    one.meet()
    other = sealer(plain, "refresher a-2", OTHER)
    with pytest.raises(Unreadable):
        one.meet()
    other.leave()
    one.meet()
    assert set(one.living()) == {"gateway a-1", "gateway b-1"}
