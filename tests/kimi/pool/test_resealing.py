from __future__ import annotations

from typing import Any

import pytest

from kimi.accounts import Account, ConfiguredAccount, Kind, Tokens
from kimi.errors import Unreadable
from kimi.pool import Members, Store
from kimi.pool.canary import Canary
from kimi.pool.resealing import Resealing
from kimi.pool.seals import UNREADABLE, Resealed, Seals
from kimi.pool.vault import Vault
from kimi.sealing_keys import new_key
from tests.kimi.pool.pools import Pool, take, web
from tests.kimi.pool.sealing import freshened, meanwhile, seen_plainly, with_keys

OLD, NEW, OTHER = new_key(), new_key(), new_key()
PROXY = "socks5h://user:proxy-password@proxy:1080"
SECRETS = ("access-a", "refresh-a", "refresh-key", "refresh-gone", "proxy-password")


def fill(pool: Pool) -> None:
    """Two accounts with tokens, one of them with a proxy, and what is kept of a third, which is gone."""
    kept = [web("a", proxy=PROXY), Account(name="key", kind=Kind.MOONSHOT)]
    pool.fill(*kept, web("gone"))
    pool.configure(*kept)


def resealing(pool: Pool, *keys: str) -> Resealing:
    return Resealing(with_keys(pool, *keys).store)


def test_it_is_counted_with_which_keys_secrets_are_sealed(plain: Pool) -> None:
    fill(plain)
    # Both tokens of two accounts, a key of the official platform, a proxy, and what is kept of the one that is gone.
    assert resealing(plain).status() == Seals(plain=7)
    assert resealing(plain, OLD).status() == Seals(plain=7)
    Canary(with_keys(plain, OLD).store).keep()
    freshened(plain, OLD, name="a")
    assert resealing(plain, OLD).status() == Seals(plain=5, current=2, canary=1)
    assert resealing(plain, NEW, OTHER, OLD).status() == Seals(plain=5, older={3: 2}, canary=3)
    seals = resealing(plain, NEW).status()
    assert seals == Seals(plain=5, unreadable=2, lost=("a",), canary=UNREADABLE)
    assert seals.total == 7


def test_a_key_of_the_official_platform_is_one_secret_whenever_it_was_sealed(plain: Pool) -> None:
    official = Account(name="key", kind=Kind.MOONSHOT)
    plain.configure(official)

    def verify(*keys: str) -> None:
        pool = with_keys(plain, *keys)
        record = pool.members.get("key")
        assert record is not None
        assert pool.tokens.save(record, Tokens(record.refresh, record.refresh), issued=0, expires=2e9, next_due=2e9)

    assert resealing(plain).status() == Seals(plain=1)
    verify()
    assert resealing(plain, OLD).status() == Seals(plain=1)
    assert resealing(plain, OLD).seal_plain() == Resealed(changed=1)
    assert resealing(plain, OLD).status() == Seals(current=1)
    verify(OLD)
    assert resealing(plain, OLD).status() == Seals(current=1)
    hash_of_it = plain.store.key("account", "key")
    plain.store.redis.hset(hash_of_it, "access", with_keys(plain, NEW).store.vault.seal("refresh-key"))
    for keys in ((OLD, NEW), (NEW, OLD)):
        assert resealing(plain, *keys).status() == Seals(older={2: 1}), "the older key is wanted"
    assert resealing(plain, OLD).status() == Seals(unreadable=1, lost=("key",))


def test_what_is_plain_is_sealed_and_nothing_else(plain: Pool) -> None:
    fill(plain)
    freshened(plain, OLD, name="a")
    assert set(seen_plainly(plain.store.redis, *SECRETS)) == set(SECRETS) - {"access-a", "refresh-a"}
    assert resealing(plain, NEW, OLD).seal_plain() == Resealed(changed=5)
    assert seen_plainly(plain.store.redis, *SECRETS) == []
    assert resealing(plain, NEW, OLD).status() == Seals(current=5, older={2: 2})
    assert resealing(plain, NEW, OLD).seal_plain() == Resealed()
    assert resealing(plain).seal_plain() == Resealed(), "without keys there is nothing to do"


