"""Secrets at rest: what stands in Redis when there are keys, and what happens when they are the wrong ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from kimi.accounts import Account, ConfiguredAccount, Kind, Sealed, State, Tokens
from kimi.errors import AllBusy, Unreadable
from kimi.pool import SyncReport
from kimi.pool.canary import Canary
from kimi.pool.changes import Changes
from kimi.pool.chats import Chats, StandingChat
from kimi.pool.fingerprints import fingerprint
from kimi.pool.interventions import Entered, Interventions
from kimi.pool.private import PrivateAccounts, private_account
from kimi.pool.resealing import Resealing
from kimi.pool.specs import with_proxy
from kimi.pool.tokens import Credential
from kimi.pool.vault import Vault
from kimi.sealing_keys import new_key
from tests.kimi.pool.pools import KIMI, Pool, take, web
from tests.kimi.pool.sealing import everything, meanwhile, seen_plainly, with_keys

OLD, NEW, OTHER = new_key(), new_key(), new_key()
PROXY = "socks5h://user:proxy-password@proxy:1080"
ALICE = web("alice", proxy=PROXY, max_concurrency=2)
FILE = [ConfiguredAccount(ALICE, "refresh-alice"), ConfiguredAccount(web("bob"), "refresh-bob")]


@pytest.fixture
def sealed(pool: Pool) -> Pool:
    """Two accounts with tokens, one of them with a proxy."""
    pool = with_keys(pool, OLD)
    pool.members.sync(FILE)
    for name in ("alice", "bob"):
        pool.freshen(name)
    return pool


def test_whatever_is_done_no_secret_can_be_read(sealed: Pool) -> None:
    key = Account(name="key", kind=Kind.MOONSHOT)
    sealed.members.sync([*FILE, ConfiguredAccount(key, "sk-official-key")])
    record = sealed.members.get("key")
    assert record is not None
    both = Tokens("sk-official-key", "sk-official-key")
    sealed.tokens.save(record, both, issued=0, expires=2e9, next_due=2e9, models=("kimi-k3",))
    hands, private = Interventions(sealed.store), PrivateAccounts(sealed.store)
    hands.enter(ConfiguredAccount(web("by-hand", proxy=PROXY), "entered-secret"))
    hands.edit("by-hand", lambda account: replace(account, weight=2))
    private.adopt(private_account("brought-along", Kind.KIMI))
    sealed.leases.release(take(sealed))
    sealed.members.sync([])
    hands.delete("by-hand")
    secrets = ("access-", "refresh-", "sk-official", "proxy-password", "entered-secret", "brought-along")
    assert seen_plainly(sealed.store.redis, *secrets) == []
    assert seen_plainly(sealed.store.redis, "by-hand", "alice"), "all the rest is there to be read"


def test_a_password_of_a_proxy_cannot_be_guessed_at_either(sealed: Pool) -> None:
    before = everything(sealed.store.redis)
    other = [
        ConfiguredAccount(replace(ALICE, proxy=PROXY.replace("proxy-password", "guessed")), "refresh-alice"),
        FILE[1],
    ]
    assert sealed.members.sync(other).updated == ("alice",)
    after = [word for word in everything(sealed.store.redis) if word not in before]
    sealed_anew = [word for word in after if "fernet:" in word]
    assert len(sealed_anew) == 2, "spec and what is written of it, which are sealed"
    assert [word for word in after if word not in sealed_anew and not word.isdecimal()] == []


def test_who_has_the_key_reads_all_of_it(sealed: Pool) -> None:
    lease, copies = take(sealed), {copy.account.name: copy for copy in Changes(sealed.store).since(0).copies}
    assert (lease.account, lease.token) == (ALICE, "access-alice-2")
    assert (copies["alice"].account, copies["alice"].token) == (ALICE, "access-alice-2")
    chats = Chats(sealed.store)
    chats.note({StandingChat("c", "alice"): 0.0})
    (due,) = chats.claim(1)
    assert (due.account, due.token) == (ALICE, "access-alice-2")
    record = sealed.members.get("alice")
    assert record is not None
    assert (record.account, record.access, record.refresh) == (ALICE, "access-alice-2", "refresh-alice-2")
    assert "access-alice" not in repr(record)
    assert PROXY not in repr(record)


def test_an_account_that_is_configured_as_before_is_the_same(sealed: Pool) -> None:
    hands = Interventions(sealed.store)
    assert sealed.members.sync(FILE).updated == ()
    assert hands.edit("alice", lambda account: replace(account, weight=5))
    assert sealed.members.sync(FILE).updated == ()
    assert with_keys(sealed, NEW, OLD).members.sync(FILE).updated == ()
    stays = sealed.members.get("alice")
    assert stays is not None
    assert (stays.account.weight, stays.edited, stays.version) == (5, True, 2)
    assert hands.edit("alice", lambda account: replace(account, weight=ALICE.weight))
    back = sealed.members.get("alice")
    assert back is not None
    assert not back.edited
    moved = [ConfiguredAccount(replace(ALICE, proxy="http://another:1"), "refresh-alice"), FILE[1]]
    assert sealed.members.sync(moved).updated == ("alice",)
    assert with_keys(sealed, OLD).members.sync(moved).updated == ()


def test_limits_that_are_edited_outlast_a_rotation_beside_the_file(sealed: Pool) -> None:
    Interventions(sealed.store).edit("alice", lambda account: replace(account, weight=5))
    both = with_keys(sealed, NEW, OLD)

    def rotate() -> None:
        for keys in ((NEW, OLD), (OLD, NEW)):
            Resealing(with_keys(sealed, *keys).store).rotate()

    with meanwhile(rotate):
        updated = {both.members.sync(FILE).updated for _ in range(60)}
    record = both.members.get("alice")
    assert record is not None
    assert (updated, record.account.weight, record.account.proxy) == ({()}, 5, PROXY)


def test_a_later_credential_is_put_back_as_any(sealed: Pool) -> None:
    record = sealed.members.get("alice")
    assert record is not None
    assert sealed.members.mark("alice", record.version, State.DEAD, "401")
    assert sealed.tokens.put_back(record, Credential("a-later-token", 7))
    back = sealed.members.get("alice")
    assert back is not None
    assert (back.state, back.refresh, back.version) == (State.ACTIVE, "a-later-token", 7)
    assert seen_plainly(sealed.store.redis, "a-later-token") == []


@pytest.fixture(params=[(OTHER,), ()], ids=["another key", "no key"])
def stranger(request: pytest.FixtureRequest, sealed: Pool) -> Iterator[Pool]:
    """The pool as somebody sees it who cannot open it; whatever he does, all is there afterwards."""
    yield with_keys(sealed, *request.param)
    assert [(record.state, record.version) for record in sealed.members.all()] == [(State.ACTIVE, 2)] * 2
    assert {sealed.leases.acquire(KIMI).token for _ in range(2)} == {"access-alice-2", "access-bob-2"}


def test_wrong_keys_lease_nothing(stranger: Pool) -> None:
    for _ in range(5):
        with pytest.raises(Unreadable):
            take(stranger)
    assert stranger.store.redis.zcard(stranger.store.key("leases")) == 0


def test_wrong_keys_change_nothing_of_an_account(stranger: Pool, sealed: Pool) -> None:
    before = sorted(everything(stranger.store.redis))
    alice, bob = stranger.members.all()
    for look in (alice.unseal, alice.account.proxy_to_dial, bob.unseal):
        with pytest.raises(Unreadable):
            look()
    with pytest.raises(Unreadable):
        _ = bob.refresh
    assert stranger.members.sync(FILE) == SyncReport(unreadable=("alice",))
    with pytest.raises(Unreadable):
        Interventions(stranger.store).edit("alice", lambda account: replace(account, weight=5))
    for copy in Changes(stranger.store).since(0).copies:
        with pytest.raises(Unreadable):
            _ = copy.token
    assert sorted(everything(sealed.store.redis)) == before


@pytest.fixture
def torn(sealed: Pool) -> Pool:
    """The pool with alice's proxy alone sealed with a key that nobody has."""
    return tear(sealed)


