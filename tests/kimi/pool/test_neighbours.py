"""Accounts that another pool of the same Redis has."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from kimi.accounts import Account, ConfiguredAccount, Kind, Tokens
from kimi.errors import StoreUnavailable
from kimi.pool import Members, Store, connect, open_store
from kimi.pool.fingerprints import fingerprint
from kimi.pool.fuse import Fuse
from kimi.pool.interventions import Deleted, Entered, Interventions
from kimi.pool.members import SyncReport
from kimi.pool.neighbours import LOOK_SECONDS, Neighbours
from kimi.pool.tokens import Credential
from kimi.settings import CommonSettings
from tests.kimi.pool.pools import Clock, Pool, web
from tests.valkey import Valkey
from tests.valkeys import Cluster, running


@pytest.fixture
def other(pool: Pool) -> Pool:
    """Another pool, in the same Redis."""
    return Pool(Store(pool.store.redis, "cell-1", vault=pool.store.vault, clock=pool.clock), pool.clock)


def member(name: str, secret: str = "") -> ConfiguredAccount:
    return ConfiguredAccount(web(name), secret or f"refresh-{name}")


def sync(pool: Pool, *names: str, **options: object) -> SyncReport:
    return Members(pool.store).sync([member(name) for name in names], **options)  # type: ignore[arg-type]


def sync_secrets(pool: Pool, **secrets: str) -> SyncReport:
    return Members(pool.store).sync([member(name, secret) for name, secret in secrets.items()])


def test_an_account_that_another_pool_serves_is_not_taken(pool: Pool, other: Pool) -> None:
    other.fill(web("a"), web("b"))
    report = sync(pool, "a", "b", "c")
    assert (report.added, report.elsewhere) == (("c",), {"a": "cell-1", "b": "cell-1"})
    assert pool.members.get("a") is None


def test_nor_is_one_that_another_pool_has_served(pool: Pool, other: Pool) -> None:
    other.fill(web("a"))
    sync(other)
    assert sync(pool, "a").elsewhere == {"a": "cell-1"}


def test_one_that_was_taken_out_before_it_was_exchanged_is_taken(pool: Pool, other: Pool) -> None:
    sync(other, "a", "b")
    with other.held("b", 30):  # it is being exchanged just now
        sync(other)
        report = sync(pool, "a", "b")
    assert (report.added, report.elsewhere) == (("a",), {"b": "cell-1"})


def test_what_this_pool_knows_stays_its_own(pool: Pool, other: Pool) -> None:
    pool.fill(web("a"), web("b"))
    other.store.redis.hset(other.store.key("holders"), mapping={fingerprint(f"refresh-{name}"): name for name in "ab"})
    other.store.redis.sadd(other.store.key("accounts"), "a", "b")
    sync(pool, "a")
    assert sync(pool, "a", "b").elsewhere == {}
    assert [record.account.name for record in pool.members.all() if record.configured] == ["a", "b"]


def test_what_this_process_has_exchanged_is_its_own_too(pool: Pool, other: Pool) -> None:
    other.fill(web("a"))
    rotated = {fingerprint("refresh-a"): Credential("newest", 7)}
    assert sync(pool, "a", rotated=rotated).added == ("a",)


def test_a_key_is_never_spent_and_may_serve_two_pools(pool: Pool, other: Pool) -> None:
    key = ConfiguredAccount(Account(name="k", kind=Kind.MOONSHOT), "sk-key-key")
    assert other.members.sync([key]).added == ("k",)
    assert pool.members.sync([key]).added == ("k",)


def test_another_secret_under_the_same_name_is_another_account(pool: Pool, other: Pool) -> None:
    other.fill(web("a"))
    assert pool.members.sync([member("a", "exported")]).added == ("a",)


def exchange(pool: Pool, name: str, refresh: str) -> None:
    """Gives an account a next refresh token, as a refresher does."""
    with pool.held(name) as lock:
        record = pool.members.get(name)
        assert record is not None
        now = pool.clock()
        tokens = Tokens(access=f"access-{refresh}", refresh=refresh)
        assert pool.tokens.save(record, tokens, issued=now, expires=now + 900, next_due=now + 450), lock


def test_nor_is_one_that_is_brought_with_the_newest_token_of_another_pools(pool: Pool, other: Pool) -> None:
    other.fill(web("a"), web("b"))
    exchange(other, "a", "first-of-a")
    exchange(other, "a", "newest-of-a")
    assert sync_secrets(pool, a="newest-of-a").elsewhere == {"a": "cell-1"}
    assert sync_secrets(pool, a="first-of-a").elsewhere == {}, "it is spent, and of nobody any more"


def test_what_was_put_back_is_known_as_the_newest(pool: Pool, other: Pool) -> None:
    other.fill(web("a"))
    record = other.members.get("a")
    assert record is not None
    assert other.tokens.put_back(record, Credential("remembered", record.version + 3), refused=False)
    assert sync_secrets(pool, a="remembered").elsewhere == {"a": "cell-1"}


@pytest.mark.parametrize("origin", ["config", "operator"])
def test_an_account_that_is_deleted_is_taken_with_its_newest_token(pool: Pool, other: Pool, origin: str) -> None:
    hands = Interventions(other.store)
    if origin == "operator":
        assert hands.enter(member("a")) is Entered.ADDED
    else:
        sync(other, "a")
    exchange(other, "a", "newest")
    if origin == "config":
        sync(other)
        assert sync_secrets(pool, a="newest").elsewhere == {"a": "cell-1"}, "who puts it into the file has it back"
    assert hands.delete("a") is Deleted.DELETED
    assert sync_secrets(pool, a="newest").added == ("a",)
    assert other.store.redis.hlen(other.store.key("newest")) == 0


def test_a_new_login_of_an_account_lets_the_old_one_go(pool: Pool, other: Pool) -> None:
    other.fill(web("a"))
    exchange(other, "a", "newest")
    sync_secrets(other, a="another-login")
    assert sync_secrets(pool, a="newest").added == ("a",)


def test_pools_are_looked_for_once_a_minute(pool: Pool, other: Pool) -> None:
    looked = pool.store.key("beside", "looked")
    assert Neighbours(pool.store).names() == ()
    other.fill(web("a"))
    assert Neighbours(pool.store).names() == ()  # whoever asks
    assert LOOK_SECONDS * 500 < pool.store.redis.pttl(looked) <= LOOK_SECONDS * 1000
    pool.store.redis.delete(looked)
    assert Neighbours(pool.store).names() == ("cell-1",)
    assert Neighbours(pool.store).holding([fingerprint("refresh-a"), fingerprint("refresh-b")]) == {
        fingerprint("refresh-a"): "cell-1"
    }


@pytest.mark.parametrize("may", ["~kimi:{pool}:*", "~kimi:{pool}:* -scan"])
def test_who_may_not_look_goes_on_and_knows_it(tmp_path: Path, may: str) -> None:
    user = ["--user", "kimi", "on", ">secret", "&*", "+@all", *may.split()]
    with running(Valkey(tmp_path, options=user)) as server, connect(server.url) as anybody:
        Pool(Store(anybody, "cell-1"), Clock()).fill(web("a"))
        with connect(server.url.replace("//", "//kimi:secret@")) as redis:
            fuse = Fuse()
            store = Store(redis, fuse=fuse)
            assert sync(Pool(store, Clock()), "a").added == ("a",)
            seen = Neighbours(store)
            assert seen.holding([fingerprint("refresh-a")]) == {}
            assert (seen.names(), seen.closed) == ((None, ()) if "scan" in may else (("cell-1",), ("cell-1",)))
            assert not fuse.blown


def test_redis_that_is_away_is_not_one_without_other_pools(unused_port: int) -> None:
    with connect(f"redis://127.0.0.1:{unused_port}") as redis, pytest.raises(StoreUnavailable):
        Neighbours(Store(redis)).holding(["any"])


def test_in_a_cluster_those_of_the_same_master_are_seen_and_no_others(tmp_path: Path) -> None:
    with running(Cluster(tmp_path)) as servers, ExitStack() as kept:

        def pool_called(name: str) -> Pool:
            settings = CommonSettings.model_validate({"redis_url": servers.url, "kimi_pool": name})
            return Pool(kept.enter_context(open_store(settings, timeout=5)), Clock())

        others = [f"cell-{number}" for number in range(8)]  # spread over all masters
        for name in others:
            pool_called(name).fill(web(name))
        ours = pool_called("pool")
        seen = Neighbours(ours.store).names()
        assert seen is not None and 0 < len(seen) < len(others)
        assert sync(ours, *others).elsewhere == {name: name for name in seen}
