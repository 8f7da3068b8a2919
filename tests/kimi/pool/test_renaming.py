"""A rotated token follows its configured secret, whatever the operator calls the account and however often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from kimi.accounts import Account, ConfiguredAccount, Kind, Record, Region, State, Tokens
from kimi.pool import SyncReport
from kimi.pool.interventions import Interventions
from tests.kimi.pool.pools import KIMI, Pool, web
from tests.kimi.pool.queueing import Ear, in_queue, queue


def sync(pool: Pool, secrets: Mapping[str, str], **options: object) -> SyncReport:
    return pool.members.sync([ConfiguredAccount(web(name, **options), secret) for name, secret in secrets.items()])


def stored(pool: Pool, name: str) -> Record:
    record = pool.members.get(name)
    assert record is not None
    return record


def refreshes(pool: Pool) -> dict[str, str]:
    return {record.account.name: record.refresh for record in pool.members.all() if record.configured}


def save(pool: Pool, record: Record, refresh: str) -> bool:
    now = pool.clock.now
    return pool.tokens.save(record, Tokens("access", refresh), issued=now, expires=now + 900, next_due=now + 450)


def test_a_renamed_account_keeps_its_rotated_token(pool: Pool) -> None:
    sync(pool, {"alice": "T"})
    pool.freshen("alice")
    report = sync(pool, {"bob": "T"})
    assert (report.added, report.removed, report.deferred) == (("bob",), ("alice",), ())
    assert refreshes(pool) == {"bob": "refresh-alice-2"}
    assert pool.due() == ["bob"]
    pool.freshen("bob")
    assert sync(pool, {"alice": "T"}).revived == ("alice",)
    assert refreshes(pool) == {"alice": "refresh-bob-3"}, "also when it gets its old name back"
    assert stored(pool, "alice").state is State.NEW


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ({"a": "B", "b": "A"}, {"a": "refresh-b-2", "b": "refresh-a-2"}),
        ({"a": "B", "b": "C"}, {"a": "refresh-b-2", "b": "refresh-c-2"}),
        ({"a": "C", "b": "B", "c": "new"}, {"a": "refresh-c-2", "b": "refresh-b-2", "c": "new"}),
    ],
    ids=["swapped", "moved up", "replaced"],
)
def test_secrets_that_change_places_bring_their_rotated_tokens(
    pool: Pool, now: dict[str, str], expected: dict[str, str]
) -> None:
    sync(pool, {"a": "A", "b": "B", "c": "C"})
    for name in "abc":
        pool.freshen(name)
    sync(pool, now)
    assert refreshes(pool) == expected


def test_an_earlier_secret_that_comes_back_brings_its_rotated_token(pool: Pool) -> None:
    sync(pool, {"a": "T"})
    pool.freshen("a")
    sync(pool, {"a": "another"})
    assert refreshes(pool) == {"a": "another"}
    sync(pool, {"a": "T"})
    assert refreshes(pool) == {"a": "refresh-a-2"}


def test_a_token_that_is_being_exchanged_is_waited_for_under_its_old_name(pool: Pool) -> None:
    sync(pool, {"alice": "T"})
    record = stored(pool, "alice")
    with pool.held("alice", 30):
        assert sync(pool, {"bob": "T"}) == SyncReport(deferred=("bob",))
        assert refreshes(pool) == {"alice": "T"}
        assert save(pool, record, "rotated meanwhile")
        assert pool.leases.acquire(KIMI).account.name == "alice"
    report = sync(pool, {"bob": "T"})
    assert (report.added, report.removed) == (("bob",), ("alice",))
    assert refreshes(pool) == {"bob": "rotated meanwhile"}


def test_a_name_is_not_taken_from_a_token_that_is_being_exchanged_and_wanted_elsewhere(pool: Pool) -> None:
    sync(pool, {"a": "A", "b": "B", "c": "C"})
    with pool.held("a", 30):
        report = sync(pool, {"a": "new", "b": "A", "c": "C"})
        assert sorted(report.deferred) == ["a", "b"]
        pool.freshen("c")
        assert refreshes(pool)["a"] == "A"
    assert sync(pool, {"a": "new", "b": "A", "c": "C"}).deferred == ()
    assert refreshes(pool) == {"a": "new", "b": "A", "c": "refresh-c-2"}


def test_one_that_is_gone_altogether_is_not_waited_for(pool: Pool) -> None:
    sync(pool, {"alice": "T"})
    with pool.held("alice", 30):
        assert sync(pool, {}).removed == ("alice",)


def test_one_that_was_entered_by_hand_serves_on_while_it_is_exchanged(pool: Pool) -> None:
    Interventions(pool.store).enter(ConfiguredAccount(web("mine"), "T"))
    with pool.held("mine", 30):
        assert sync(pool, {"filed": "T"}).deferred == ("filed",)
        assert refreshes(pool) == {"mine": "T"}
    assert sync(pool, {"filed": "T"}).added == ("filed",)
    assert list(refreshes(pool)) == ["filed"]


def test_only_those_that_were_deferred_are_entered_later(pool: Pool) -> None:
    sync(pool, {"alice": "T", "carol": "C"})
    file = [ConfiguredAccount(web(name), secret) for name, secret in (("bob", "T"), ("carol", "C"))]
    with pool.held("alice", 30):
        deferred = pool.members.sync(file).deferred
        pool.store.redis.delete(pool.store.key("account", "carol"))
        assert pool.members.sync(file, only=deferred) == SyncReport(deferred=("bob",))
    assert pool.members.sync(file, only=deferred) == SyncReport(added=("bob",), removed=("alice",))


def test_tokens_that_come_for_a_replaced_secret_are_kept_for_its_return(pool: Pool) -> None:
    sync(pool, {"a": "T"})
    record = stored(pool, "a")
    sync(pool, {"a": "another"})
    assert not save(pool, record, "late")
    assert refreshes(pool) == {"a": "another"}
    sync(pool, {"a": "another", "b": "T"})
    assert refreshes(pool) == {"a": "another", "b": "late"}


def test_the_token_before_is_kept_with_one_that_came_for_a_replaced_secret(pool: Pool) -> None:
    sync(pool, {"a": "T"})
    pool.freshen("a")
    record = stored(pool, "a")
    sync(pool, {"a": "another"})
    assert not save(pool, record, "late")
    sync(pool, {"a": "another", "b": "T"})
    assert [before.refresh for before in stored(pool, "b").previous] == ["refresh-a-2"]
    assert stored(pool, "a").previous == ()
    assert not stored(pool, "b").is_doubted, "nobody has refused its access token"


def test_what_is_kept_is_not_kept_for_ever(pool: Pool) -> None:
    sync(pool, {"a": "T"})
    sync(pool, {})
    (key,) = pool.store.redis.keys(pool.store.key("kept", "*"))
    assert 89 * 86_400 < pool.store.redis.ttl(key) <= 90 * 86_400
    sync(pool, {"a": "T"})
    assert not pool.store.redis.exists(key)


@pytest.mark.parametrize(
    "changed",
    [{"kind": Kind.CLASSIC}, {"region": Region.GLOBAL}, {"base_url": "https://kimi.example"}],
    ids=["kind", "region", "base_url"],
)
def test_another_upstream_is_asked_anew_and_never_gets_the_old_ones_access_token(
    pool: Pool, changed: dict[str, object]
) -> None:
    sync(pool, {"a": "T"})
    pool.freshen("a")
    record = stored(pool, "a")
    pool.members.mark("a", record.version, State.DEAD, "refused by the wrong upstream")
    assert sync(pool, {"a": "T"}, priority=1).updated == ("a",)
    assert stored(pool, "a").state is State.DEAD, "the same upstream would say the same"

    moved: Account = replace(web("a"), **changed)  # type: ignore[arg-type]
    with pool.held("a", 30):
        assert pool.members.sync([ConfiguredAccount(moved, "T")]).deferred == ("a",)
    assert pool.members.sync([ConfiguredAccount(moved, "T")]).revived == ("a",)
    found = stored(pool, "a")
    assert (found.state, found.reason, found.access, found.refresh) == (State.NEW, "", "", "refresh-a-2")
    assert pool.due() == ["a"]


def test_an_account_that_was_set_aside_stays_so_at_another_upstream(pool: Pool) -> None:
    sync(pool, {"a": "T"})
    pool.members.mark("a", 1, State.PAUSED, "by the operator")
    sync(pool, {"a": "T"}, region=Region.GLOBAL)
    assert stored(pool, "a").state is State.PAUSED
    assert pool.due() == []


def test_models_that_the_operator_names_during_a_probe_are_not_overwritten(pool: Pool) -> None:
    key = Account(name="key", kind=Kind.MOONSHOT)
    pool.configure(key)
    record = stored(pool, "key")
    pool.configure(replace(key, models=("kimi-k3",)))
    now = pool.clock.now
    assert pool.tokens.save(
        record, Tokens("k", "k"), issued=now, expires=now + 900, next_due=now, models=("kimi-k2.6", "kimi-k3")
    )
    assert pool.members.summary().routes == {"moonshot:kimi-k3"}
    pool.configure(key)
    assert pool.members.summary().routes == {"moonshot:kimi-k2.6", "moonshot:kimi-k3"}


def test_who_waits_for_an_account_is_called_to_it_under_its_new_name(pool: Pool, ear: Ear) -> None:
    sync(pool, {"a": "T"})
    pool.freshen("a")
    pool.leases.acquire(KIMI)
    queue(pool, "w.1")
    sync(pool, {"b": "T"})
    assert ear.calls() == []
    pool.freshen("b")
    assert in_queue(pool) == ["w.1"]
    assert ear.calls() == ["w.1"]