def tear(sealed: Pool) -> Pool:
    account, spec = sealed.store.key("account", "alice"), "spec"
    lost = with_proxy(sealed.store.redis.hget(account, spec), Vault([OTHER]).seal(PROXY))
    sealed.store.redis.hset(account, mapping={"spec": lost, "written": lost})
    return sealed


def test_a_proxy_that_cannot_be_opened_is_not_passed_by(torn: Pool) -> None:
    record = torn.members.get("alice")
    assert record is not None
    for look in (record.unseal, record.account.proxy_to_dial):
        with pytest.raises(Unreadable):
            look()
    assert isinstance(record.account.proxy, Sealed)


def test_a_proxy_that_cannot_be_opened_hides_nobody_else(torn: Pool) -> None:
    assert [record.account.name for record in torn.members.all()] == ["alice", "bob"]
    assert {copy.account.name for copy in Changes(torn.store).since(0).copies} == {"alice", "bob"}
    carol = ConfiguredAccount(web("carol"), "refresh-carol")
    assert torn.members.sync([*FILE, carol]) == SyncReport(added=("carol",), unreadable=("alice",))


def test_one_that_cannot_be_opened_is_passed_over(torn: Pool) -> None:
    lease = take(torn)
    assert lease.account.name == "bob"
    with pytest.raises(AllBusy):
        take(torn)
    torn.leases.release(lease)
    with pytest.raises(Unreadable):
        torn.leases.acquire(replace(KIMI, exclude=frozenset({"bob"})))
    assert torn.store.redis.zcard(torn.store.key("leases")) == 0


