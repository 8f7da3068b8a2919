from __future__ import annotations

import pytest

from kimi.accounts import ConfiguredAccount, Kind
from kimi.errors import Unreadable
from kimi.pool import Members, PrivateAccounts, Store
from kimi.pool.canary import Canary
from kimi.pool.private import private_account
from kimi.pool.secret_fields import CANARY, VAULT
from kimi.pool.vault import Vault
from kimi.sealing_keys import new_key
from tests.kimi.pool.pools import Pool, web
from tests.kimi.pool.sealing import with_keys

OLD, NEW, OTHER = new_key(), new_key(), new_key()


def start(pool: Pool, *keys: str) -> None:
    """As a process with these keys does when it starts."""
    Canary(Store(pool.store.redis, vault=Vault(keys))).keep()


def stored(pool: Pool) -> str | None:
    word: str | None = pool.store.redis.hget(pool.store.key(VAULT), CANARY)
    return word


def test_without_keys_nothing_is_written_and_nothing_is_wrong(pool: Pool) -> None:
    start(pool)
    assert stored(pool) is None


def test_the_first_with_keys_leaves_a_word_that_all_who_have_its_key_can_read(pool: Pool) -> None:
    start(pool, OLD)
    first = stored(pool)
    start(pool, OLD)
    start(pool, NEW, OLD)
    start(pool, OTHER, OLD, NEW)
    assert stored(pool) == first


def test_who_has_other_keys_or_none_is_told(pool: Pool, caplog: pytest.LogCaptureFixture) -> None:
    start(pool, OLD)
    with pytest.raises(Unreadable, match=r"^no key of TOKEN_ENCRYPTION_KEYS opens what Redis holds"):
        start(pool, NEW, OTHER)
    with pytest.raises(Unreadable, match="TOKEN_ENCRYPTION_KEYS is not set"):
        start(pool)
    start(pool, OLD)
    assert caplog.messages == [], "it is for the caller to say"


def test_who_only_looks_leaves_nothing(pool: Pool) -> None:
    Canary(Store(pool.store.redis, vault=Vault([NEW]))).check()
    assert stored(pool) is None


def test_until_there_is_one_the_accounts_of_the_operator_show_who_has_the_right_keys(plain: Pool) -> None:
    plain.fill(web("a"))
    sealed = with_keys(plain, OLD)
    Members(sealed.store).sync([ConfiguredAccount(web("late", proxy="http://proxy:1"), "refresh-late")], "operator")
    for keys in ((NEW,), ()):
        with pytest.raises(Unreadable):
            Canary(with_keys(plain, *keys).store).check()
        assert not Canary(with_keys(plain, *keys).store).look()
    with pytest.raises(Unreadable):
        start(plain, NEW)
    assert stored(plain) is None
    assert not Canary(with_keys(plain, NEW, OLD).store).check()
    start(plain, OLD)
    assert stored(plain)


def test_until_there_is_one_all_that_an_older_key_is_wanted_for_is_looked_at(plain: Pool) -> None:
    old, both = with_keys(plain, OLD), with_keys(plain, NEW, OLD)
    old.fill(web("a"))
    both.freshen("a")
    with pytest.raises(Unreadable):
        Canary(with_keys(plain, NEW).store).check()
    both.freshen("a")
    assert not Canary(with_keys(plain, NEW).store).check()


def test_what_clients_have_brought_along_shows_nothing(plain: Pool) -> None:
    PrivateAccounts(with_keys(plain, OLD).store).adopt(private_account("refresh-of-a-client", Kind.KIMI))
    assert not Canary(with_keys(plain, NEW).store).check()
    start(plain, NEW)
    with pytest.raises(Unreadable):
        start(plain, OLD)


def test_who_serves_sees_that_others_seal_with_a_key_that_he_lacks_once_he_can_open_no_access_token(pool: Pool) -> None:
    old, both = with_keys(pool, OLD), with_keys(pool, NEW, OLD)
    start(pool, OLD)
    Canary(old.store).look_at_served()
    old.fill(web("a"), web("b"))
    both.freshen("a")
    Canary(old.store).look_at_served()
    both.freshen("b")
    assert Canary(old.store).look()
    with pytest.raises(Unreadable):
        Canary(old.store).look_at_served()
    Canary(both.store).look_at_served()
    old.freshen("a")
    Canary(old.store).look_at_served()


def test_access_tokens_in_plain_text_shut_nobody_out(plain: Pool) -> None:
    plain.fill(web("a"))
    Canary(plain.store).look_at_served()
    Canary(with_keys(plain, OLD).store).look_at_served()


def test_what_is_sealed_with_its_key_can_be_opened_by_all_who_have_the_right_ones(pool: Pool) -> None:
    late = Canary(Store(pool.store.redis, vault=Vault([NEW, OLD])))
    assert late.seal("secret") is None
    start(pool, OLD)
    sealed = late.seal("secret")
    assert sealed is not None
    assert Vault([OLD]).open(sealed) == "secret"
    with pytest.raises(Unreadable):
        Canary(Store(pool.store.redis, vault=Vault([NEW]))).seal("secret")
