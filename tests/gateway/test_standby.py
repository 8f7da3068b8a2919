"""Who is chosen from memory, how many at once, and who is called when somebody is free."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from gateway.holdings import Holdings
from gateway.standby import Standby
from kimi.accounts import Account, Kind, State
from kimi.errors import AllBusy, AwaitingToken, NoAccount, Unreadable, UpstreamDown
from kimi.pool import Lease, Rest, Summary
from kimi.pool.changes import Copy
from tests.gateway.copies import NOW, copy_of
from tests.gateway.fakes import Clock
from tests.kimi.pool.pools import web, wish

REST = Rest("Overloaded", "too busy", first=5, most=60)


@dataclass
class Desk:
    """A worker without Redis."""

    copies: list[Copy]
    worker: str = "w"
    clock: Clock = field(default_factory=lambda: Clock(NOW))
    called: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.holdings = Holdings(self.clock)
        self.open()

    def open(self) -> None:
        """Redis goes away."""
        self.standby = Standby(
            self.copies, self.holdings, worker=self.worker, clock=self.clock, call=self.called.append
        )

    def take(
        self,
        ticket: str = "",
        *,
        exclude: tuple[str, ...] = (),
        tripped: tuple[str, ...] = (),
        model: str = "kimi",
        only: str = "",
    ) -> Lease:
        return self.standby.acquire(
            wish(model=model, exclude=exclude, tripped=tripped, only=only), ticket=ticket, patience=15 if ticket else 0
        )

    def queue(self, *tickets: str, exclude: tuple[str, ...] = ()) -> None:
        for ticket in tickets:
            with pytest.raises((AllBusy, AwaitingToken)):
                self.take(ticket, exclude=exclude)

    def give(self, lease: Lease, rest: Rest | None = None, *, served: bool = False) -> float:
        return self.standby.release(lease, rest=rest, served=served).rests


def sealed(_: str) -> str:
    raise Unreadable


def desk(*accounts: Copy | Account | str) -> Desk:
    return Desk([entry if isinstance(entry, Copy) else copy_of(entry) for entry in accounts])


class TestChoosing:
    def test_a_lease_is_like_one_of_the_pool(self) -> None:
        lease = desk("a").take()
        assert lease.id.startswith("w.")
        assert (lease.account, lease.token, lease.version, lease.granted) == (web("a"), "access-a", 2, NOW)

    def test_the_limit_is_held(self) -> None:
        worker = desk(web("a", max_concurrency=2))
        first = worker.take()
        worker.take()
        with pytest.raises(AllBusy) as caught:
            worker.take()
        assert caught.value.retry_after is None
        worker.give(first)
        worker.give(first)
        worker.take()
        with pytest.raises(AllBusy):
            worker.take()

    def test_what_was_leased_before_counts(self) -> None:
        worker = desk("a")
        before = Lease("w.1", web("a"), "t", 2, NOW)
        worker.holdings.add(before)
        with pytest.raises(AllBusy):
            worker.take()
        worker.give(before)
        assert worker.take().account.name == "a"

    def test_only_the_account_that_is_wished_for_is_given(self) -> None:
        worker = desk(web("better", priority=1), "a")
        held = worker.take(only="a")
        assert held.account.name == "a"
        with pytest.raises(AllBusy):
            worker.take("w.1", only="a")
        worker.give(worker.take())
        assert worker.called == [], "no other is given to who waits for it"
        worker.give(held)
        assert worker.called == ["w.1"]
        with pytest.raises(NoAccount):
            worker.take(only="gone")

    def test_one_that_no_key_opens_is_passed_over(self) -> None:
        worker = desk(
            copy_of(web("sealed", priority=2), opened=sealed),
            copy_of(web("behind", priority=1, proxy="fernet:gAAAA")),
            "a",
        )
        held = worker.take()
        assert held.account.name == "a"
        worker.queue("w.1")
        worker.give(held)
        assert (worker.called, worker.take("w.1").account.name) == (["w.1"], "a")
        with pytest.raises(Unreadable):
            desk(copy_of("sealed", opened=sealed)).take()

    def test_one_that_no_key_opens_and_that_has_rested_stops_nobody(self) -> None:
        worker = desk(copy_of("sealed", opened=sealed, cool_until=NOW + 5), copy_of("a", cool_until=NOW + 5))
        worker.queue("w.1")
        worker.clock.now += 5
        assert worker.standby.look() is None
        assert (worker.called, worker.take("w.1").account.name) == (["w.1"], "a")

    def test_an_account_that_was_taken_out_while_it_answered_is_no_matter(self) -> None:
        worker = desk("a")
        before = Lease("w.1", web("gone"), "t", 2, NOW)
        worker.holdings.add(before)
        assert worker.give(before, REST) == 0
        assert worker.holdings.leases == []

    def test_a_higher_priority_goes_first_until_it_is_full(self) -> None:
        worker = desk(web("spare", priority=-1), web("first", priority=5), web("middle"))
        assert [worker.take().account.name for _ in range(3)] == ["first", "middle", "spare"]

    def test_the_least_loaded_goes_first(self) -> None:
        worker = desk(web("small", max_concurrency=2), web("large", max_concurrency=8))
        assert Counter(worker.take().account.name for _ in range(5)) == {"large": 4, "small": 1}

    def test_workers_who_do_not_see_each_other_prefer_different_accounts(self) -> None:
        copies = [copy_of(f"a{number}") for number in range(100)]
        firsts = Counter(Desk(copies, worker=f"w{number}").take().account.name for number in range(100))
        assert max(firsts.values()) <= 6
        same = {Desk(copies, worker="w").take().account.name for _ in range(3)}
        assert len(same) == 1

    def test_heavy_accounts_are_preferred_by_weight(self) -> None:
        copies = [copy_of(web(name, weight=weight)) for name, weight in (("one", 1), ("two", 2), ("three", 3))]
        firsts = Counter(Desk(copies, worker=f"w{number}").take().account.name for number in range(3000))
        for name, share in {"one": 500, "two": 1000, "three": 1500}.items():
            assert firsts[name] == pytest.approx(share, rel=0.1)

    def test_only_the_wanted_routes_are_considered(self) -> None:
        worker = desk("web", copy_of(Account(name="key", kind=Kind.MOONSHOT), routes=("moonshot:kimi-k3",)))
        take = worker.standby.acquire
        assert take(wish("moonshot:kimi-k3", model="kimi-k3")).account.name == "key"
        assert take(wish("kimi", "moonshot:kimi-k3", model="kimi-k3")).account.name == "web"
        with pytest.raises(NoAccount, match="no account serves this"):
            take(wish("moonshot:unknown", model="unknown"))

    def test_requests_a_minute_are_held_also_with_those_before(self) -> None:
        account = web("a", requests_per_minute=3)
        worker = desk(account)
        before = Lease("w.1", account, "t", 2, NOW)
        worker.holdings.add(before)
        worker.holdings.remove(before)
        worker.clock.advance(10)
        for _ in range(2):
            worker.give(worker.take())
        with pytest.raises(AllBusy) as caught:
            worker.take()
        assert caught.value.retry_after == 50
        worker.clock.advance(50)
        worker.give(worker.take())
        with pytest.raises(AllBusy) as caught:
            worker.take()
        assert caught.value.retry_after == 10

    def test_a_limit_that_was_spent_before_holds_in_the_outage(self) -> None:
        account = web("a", requests_per_minute=1)
        worker = desk(account)
        worker.holdings.add(Lease("w.1", account, "t", 2, NOW))
        worker.holdings.remove(Lease("w.1", account, "t", 2, NOW))
        worker.open()
        with pytest.raises(AllBusy) as caught:
            worker.take()
        assert caught.value.retry_after == 60


class TestRefusing:
    def test_a_token_that_expires_is_not_handed_out(self) -> None:
        worker = desk(copy_of("a", expires=NOW + 20))
        worker.give(worker.take())
        worker.clock.advance(20)
        with pytest.raises(AwaitingToken):
            worker.take()

    @pytest.mark.parametrize("why", [{"stored_token": ""}, {"expires": 0.0}])
    def test_without_a_token_there_is_a_reason_to_wait(self, why: dict[str, object]) -> None:
        with pytest.raises(AwaitingToken):
            desk(copy_of("a", **why)).take()

    def test_the_dead_are_not_waited_for(self) -> None:
        with pytest.raises(NoAccount, match="no account serves this"):
            desk(copy_of("a", serves=False)).take()

    def test_accounts_that_were_tried_are_passed_over(self) -> None:
        worker = desk("a", "b")
        assert worker.take(exclude=("a",)).account.name == "b"
        with pytest.raises(NoAccount, match="every account was tried"):
            worker.take(exclude=("a", "b"))

    def test_how_long_all_rest_is_told(self) -> None:
        worker = desk(copy_of("a", cool_until=NOW + 30), copy_of("b", cool_until=NOW + 10))
        with pytest.raises(AllBusy) as caught:
            worker.take()
        assert caught.value.retry_after == 10
        worker.clock.advance(10)
        assert worker.take().account.name == "b"

    def test_accounts_behind_a_failing_upstream_are_passed_over(self) -> None:
        broken = web("a", proxy="socks5h://one:1")
        worker = desk(broken, "b")
        assert worker.take(tripped=(broken.line,)).account.name == "b"
        with pytest.raises(UpstreamDown):
            worker.take(tripped=(broken.line,))

    def test_one_that_is_in_use_is_waited_for_although_others_are_cut_off(self) -> None:
        broken = web("a", proxy="socks5h://one:1")
        worker = desk(broken, "b")
        lease = worker.take(tripped=(broken.line,))
        with pytest.raises(AllBusy):
            worker.take("w.1", tripped=(broken.line,))
        worker.give(lease)
        assert worker.called == ["w.1"]
        worker.give(worker.take("w.1", tripped=(broken.line,)), Rest("Overloaded", "busy", 60, 60))
        with pytest.raises(UpstreamDown):
            worker.take("w.2", tripped=(broken.line,))

    def test_a_refused_model_is_no_matter_for_others(self) -> None:
        worker = desk(copy_of("a", refused={"kimi-k3": NOW + 10}))
        with pytest.raises(NoAccount):
            worker.take(model="kimi-k3")
        worker.give(worker.take(model="kimi"), Rest("ModelRefused", "plan", 100, 100, model="kimi-k2"))
        with pytest.raises(NoAccount):
            worker.take(model="kimi-k2")
        worker.clock.advance(10)
        assert worker.take(model="kimi-k3").account.name == "a"


class TestFailures:
    def test_failures_in_a_row_rest_ever_longer_until_one_is_served(self) -> None:
        worker = desk("a")

        def fail() -> float:
            worker.clock.advance(0.1)
            seconds = worker.give(worker.take(), REST)
            worker.clock.advance(seconds)
            return seconds

        assert [fail() for _ in range(5)] == pytest.approx([5, 10, 20, 40, 60])
        worker.clock.advance(0.1)
        worker.give(worker.take(), served=True)
        assert fail() == 5

    def test_what_fails_beside_a_failure_is_no_further_one(self) -> None:
        worker = desk(web("a", max_concurrency=3))
        leases = [worker.take() for _ in range(3)]
        worker.clock.advance(1)
        assert worker.give(leases[0], REST) == 5
        worker.clock.advance(1)
        assert [worker.give(lease, REST) for lease in leases[1:]] == [4, 4]

    def test_a_row_that_began_before_goes_on(self) -> None:
        worker = desk(copy_of("a", strikes=2, strike_kind="Overloaded", struck=NOW - 30))
        assert worker.give(worker.take(), REST) == 20

    def test_one_request_tries_an_account_that_has_rested(self) -> None:
        worker = desk(web("a", max_concurrency=3))
        lease = worker.take()
        worker.clock.advance(1)
        worker.give(lease, REST)
        worker.clock.advance(6)
        trial = worker.take()
        with pytest.raises(AllBusy):
            worker.take()
        worker.give(trial, served=True)
        assert len([worker.take() for _ in range(3)]) == 3

    def test_what_the_upstream_says_goes_before(self) -> None:
        worker = desk("a")
        assert worker.give(worker.take(), Rest("QuotaSpent", "spent", 600, 6000, told=77)) == 77

    def test_a_refused_token_and_a_dead_account_are_told_once(self) -> None:
        worker = desk(web("a", max_concurrency=2), "b")
        leases = [lease for _ in range(3) if (lease := worker.take()).account.name == "a"]
        assert [worker.standby.reject(lease) for lease in leases] == [True, False]
        assert not worker.standby.reject(Lease("w.9", web("b"), "older", 1, NOW))
        assert not worker.standby.reject(Lease("w.9", web("unknown"), "t", 1, NOW))
        assert not worker.standby.mark("b", 1, State.DEAD, "an older credential")
        assert worker.standby.mark("b", 2, State.DEAD, "refused")
        assert not worker.standby.mark("b", 2, State.DEAD, "refused")
        for lease in leases:
            worker.give(lease)
        with pytest.raises(AwaitingToken):
            worker.take()
        assert worker.standby.summary() == Summary(0, frozenset({"kimi"}))

    def test_the_keys_of_an_organisation_rest_together(self) -> None:
        worker = desk(copy_of("a"), copy_of("b", organisation="abc"), copy_of("c", organisation="xyz"), copy_of("d"))
        limit = replace(REST, kind="RateLimited", organisation="abc")
        assert worker.give(worker.take(only="a"), limit) == 5
        with pytest.raises(AllBusy) as caught:
            worker.take(only="b")
        assert caught.value.retry_after == 5
        assert worker.take(only="c").account.name == "c"
        worker.clock.now += 5
        assert worker.take(only="b").account.name == "b"


class TestWaiting:
    def test_first_come_first_served(self) -> None:
        worker = desk("a")
        lease = worker.take()
        worker.queue("w.1", "w.2")
        worker.give(lease)
        assert worker.called == ["w.1"]
        with pytest.raises(AllBusy):
            worker.take("w.3")
        with pytest.raises(AllBusy):
            worker.take("w.2")
        first = worker.take("w.1")
        worker.give(first)
        assert worker.called == ["w.1", "w.2"]
        worker.give(worker.take("w.2"))
        assert worker.called == ["w.1", "w.2", "w.3"]

    def test_whom_it_does_not_fit_is_passed_over_but_keeps_the_place(self) -> None:
        worker = desk("a", "b")
        leases = {lease.account.name: lease for lease in (worker.take(), worker.take())}
        worker.queue("w.1", exclude=("a",))
        worker.queue("w.2")
        worker.give(leases["a"])
        assert worker.called == ["w.2"]
        worker.give(leases["b"])
        assert worker.called == ["w.2", "w.1"]

    def test_as_many_are_called_as_there_are_places(self) -> None:
        worker = desk(web("a", max_concurrency=3))
        lease = worker.take()
        worker.clock.advance(1)
        worker.give(lease, REST)
        worker.queue("w.1", "w.2", "w.3")
        assert worker.standby.look() == 5
        worker.clock.advance(5)
        assert worker.standby.look() is None
        assert worker.called == ["w.1"], "one tries it"
        worker.give(worker.take("w.1"), served=True)
        assert worker.called == ["w.1", "w.2", "w.3"]

    def test_who_comes_just_when_an_account_has_rested_does_not_overtake(self) -> None:
        worker = desk(copy_of("a", cool_until=NOW + 5))
        worker.queue("w.1")
        worker.clock.advance(5)
        with pytest.raises(AllBusy):
            worker.take("w.2")
        assert worker.called == ["w.1"]
        assert worker.take("w.1").account.name == "a"

    def test_one_who_asks_before_being_called_gets_what_was_kept(self) -> None:
        worker = desk(copy_of("a", cool_until=NOW + 5))
        worker.queue("w.1")
        worker.clock.advance(5)
        worker.take("w.1")
        assert len(worker.holdings.leases) == 1

    def test_one_who_gives_up_passes_the_account_on(self) -> None:
        worker = desk("a")
        lease = worker.take()
        worker.queue("w.1", "w.2", "w.3")
        worker.standby.leave("w.2")
        worker.give(lease)
        worker.standby.leave("w.1")
        assert worker.called == ["w.1", "w.3"]
        worker.standby.leave("w.3")
        worker.standby.leave("w.3")
        assert worker.holdings.leases == []

    def test_nobody_queues_for_what_takes_too_long(self) -> None:
        worker = desk(copy_of("a", cool_until=NOW + 16))
        worker.queue("w.1")
        worker.clock.advance(16)
        worker.standby.look()
        assert worker.called == []

    def test_what_nobody_came_for_is_given_back_at_the_end(self) -> None:
        worker = desk("a")
        lease = worker.take()
        worker.queue("w.1")
        worker.give(lease)
        assert len(worker.holdings.leases) == 1
        worker.standby.close()
        assert worker.holdings.leases == []