def test_after_some_that_cannot_be_opened_nobody_else_is_tried(sealed: Pool) -> None:
    other = with_keys(sealed, OTHER)
    for number in range(4):
        torn = ConfiguredAccount(web(f"torn-{number}", priority=2), f"T{number}")
        other.members.sync([torn], f"file {number}")
        other.freshen(torn.account.name)
    with pytest.raises(Unreadable):
        take(sealed)
    assert sealed.store.redis.zcard(sealed.store.key("leases")) == 0
    other.members.sync([], "file 3")
    assert take(sealed).account.name in {"alice", "bob"}


def test_a_chat_whose_account_cannot_be_opened_keeps_no_other_waiting(sealed: Pool) -> None:
    chats, account = Chats(sealed.store), sealed.store.key("account", "alice")
    chats.note({StandingChat("one", "alice"): 0.0, StandingChat("two", "bob"): 0.0})
    sealed.store.redis.hset(account, "access", Vault([OTHER]).seal("access"))
    sealed.clock.now += 1
    assert [chat.id for chat in chats.claim(10)] == ["two"]
    assert chats.count() == 2


def test_wrong_keys_take_nothing_from_the_accounts_file(sealed: Pool) -> None:
    Canary(sealed.store).keep()
    before = sorted(everything(sealed.store.redis))
    for keys in ((OTHER,), ()):
        with pytest.raises(Unreadable):
            with_keys(sealed, *keys).members.sync([ConfiguredAccount(ALICE, "another")])
    assert sorted(everything(sealed.store.redis)) == before


@pytest.mark.parametrize("secret", ["refresh-alice", "another"])
def test_a_proxy_that_no_key_opens_makes_room_for_the_one_that_is_brought(sealed: Pool, secret: str) -> None:
    Canary(sealed.store).keep()
    torn = tear(sealed)
    moved = replace(ALICE, proxy="http://another:1")
    for account in (ALICE, moved):
        assert torn.members.sync([ConfiguredAccount(account, secret), FILE[1]]).unreadable == ()
        record = torn.members.get("alice")
        assert record is not None
        assert (record.configured, record.account) == (True, account)
    assert torn.members.sync([ConfiguredAccount(moved, secret), FILE[1]]).updated == ()


@pytest.fixture
def odd(pool: Pool) -> Pool:
    """Accounts of the file, by hand and of a client that were taken in with a key which the others have not."""
    pool, other = with_keys(pool, OLD), with_keys(pool, OTHER, OLD)
    Canary(pool.store).keep()
    other.members.sync(FILE)
    Interventions(other.store).enter(BY_HAND)
    PrivateAccounts(other.store).adopt(BROUGHT)
    assert not any(readable(pool).values())
    return pool


BY_HAND = ConfiguredAccount(web("by-hand"), "entered-secret")
BROUGHT = private_account("brought-along", Kind.KIMI)


def readable(pool: Pool) -> dict[str, str]:
    """What can be read of the credentials, by account."""
    names = [record.account.name for record in pool.members.all() if pool.store.vault.opens(record.stored_refresh)]
    return {record.account.name: record.refresh for record in pool.members.some(names)}


def test_a_credential_that_was_never_exchanged_can_be_brought_again(odd: Pool) -> None:
    hands = Interventions(odd.store)
    assert hands.enter(BY_HAND) is Entered.KNOWN
    assert hands.enter(ConfiguredAccount(web("alice-2"), "refresh-alice")) is Entered.KNOWN
    assert readable(odd) == {"by-hand": "entered-secret", "alice": "refresh-alice"}
    odd.members.sync(FILE)
    PrivateAccounts(odd.store).adopt(BROUGHT)
    assert set(readable(odd).values()) == {"entered-secret", "refresh-alice", "refresh-bob", "brought-along"}
    assert {record.version for record in odd.members.all()} == {1}


