"""What keys may ask for, and when what is spent begins anew."""

from __future__ import annotations

import pytest

from kimi.accounts import Kind
from kimi.errors import (
    AccountDead,
)
from kimi.upstreams import KnowsAllowance
from kimi.upstreams.line import Line
from kimi.upstreams.moonshot import Moonshot
from kimi.upstreams.registry import build
from tests.kimi.dialects.bench import Bench


@pytest.mark.parametrize("kind", [Kind.MOONSHOT])
def test_the_models_of_a_key(bench: Bench) -> None:
    assert "kimi-k2.6" in Moonshot(Line(bench.transport, bench.endpoints)).list_models(bench.account, bench.token)
    with pytest.raises(AccountDead):
        Moonshot(Line(bench.transport, bench.endpoints)).list_models(bench.account, "sk-wrong")


@pytest.mark.parametrize("kind", [Kind.KIMI])
def test_the_time_at_which_a_spent_plan_begins_anew(bench: Bench) -> None:
    bench.simulator.account("alice", used=1.0, resets_in=5000)
    upstream = build(Line(bench.transport, bench.endpoints))[bench.account.kind]

    assert isinstance(upstream, KnowsAllowance)
    assert upstream.resets_in(bench.account, bench.token) == pytest.approx(5000, abs=60)


@pytest.mark.parametrize("kind", [Kind.MOONSHOT])
def test_a_key_that_has_spent_everything_is_looked_at_again_and_one_that_has_not_rests_as_long_as_others(
    bench: Bench,
) -> None:
    upstream = build(Line(bench.transport, bench.endpoints))[bench.account.kind]
    assert isinstance(upstream, KnowsAllowance)
    assert upstream.resets_in(bench.account, bench.token) is None

    bench.simulator.account("alice", balance=0.0)
    assert upstream.resets_in(bench.account, bench.token) == 900