def test_after_a_rotation_the_older_keys_are_wanted_no_more(plain: Pool) -> None:
    fill(plain)
    Canary(with_keys(plain, OLD).store).keep()
    resealing(plain, OLD).seal_plain()
    before = {record.account.name: (record.access, record.refresh) for record in with_keys(plain, OLD).members.all()}
    told: list[tuple[int, int]] = []
    assert resealing(plain, NEW, OLD).rotate(lambda done, total: told.append((done, total))) == Resealed(changed=7)
    assert told == [(4, 4)]
    assert resealing(plain, NEW).status() == Seals(current=7, canary=1)
    after = with_keys(plain, NEW)
    Canary(after.store).check()
    assert {record.account.name: (record.access, record.refresh) for record in after.members.all()} == before
    assert after.members.get("a") is not None
    assert take(after).account.proxy == PROXY
    after.members.sync([ConfiguredAccount(web("gone"), "refresh-gone")])
    back = after.members.get("gone")
    assert back is not None
    assert back.refresh == "refresh-gone-2", "also what is kept of those that are gone"
    assert resealing(plain, NEW, OLD).rotate() == Resealed()


def test_what_no_key_opens_stays_and_keeps_no_older_key_in_use(plain: Pool) -> None:
    fill(plain)
    Canary(with_keys(plain, OLD).store).keep()
    resealing(plain, OLD).seal_plain()
    freshened(plain, OTHER, OLD, name="a")
    assert resealing(plain, NEW, OLD).rotate() == Resealed(changed=5, unreadable=2)
    seals = resealing(plain, NEW, OLD).status()
    assert seals == Seals(current=5, unreadable=2, lost=("a",), canary=1)
    Canary(with_keys(plain, NEW).store).check()
    with pytest.raises(Unreadable):
        Canary(with_keys(plain, OLD).store).check()
    assert resealing(plain, NEW, OLD).rotate() == Resealed(unreadable=2)
    Members(with_keys(plain, NEW).store).sync([])
    assert resealing(plain, NEW).status().gone == ("a",)


def test_whoever_is_configured_as_before_is_not_changed_by_it(plain: Pool) -> None:
    fill(plain)
    resealing(plain, OLD).seal_plain()
    after = with_keys(plain, NEW)
    spec, written = plain.store.redis.hmget(plain.store.key("account", "a"), "spec", "written")
    assert spec == written
    resealing(plain, NEW, OLD).rotate()
    record = after.members.get("a")
    assert record is not None
    assert not record.edited
    assert after.members.sync([ConfiguredAccount(web("a", proxy=PROXY), "refresh-a")]).updated == ()


class Raced(Store):
    """Somebody else writes an account whenever it is to be sealed anew, as often as he has patience."""

    def race(self, others: Pool, times: int) -> None:
        self.others, self.left = others, times

    def run(self, name: str, *args: str | float) -> Any:
        if name == "reseal" and self.left:
            self.left -= 1
            self.others.freshen("a")
        return super().run(name, *args)


@pytest.mark.parametrize(("times", "left"), [(1, 0), (3, 0), (1000, 3)])
def test_what_others_write_meanwhile_stays(plain: Pool, times: int, left: int) -> None:
    others = with_keys(plain, OLD, NEW)
    others.fill(web("a", proxy=PROXY))
    store = Raced(plain.store.redis, vault=Vault([NEW, OLD]), clock=plain.clock)
    store.race(others, times)
    assert Resealing(store).rotate() == Resealed(changed=3 - left, left=left)
    record = Members(store).get("a")
    assert record is not None
    assert (record.access, record.refresh) == (f"access-a-{record.version}", f"refresh-a-{record.version}")
    assert record.version == 2 + times - store.left


def test_rotations_and_saves_go_on_side_by_side(plain: Pool) -> None:
    fill(plain)
    both = with_keys(plain, NEW, OLD)
    with meanwhile(lambda: both.freshen("a")):
        rotations = [resealing(plain, *keys).rotate() for keys in ((NEW, OLD), (OLD, NEW)) * 10]
    record = both.members.get("a")
    assert record is not None
    assert record.refresh == f"refresh-a-{record.version}"
    assert record.version > 2
    assert sum(rotation.left for rotation in rotations) == 0, "what is left is looked at again"