def test_one_that_was_never_exchanged_can_be_brought_again_once_its_account_is_gone(odd: Pool) -> None:
    hands = Interventions(odd.store)
    hands.delete("by-hand")
    assert hands.enter(BY_HAND) is Entered.ADDED
    assert readable(odd) == {"by-hand": "entered-secret"}
    odd.members.sync([])
    taken = [ConfiguredAccount(web("carol"), "refresh-alice"), ConfiguredAccount(web("by-hand"), "refresh-bob")]
    assert odd.members.sync(taken).added == ("carol",)
    assert readable(odd) == {"by-hand": "refresh-bob", "carol": "refresh-alice"}
    hands.enter(BROUGHT)
    assert readable(odd)[BROUGHT.account.name] == "brought-along"


def test_what_a_credential_was_exchanged_for_is_not_brought_again(sealed: Pool) -> None:
    both, hands = with_keys(sealed, OTHER, OLD), Interventions(sealed.store)
    Canary(sealed.store).keep()
    both.freshen("bob")
    assert hands.enter(FILE[1]) is Entered.KNOWN
    sealed.members.sync(FILE)
    sealed.members.sync([])
    sealed.members.sync(FILE)
    record = both.members.get("bob")
    assert record is not None
    assert (record.refresh, record.version) == ("refresh-bob-3", 3)


@pytest.fixture
def probed(pool: Pool) -> Pool:
    """An official key that was probed by somebody with a key which the others have not."""
    pool, other = with_keys(pool, OLD), with_keys(pool, OTHER, OLD)
    Canary(pool.store).keep()
    Interventions(other.store).enter(OFFICIAL)
    probe(other)
    probe(other)
    assert readable(pool) == {}
    return pool


def probe(pool: Pool) -> None:
    """The official key was good, as the refresher has found."""
    record = pool.members.get("key")
    assert record is not None
    both = Tokens(OFFICIAL.secret, OFFICIAL.secret)
    assert pool.tokens.save(record, both, issued=0, expires=2e9, next_due=2e9, models=("kimi-k3",))


OFFICIAL = ConfiguredAccount(Account(name="key", kind=Kind.MOONSHOT), "sk-official-key")


def test_an_official_key_can_be_brought_again_however_often_it_was_probed(probed: Pool) -> None:
    assert Interventions(probed.store).enter(OFFICIAL) is Entered.KNOWN
    assert readable(probed) == {"key": OFFICIAL.secret}
    assert take(probed, ["moonshot:kimi-k3"], "kimi-k3").token == OFFICIAL.secret, "it serves at once"


def test_who_opens_an_official_key_seals_it_no_other_way(pool: Pool) -> None:
    pool, file = with_keys(pool, OLD), [*FILE, OFFICIAL]
    Canary(pool.store).keep()
    pool.members.sync(file)
    probe(pool)
    before = sorted(everything(pool.store.redis))
    with_keys(pool, OTHER, OLD).members.sync(file)
    assert sorted(everything(pool.store.redis)) == before


def test_one_that_stands_in_the_file_is_sealed_anew_and_whoever_keeps_a_copy_is_told(probed: Pool) -> None:
    Interventions(probed.store).delete("key")
    probed.members.sync([OFFICIAL])
    probe(with_keys(probed, OTHER, OLD))
    before = Changes(probed.store).since(0).number
    assert probed.members.sync([OFFICIAL]).updated == ()
    assert readable(probed) == {"key": OFFICIAL.secret}
    (copy,) = Changes(probed.store).since(before).copies
    assert copy.token == OFFICIAL.secret


def test_who_may_have_the_wrong_keys_writes_nothing_anew(pool: Pool) -> None:
    pool = with_keys(pool, OLD)
    pool.members.sync([FILE[1], OFFICIAL])
    before = sorted(everything(pool.store.redis))
    for keys in ((OTHER,), ()):
        with_keys(pool, *keys).members.sync([FILE[1], OFFICIAL])
    assert sorted(everything(pool.store.redis)) == before


def test_an_official_key_can_be_brought_again_once_its_account_is_gone(probed: Pool) -> None:
    hands = Interventions(probed.store)
    hands.delete("key")
    another = replace(OFFICIAL, account=replace(OFFICIAL.account, name="another"))
    assert hands.enter(another) is Entered.ADDED
    assert readable(probed) == {"another": OFFICIAL.secret}
    hands.delete("another")
    assert hands.enter(OFFICIAL) is Entered.ADDED
    assert readable(probed)["key"] == OFFICIAL.secret


def test_a_later_token_that_is_remembered_is_not_taken_for_the_first(odd: Pool) -> None:
    latest = {fingerprint("refresh-bob"): Credential("a-later-token", 7)}
    odd.members.sync(FILE, rotated=latest)
    assert "bob" not in readable(odd)
