"""Which failure a client is told."""

from __future__ import annotations

import pytest

from gateway.verdict import Failure, truest
from kimi.errors import (
    AccountBanned,
    AccountBusy,
    AccountDead,
    AllBusy,
    AwaitingToken,
    BrokenAnswer,
    KimiError,
    ModelRefused,
    NoAccount,
    Overloaded,
    QuotaSpent,
    RateLimited,
    StoreUnavailable,
    TokenRejected,
    Unreachable,
    UpstreamDown,
    UpstreamTimeout,
)


def resting(error: KimiError, seconds: float) -> Failure:
    return Failure(error, free_at=100.0 + seconds)


@pytest.mark.parametrize(
    ("failures", "told"),
    [
        ([AccountBusy(), Unreachable()], AccountBusy),
        ([Unreachable(), TokenRejected(), AccountDead()], Unreachable),
        ([BrokenAnswer(), UpstreamTimeout()], UpstreamTimeout),
        ([Unreachable(), NoAccount()], Unreachable),
        ([Unreachable(), StoreUnavailable()], Unreachable),
        ([Unreachable(), UpstreamDown()], UpstreamDown),
        ([Unreachable(), AllBusy()], AllBusy),
        ([Unreachable(), AllBusy(retry_after=3600)], Unreachable),
        ([TokenRejected(), AllBusy(retry_after=3600)], AllBusy),
        ([AccountDead(), AwaitingToken()], AwaitingToken),
        ([TokenRejected(), ModelRefused()], TokenRejected),
        ([ModelRefused(), NoAccount()], ModelRefused),
        ([AccountBanned(), StoreUnavailable()], AccountBanned),
        ([NoAccount()], NoAccount),
        ([UpstreamDown()], UpstreamDown),
    ],
)
def test_what_is_told_of_several_failures(failures: list[KimiError], told: type[KimiError]) -> None:
    assert type(truest([Failure(error) for error in failures], 100.0)) is told


def test_of_busy_accounts_the_first_to_be_free_says_when() -> None:
    failures = [resting(Overloaded("o"), 40), resting(AccountBusy("b"), 7), resting(RateLimited("r"), 12)]
    told = truest([*failures, Failure(NoAccount())], 101.0)
    assert (type(told), told.retry_after, str(told)) == (AccountBusy, 6.0, "b")


def test_an_account_that_was_not_tried_may_be_free_sooner() -> None:
    told = truest([resting(AccountBusy(), 7), Failure(AllBusy(retry_after=2.5))], 100.0)
    assert (type(told), told.retry_after) == (AllBusy, 2.5)


def test_a_rest_that_is_over_is_no_time_in_the_past() -> None:
    assert truest([resting(AccountBusy(), 5)], 150.0).retry_after == 0.0


@pytest.mark.parametrize(("seconds", "told"), [(59, QuotaSpent), (600, Unreachable)])
def test_a_spent_plan_tells_less_than_an_upstream_in_trouble(seconds: float, told: type[KimiError]) -> None:
    assert type(truest([resting(QuotaSpent(), seconds), Failure(Unreachable())], 100.0)) is told


def test_the_wait_of_a_model_is_not_that_of_the_account() -> None:
    assert truest([resting(ModelRefused(), 3600)], 100.0).retry_after is None
