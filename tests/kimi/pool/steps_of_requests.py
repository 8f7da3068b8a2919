"""What requests do to a pool."""

from __future__ import annotations

from collections.abc import Collection

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from kimi.errors import AllBusy, AwaitingToken, NoAccount
from kimi.pool import Lease, Rest
from tests.kimi.pool.model import Member
from tests.kimi.pool.pools import wish
from tests.kimi.pool.steps import Steps, some_names

MODELS = ("kimi", "kimi-k3")
_RESTS = {"busy": 5.0, "overloaded": 40.0}
fates = st.sampled_from(("", "", "served", "busy", "overloaded"))


class RequestSteps(Steps):
    """Accounts are leased, fail and are given back."""

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
        if member.strikes:
            member.probe = lease.id
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
    def prove(self, data: st.DataObject) -> None:
        lease = data.draw(self._lease())
        self.pool.leases.prove(lease)
        self.members[lease.account.name].serve(lease.granted)

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
