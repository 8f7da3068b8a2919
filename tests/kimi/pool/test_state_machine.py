"""Everything that can happen to a pool, in any order, against a plain model of what ought to come of it."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from kimi.pool.resealing import Resealing
from tests.kimi.pool.pools import Pool
from tests.kimi.pool.sealing import seen_plainly
from tests.kimi.pool.steps import KINDS
from tests.kimi.pool.steps_of_operators import OperatorSteps
from tests.kimi.pool.steps_of_requests import RequestSteps


class PoolMachine(OperatorSteps, RequestSteps):
    """All steps, and what holds behind each of them."""

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

    def teardown(self) -> None:
        """No secret can be read, wherever it has been brought."""
        seals = Resealing(self.pool.store).status()
        assert (seals.plain, seals.older, seals.unreadable) == (0, {}, 0)
        assert seen_plainly(self.redis, "secret-", "access-", "refresh-", "password-") == []


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
