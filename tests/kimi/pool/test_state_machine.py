"""Everything that can happen to a pool, in any order, against a plain model of what ought to come of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kimi.accounts import Account, ConfiguredAccount, Kind, Record, State, Tokens
from kimi.errors import AllBusy, AwaitingToken, NoAccount
from kimi.pool import Lease, Rest
from kimi.pool.interventions import Deleted, Entered, Interventions
from tests.kimi.pool.model import Member
from tests.kimi.pool.pools import Pool, wish

NAMES = ("a", "b", "c")
SECRETS = ("S", "T", "U", "V")
RATES = {"c": 2}  # requests a minute
MODELS = ("kimi", "kimi-k3")
KINDS = (Kind.KIMI, Kind.CLASSIC)

accounts = st.builds(
    Account,
    name=st.just("?"),
    kind=st.sampled_from(KINDS),
    max_concurrency=st.integers(1, 2),
    priority=st.integers(-1, 1),
    weight=st.sampled_from((0.5, 1.0, 3.0)),
)
moments = st.sampled_from((1, 6, 21, 45))
_RESTS = {"busy": 5.0, "overloaded": 40.0}
fates = st.sampled_from(("", "", "served", "busy", "overloaded"))
lifetimes = st.sampled_from((20, 90, 300, 900))
some_names = st.sampled_from(NAMES)


class PoolMachine(RuleBasedStateMachine):
    """Drives a pool on a real server and a model of it with the same steps."""

    def __init__(self, pool: Pool) -> None:
        super().__init__()
        self.pool = pool
        self.hands = Interventions(pool.store)
        self.redis: Any = pool.store.redis
        self.redis.flushall()
        self.members: dict[str, Member] = {}
        self.latest: dict[str, str] = {}  # what has become of each secret
        self.kept: dict[str, tuple[str, int]] = {}  # secrets that no account has: who had them last, and its version
        self.records: list[tuple[Record, str]] = []
        self.leases: list[Lease] = []
        self.returned: set[str] = set()
        self.count = 0
        self.wanted: dict[str, tuple[Account, str]] = {}

    @property
    def now(self) -> float:
        return self.pool.clock.now

    # What the operator does

    @initialize(specs=st.tuples(accounts, accounts, accounts))
    def start(self, specs: tuple[Account, ...]) -> None:
        for name, spec, secret in zip(NAMES, specs, SECRETS, strict=False):
            self.wanted[name] = (_named(spec, name), secret)
        self.sync()
        for name in NAMES:
            self.refresh(name, 300)

    @rule(data=st.data(), rename=st.sampled_from((False, False, True)))
    def edit_the_file(self, data: st.DataObject, rename: bool) -> None:
        if rename:
            names = data.draw(st.sets(some_names, min_size=1))
            secrets = zip(NAMES, data.draw(st.permutations(SECRETS)), strict=False)
            self.wanted = {name: (self.members[name].written, secret) for name, secret in secrets if name in names}
        else:
            name = data.draw(st.sampled_from(sorted(self.wanted)))
            self.wanted[name] = (_named(data.draw(accounts), name), self.wanted[name][1])
        self.sync()

    @rule(name=some_names, verb=st.sampled_from(("pause", "resume", "clear")))
    def intervene(self, name: str, verb: str) -> None:
        member = self.members[name]
        before = getattr(self.hands, verb)(name)
        assert before == (member.state if member.present else None)
        if member.present:
            getattr(member, verb)(self.now)

    @rule(name=some_names, data=st.data())
    def edit(self, name: str, data: st.DataObject) -> None:
        member = self.members[name]
        wanted = _named(data.draw(accounts), name)
        edited = replace(wanted, kind=member.account.kind)
        assert self.hands.edit(name, lambda account: replace(edited, kind=account.kind)) == member.present
        if member.present:
            member.account = edited
            member.written = edited if member.by_hand else member.written

    @rule(name=some_names, secret=st.sampled_from(SECRETS), spec=accounts)
    def enter(self, name: str, secret: str, spec: Account) -> None:
        account = _named(spec, name)
        owner = next(
            (name for name, member in self.members.items() if member.present and member.secret == secret), None
        )
        outcome = self.hands.enter(ConfiguredAccount(account, secret))
        is_taken = outcome in {Entered.ADDED, Entered.REPLACED}
        assert self.hands.holder(secret) == (owner or (name if is_taken else None))
        there = self.members[name]
        if owner is not None:
            assert outcome is Entered.KNOWN
        elif there.present and there.by_hand and there.state is State.DEAD and there.account.kind is account.kind:
            assert outcome is Entered.REPLACED
            self._withdraw(name)
            self._configure(name, there.account, secret)
            there.by_hand = True
        elif there.present:
            assert outcome is Entered.TAKEN
        else:
            assert outcome is Entered.ADDED
            self._configure(name, account, secret)
            self.members[name].by_hand = True

    @rule(name=some_names, secret=st.sampled_from(SECRETS))
    def bring_back(self, name: str, secret: str) -> None:
        """One that stands in no file dies, and is given another credential."""
        member = self.members[name]
        if len(self.wanted) > 1 and name in self.wanted:
            del self.wanted[name]
            self.sync()
        self.enter(name, member.secret, member.account)
        record = self.pool.members.get(name)
        assert record is not None
        self._mark(record, State.DEAD)
        self.enter(name, secret, member.account)

    @rule(name=some_names)
    def delete(self, name: str) -> None:
        member = self.members[name]
        if not member.present:
            return  # what is left of it may be what the file has left
        outcome = self.hands.delete(name)
        assert outcome is (Deleted.DELETED if member.by_hand else Deleted.CONFIGURED)
        if member.by_hand:
            self._withdraw(name)
            member.begin_anew()

    def _withdraw(self, name: str) -> None:
        member = self.members[name]
        member.present = False
        self.kept[member.secret] = (name, member.version)

    def sync(self) -> None:
        wanted = self.wanted
        report = self.pool.members.sync([ConfiguredAccount(*entry) for entry in wanted.values()])
        assert report.deferred == ()
        filed = {name: member for name, member in self.members.items() if member.present and not member.by_hand}
        assert sorted(report.removed) == sorted(filed.keys() - wanted.keys())
        for name, member in filed.items():
            if name not in wanted or wanted[name][1] != member.secret:
                self._withdraw(name)
        for name, (account, secret) in wanted.items():
            for other, member in self.members.items():
                if member.present and member.by_hand and (other == name) != (member.secret == secret):
                    self._withdraw(other)
            self._configure(name, account, secret)

    def _configure(self, name: str, account: Account, secret: str) -> None:
        member = self.members.get(name)
        keeper = self.kept.pop(secret, None)
        fresh = member is None or member.secret != secret
        if member is None:
            member = self.members[name] = Member(account, secret)
        moved = member.account.kind is not account.kind
        if fresh or moved or (keeper is not None and keeper[0] != name):
            member.renew_credential(keeper[1] if keeper else 0)
            member.state = State.PAUSED if member.state is State.PAUSED and not fresh else State.NEW
        if member.written != account:
            member.account = member.written = account
        member.secret, member.present, member.by_hand = secret, True, False

    # What the refresher does

    @rule(name=some_names, lifetime=lifetimes)
    def refresh(self, name: str, lifetime: float) -> None:
        record = self.pool.members.get(name)
        assert record is not None
        self.records.append((record, self.members[name].secret))
        self._save(record, self.members[name].secret, lifetime)

    @rule(data=st.data(), seconds=lifetimes, ending=st.sampled_from(("save", "postpone", State.DEAD, State.PAUSED)))
    def refresh_late(self, data: st.DataObject, seconds: float, ending: str) -> None:
        """The end of a refresh that was begun at any time before."""
        record, secret = data.draw(st.sampled_from(self.records[-4:]))
        if ending == "save":
            self._save(record, secret, seconds)
        elif ending == "postpone":
            member = self.members[record.account.name]
            assert self.pool.tokens.postpone(record, self.now + seconds, 1) == (record.version == member.version)
        else:
            self._mark(record, State(ending))

    def _mark(self, record: Record, state: State) -> None:
        member = self.members[record.account.name]
        changed = self.pool.members.mark(record.account.name, record.version, state, "why")
        assert changed == (record.version == member.version and member.state is not state)
        if changed:
            member.state = state

    def _save(self, record: Record, secret: str, lifetime: float) -> None:
        name, member = record.account.name, self.members[record.account.name]
        self.count += 1
        tokens = Tokens(f"access-{self.count}", f"refresh-{self.count}")
        saved = self.pool.tokens.save(
            record, tokens, issued=self.now, expires=self.now + lifetime, next_due=self.now + lifetime / 2
        )
        assert saved == (record.version == member.version)
        kept = self.kept.get(secret) == (name, record.version)
        if kept:
            self.kept[secret] = (name, record.version + 1)
        if kept or (saved and member.present):
            self.latest[secret] = tokens.refresh
        if saved:
            member.version += 1
            member.access, member.expires, member.rejected = tokens.access, self.now + lifetime, False
            member.state = State.PAUSED if member.state is State.PAUSED else State.ACTIVE

    # What requests do

    @rule(model=st.sampled_from(MODELS))
    def acquire_any(self, model: str) -> None:
        self.acquire(["kimi", "kimi-classic"], model, set())

    @rule(fate=fates, refused=st.sampled_from(("", "kimi-k3")))
    def serve(self, fate: str, refused: str) -> None:
        before = len(self.leases)
        self.acquire(["kimi", "kimi-classic"], "kimi", set())
        if len(self.leases) > before:
            self._release(self.leases[-1], fate, refused)

    @rule(
        routes=st.sampled_from((["kimi"], ["kimi-classic"], ["kimi-classic", "kimi"])),
        model=st.sampled_from(MODELS),
        exclude=st.sets(some_names, max_size=2),
        only=st.just("") | some_names,
    )
    def acquire(self, routes: list[str], model: str, exclude: set[str], only: str = "") -> None:
        for member in self.members.values():
            member.leases = {lease: expiry for lease, expiry in member.leases.items() if expiry > self.now}
        fitting = {
            name: member
            for name, member in self.members.items()
            if member.in_service
            and member.account.kind.value in routes
            and name not in exclude
            and only in ("", name)
            and member.refused.get(model, 0.0) <= self.now
        }
        free = {name: member for name, member in fitting.items() if member.is_free(self.now)}
        try:
            lease = self.pool.leases.acquire(wish(*routes, model=model, exclude=exclude, only=only))
        except AllBusy as error:
            assert not free
            self._check_wait(error.retry_after, fitting.values())
        except AwaitingToken:
            assert not free
            assert any(not member.has_token(self.now) for member in fitting.values())
        except NoAccount:
            assert not fitting
        else:
            self._check_choice(lease, free)
            self._count(lease)

    def _check_wait(self, retry_after: float | None, members: Collection[Member]) -> None:
        """It is only said how long nobody can be free when all rest, and no longer than the first of them does."""
        if retry_after is not None:
            resting = [m for m in members if not m.is_free(self.now)]
            assert resting and all(m.has_token(self.now) for m in resting)
            assert 0 < retry_after <= min(m.rests_until() for m in resting) - self.now + 0.001

    def _check_choice(self, lease: Lease, free: dict[str, Member]) -> None:
        assert lease.account.name in free, f"{lease.account.name} of {sorted(free)}"
        member = free[lease.account.name]
        assert (lease.account, lease.token, lease.version) == (member.account, member.access, member.version)
        best = max(other.account.priority for other in free.values())
        assert member.account.priority == best

    def _count(self, lease: Lease) -> None:
        member = self.members[lease.account.name]
        member.leases[lease.id] = self.now + self.pool.leases.seconds
        self.leases.append(lease)
        if member.account.requests_per_minute:
            member.recent = [*member.recent, self.now][-member.account.requests_per_minute :]
            if len(member.recent) == member.account.requests_per_minute:
                member.rate_until = member.recent[0] + 60

    def _lease(self) -> st.SearchStrategy[Lease]:
        """A lease that was given, most often a recent one."""
        return st.sampled_from(self.leases[-3:]) | st.sampled_from(self.leases)

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), fate=fates, refused=st.sampled_from(("", "kimi-k3")))
    def release(self, data: st.DataObject, fate: str, refused: str) -> None:
        self._release(data.draw(self._lease()), fate, refused)

    def _release(self, lease: Lease, fate: str, model: str) -> None:
        failed = fate in _RESTS
        rest = Rest(fate, "why", _RESTS[fate], 60.0, model=model) if failed else None
        self.pool.leases.release(lease, rest=rest, served=fate == "served")
        member = self.members[lease.account.name]
        member.leases.pop(lease.id, None)
        self.returned.add(lease.id)
        if failed and model:
            member.refused[model] = self.now + _RESTS[fate]
        elif failed:
            member.strike(fate, _RESTS[fate], self.now, lease.granted)
        elif fate == "served":
            member.serve(lease.granted)

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        lease = data.draw(self._lease())
        self.pool.leases.renew([lease])
        member = self.members[lease.account.name]
        if lease.id in member.leases or lease.id not in self.returned:
            member.leases[lease.id] = self.now + self.pool.leases.seconds

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def reject(self, data: st.DataObject) -> None:
        lease = data.draw(self._lease())
        member = self.members[lease.account.name]
        first = lease.version == member.version and not member.rejected
        assert self.pool.leases.reject(lease) == first
        member.rejected = member.rejected or first

    @rule(by=moments)
    def time_passes(self, by: float) -> None:
        self.pool.clock.now += by

    # What holds at all times

    @invariant()
    def records_are_as_they_ought_to_be(self) -> None:
        for record in self.pool.members.all():
            name, member = record.account.name, self.members[record.account.name]
            assert (record.account, record.state, record.version) == (member.account, member.state, member.version)
            assert (record.access, record.configured) == (member.access, member.present)
            assert (record.due is not None) == member.in_service, f"{name} is scheduled if, and only if, it serves"
            assert record.in_flight == len(member.leases)
            if member.present:
                assert record.refresh == self.latest.get(member.secret, member.secret), "a rotated token was lost"

    @invariant()
    def leases_are_as_they_ought_to_be(self) -> None:
        stored = set(self.redis.zrange(self.pool.store.key("leases"), 0, -1))
        assert stored == {f"{lease}:{name}" for name, member in self.members.items() for lease in member.leases}

    @invariant()
    def everybody_is_in_one_place(self) -> None:
        found: dict[str, list[str]] = {name: [] for name in self.members}
        for route in KINDS:
            for place in ("pending", "full", "cooling", *(f"ready:{rank}" for rank in (-1, 0, 1))):
                key = self.pool.store.key("route", route, place)
                for name in self.redis.zrange(key, 0, -1):
                    assert self.members[name].account.kind is route
                    found[name].append(place)
        for name, member in self.members.items():
            assert len(found[name]) == member.in_service, f"{name} is in {found[name]}"
            assert found[name] != [f"ready:{rank}" for rank in (-1, 0, 1) if rank != member.account.priority]

    @invariant()
    def what_can_be_asked_is_known(self) -> None:
        summary = self.pool.members.summary()
        assert summary.usable == sum(member.has_token(self.now) for member in self.members.values())
        kinds = {route.partition(":")[0] for route in summary.routes}
        assert kinds == {member.account.kind for member in self.members.values() if member.present}


def _named(account: Account, name: str) -> Account:
    return Account(
        name=name,
        kind=account.kind,
        max_concurrency=account.max_concurrency,
        priority=account.priority,
        weight=account.weight,
        requests_per_minute=RATES.get(name),
    )


def test_the_pool_does_what_its_model_does(pool: Pool) -> None:
    checks = settings(
        max_examples=50,
        stateful_step_count=40,
        deadline=None,
        derandomize=True,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(lambda: PoolMachine(pool), settings=checks)  # type: ignore[arg-type]  # any factory will do
