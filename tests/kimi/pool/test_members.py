"""What the operator configures, what becomes of it, and that nothing is lost on the way."""

from __future__ import annotations

import pytest

from kimi.accounts import Account, ConfiguredAccount, Kind, Region, State
from kimi.errors import AllBusy, AwaitingToken, NoAccount
from kimi.pool import Members, Summary, SyncReport
from kimi.pool.fingerprints import fingerprint
from kimi.pool.hashes import PAGE
from kimi.pool.specs import pack, unpack
from kimi.pool.vault import Vault
from tests.kimi.pool.counting import Counting
from tests.kimi.pool.pools import KIMI, Pool, web, wish

ROUTES = ["kimi"]


def configured(name: str, secret: str, **options: object) -> ConfiguredAccount:
    return ConfiguredAccount(web(name, **options), secret)


def test_a_new_account_is_due_at_once(pool: Pool) -> None:
    report = pool.members.sync([configured("a", "first")])
    assert report.added == ("a",)
    assert pool.due() == ["a"]
    record = pool.members.get("a")
    assert record is not None
    assert (record.state, record.refresh, record.version, record.access) == (State.NEW, "first", 1, "")
    assert record.due == 0


def test_nothing_changes_when_nothing_changed(pool: Pool) -> None:
    members = [configured("a", "first"), configured("b", "second")]
    pool.members.sync(members)
    pool.freshen("a")
    pool.freshen("b")
    before = pool.members.all()
    report = pool.members.sync(members)
    assert (report.added, report.updated, report.revived, report.removed) == ((), (), (), ())
    assert pool.members.all() == before


def test_a_rotated_token_wins_until_the_configured_one_changes(pool: Pool) -> None:
    pool.members.sync([configured("a", "from the file")])
    pool.freshen("a")
    report = pool.members.sync([configured("a", "from the file", weight=5)])
    assert report.updated == ("a",)
    record = pool.members.get("a")
    assert record is not None and record.refresh == "refresh-a-2" and record.account.weight == 5
    assert pool.members.sync([configured("a", "a new login", weight=5)]).revived == ("a",)
    record = pool.members.get("a")
    assert record is not None and (record.refresh, record.access, record.state) == ("a new login", "", State.NEW)
    assert record.version == 3


def test_a_dead_account_stays_dead_until_the_operator_brings_a_new_token(pool: Pool) -> None:
    pool.fill(web("a"))
    record = pool.members.get("a")
    assert record is not None
    assert pool.members.mark("a", record.version, State.DEAD, "401: log in again")
    assert not pool.members.mark("a", record.version, State.DEAD, "said once")
    pool.configure(web("a"))
    pool.clock.now += 10_000
    assert pool.due() == []
    with pytest.raises(NoAccount):
        pool.leases.acquire(KIMI)
    dead = pool.members.get("a")
    assert dead is not None
    assert (dead.state, dead.reason, dead.refresh) == (State.DEAD, "401: log in again", "refresh-a-2")

    pool.members.sync([configured("a", "a new login")])
    assert pool.due() == ["a"]
    with pytest.raises(AwaitingToken):
        pool.leases.acquire(KIMI)


def test_a_verdict_over_an_older_token_does_not_count(pool: Pool) -> None:
    pool.fill(web("a"))
    record = pool.members.get("a")
    assert record is not None
    pool.freshen("a")
    assert not pool.members.mark("a", record.version, State.DEAD, "late")
    assert not pool.members.mark("unknown", 1, State.DEAD, "nobody")


def test_an_account_that_is_taken_out_keeps_its_token(pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    assert pool.members.sync([configured("b", "refresh-b")]).removed == ("a",)
    assert pool.members.sync([configured("b", "refresh-b")]).removed == ()
    assert pool.leases.acquire(KIMI).account.name == "b"
    with pytest.raises(AllBusy):
        pool.leases.acquire(KIMI)
    gone = pool.members.get("a")
    assert gone is not None and not gone.configured and gone.refresh == "refresh-a-2"
    assert gone.due is None

    assert pool.members.sync([configured("a", "refresh-a"), configured("b", "refresh-b")]).updated == ("a",)
    assert pool.due() == ["a"]
    assert pool.leases.acquire(KIMI).token == "access-a-2"


def test_who_does_not_know_all_accounts_enters_some_and_takes_out_none(pool: Pool) -> None:
    pool.members.sync([configured("a", "A"), configured("b", "B"), configured("c", "C")])
    pool.freshen("b")
    report = pool.members.enter([configured("b", "another"), configured("renamed", "A"), configured("d", "D")])
    assert (report.added, report.revived, report.removed, report.deferred) == (("d",), ("b",), (), ())
    assert [record.account.name for record in pool.members.all() if record.configured] == ["a", "b", "c", "d"]
    pool.members.enter([configured("f", "B")])
    record = pool.members.get("f")
    assert record is not None and record.refresh == "refresh-b-2", "what became of it was kept"


def test_a_trace_stays_of_what_was_taken_out_and_none_of_what_was_lost(pool: Pool) -> None:
    members = [configured(name, name.upper()) for name in "abc"]
    pool.members.sync(members)
    pool.members.sync([configured("renamed", "A"), configured("c", "C")])
    pool.store.redis.delete(pool.store.key("account", "c"))
    assert pool.members.traced(members) == {"a", "b"}
    assert pool.members.has_others([configured("renamed", "A")]) is False
    assert pool.members.has_others([configured("renamed", "B")]) is True
    assert pool.members.traced([]) == set()


def test_whose_credential_is_being_exchanged_is_not_taken_out(pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    with pool.held("a", 30):
        assert pool.members.withdraw(["a", "b", "unknown"]) == ["a"]
    assert [record.account.name for record in pool.members.all() if record.configured] == ["a"]
    assert pool.members.withdraw(["a"]) == []
    assert not pool.members.serves_any()


def test_an_account_that_was_taken_out_is_forgotten_when_its_credential_must_have_expired(pool: Pool) -> None:
    account = web("a", requests_per_minute=1)
    pool.fill(account, web("b"))
    pool.leases.release(pool.leases.acquire(wish(exclude=["b"])))
    pool.configure(web("b"))
    pool.clock.now += 90 * 86_400 - 1
    assert pool.members.forget() == ()
    pool.clock.now += 1
    assert pool.members.forget() == ("a",)
    assert [record.account.name for record in pool.members.all()] == ["b"]
    assert pool.store.redis.exists(*(pool.store.key(kind, "a") for kind in ("account", "recent", "refused"))) == 0
    pool.configure(account, web("b"))
    assert pool.due()[0] == "a"


def test_an_account_that_came_back_is_not_forgotten(pool: Pool) -> None:
    pool.fill(web("a"))
    pool.configure()
    pool.configure(web("a"))
    pool.clock.now += 91 * 86_400
    assert pool.members.forget() == ()


def test_accounts_of_another_origin_are_left_alone(pool: Pool) -> None:
    pool.members.sync([configured("file", "x")])
    pool.members.sync([configured("adopted", "y")], origin="passthrough")
    assert pool.members.sync([configured("file", "x")]).removed == ()
    assert {record.account.name for record in pool.members.all()} == {"file", "adopted"}


def test_a_changed_limit_counts_at_once(pool: Pool) -> None:
    pool.fill(web("a"))
    pool.leases.acquire(KIMI)
    pool.configure(web("a", max_concurrency=2))
    pool.leases.acquire(KIMI)
    pool.configure(web("a", max_concurrency=1))
    with pytest.raises(AllBusy):
        pool.leases.acquire(KIMI)
    assert pool.count("a") == 2


def test_lifting_the_rate_limit_counts_at_once(pool: Pool) -> None:
    pool.fill(web("a", requests_per_minute=1))
    pool.leases.release(pool.leases.acquire(KIMI))
    with pytest.raises(AllBusy):
        pool.leases.acquire(KIMI)
    pool.configure(web("a"))
    assert pool.leases.acquire(KIMI).account.name == "a"


def test_a_moved_priority_leaves_nothing_of_the_old_one(pool: Pool) -> None:
    pool.fill(web("a", priority=3), web("b", priority=2))
    pool.configure(web("a", priority=1), web("b", priority=2))
    assert pool.leases.acquire(KIMI).account.name == "b"


def test_the_summary_says_what_can_be_asked(pool: Pool) -> None:
    pool.configure(web("a"), Account(name="key", kind=Kind.MOONSHOT))
    assert pool.members.summary() == Summary(0, frozenset({"kimi", "kimi:*"}))
    pool.freshen("a", lifetime=100)
    pool.freshen("key", models=("kimi-k3", "kimi-k2.6"))
    found = pool.members.summary()
    assert found.usable == 2
    assert found.routes == {"kimi", "kimi:*", "moonshot:kimi-k3", "moonshot:kimi-k2.6"}
    pool.clock.now += 100
    assert pool.members.summary().usable == 1


def test_a_model_stays_known_while_nobody_can_serve_it(pool: Pool) -> None:
    key = Account(name="key", kind=Kind.MOONSHOT)
    pool.fill(key, models=("kimi-k3",))
    record = pool.members.get("key")
    assert record is not None
    pool.members.mark("key", record.version, State.DEAD, "401")
    assert pool.members.summary().routes == {"moonshot:kimi-k3"}
    pool.configure()
    assert pool.members.summary().routes == frozenset()
    pool.configure(key)
    assert pool.members.summary().routes == {"moonshot:kimi-k3"}


def test_the_operators_list_of_models_wins(pool: Pool) -> None:
    key = Account(name="key", kind=Kind.MOONSHOT, models=("kimi-k2.6",))
    pool.fill(key, models=("kimi-k3", "kimi-k2.6"))
    assert pool.members.summary().routes == {"moonshot:kimi-k2.6"}


def test_an_account_survives_the_way_through_redis() -> None:
    account = Account(
        name="a:b ü", kind=Kind.KIMI, region=Region.GLOBAL, max_concurrency=3, requests_per_minute=10, weight=0.5,
        priority=-2, proxy="socks5h://u:p@h:1", base_url="http://x", models=("m",),
    )  # fmt: skip
    assert unpack(pack(account, Vault()), Vault()) == account


def test_a_field_of_a_newer_release_is_left_out() -> None:
    spec = pack(web("a"), Vault()).replace('"kind"', '"colour":"red","kind"')
    assert unpack(spec, Vault()) == web("a")


def test_thousands_of_accounts_come_back_in_order(pool: Pool) -> None:
    names = [f"a{i:04}" for i in range(1201)]
    pool.configure(*(web(name) for name in names))
    assert [record.account.name for record in pool.members.all()] == names


def test_an_unknown_account_is_none(pool: Pool) -> None:
    assert Members(pool.store).get("nobody") is None


def test_routes_are_those_of_configured_accounts(pool: Pool) -> None:
    official = Account(name="o", kind=Kind.MOONSHOT, models=("kimi-k3",))
    pool.configure(web("a"), official)
    assert pool.members.routes() == {"kimi", "kimi:*", "moonshot:kimi-k3"}
    pool.configure(web("a"))
    assert pool.members.routes() == {"kimi", "kimi:*"}


def test_an_account_that_redis_has_lost_alone_hides_no_other(pool: Pool) -> None:
    pool.configure(web("a"), web("b"))
    pool.store.redis.delete(pool.store.key("account", "a"))
    assert [record.account.name for record in pool.members.all()] == ["b"]


def test_however_many_there_are_a_sync_reads_them_page_by_page(pool: Pool) -> None:
    pool.configure(*(web(f"a{number}") for number in range(2 * PAGE + 1)))
    store = Counting(pool.store.redis, vault=pool.store.vault, clock=pool.clock)
    assert Members(store).sync([], "somewhere else") == SyncReport()
    assert store.trips == 5, "the word that shows the right keys, all names, and three pages"


def test_who_has_a_secret_is_found_by_its_fingerprint(pool: Pool) -> None:
    pool.configure(web("a"), web("b"), web("c"))
    pool.configure(web("a"), web("b"))
    whose = {fingerprint(f"refresh-{name}") for name in "acx"}
    assert [record.account.name for record in pool.members.holding(whose)] == ["a"]
    assert pool.members.holding(()) == []
