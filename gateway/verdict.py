"""Which of several failures tells a client most."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from kimi.errors import (
    AccountBusy,
    AccountError,
    AllBusy,
    AwaitingToken,
    KimiError,
    Overloaded,
    QuotaSpent,
    RateLimited,
    TokenRejected,
    UpstreamError,
)

SOON: Final = 60.0
"""Seconds that a client can be asked to wait; `Retry-After` never says more."""
_BUSY = (AllBusy, AccountBusy, Overloaded, RateLimited, QuotaSpent)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one account, or the whole pool, has not answered; `free_at` is when it may be asked again, where known."""

    error: KimiError
    free_at: float | None = None


def truest(failures: Iterable[Failure], now: float) -> KimiError:
    """The error to show when nobody has answered; `now` is on the clock of `free_at`, in seconds.

    An account that is only busy for a moment says when to come back, which is worth most to a client. Then comes an
    upstream in trouble, then an account that is busy for longer, one whose token is being refreshed, and last those
    that only the operator can help. Of those that are busy the first to be free counts.
    """
    latest_first = list(failures)[::-1]
    return min((_seen(failure, now) for failure in latest_first), key=_worth)


def _seen(failure: Failure, now: float) -> KimiError:
    error = failure.error
    if failure.free_at is None or not isinstance(error, _BUSY):
        return error
    return type(error)(str(error), retry_after=max(failure.free_at - now, 0.0))


def _worth(error: KimiError) -> tuple[int, float]:
    seconds = error.retry_after or 0.0
    if isinstance(error, _BUSY):
        return (0 if seconds <= SOON else 2), seconds
    if isinstance(error, UpstreamError):
        return 1, 0.0
    if isinstance(error, TokenRejected | AwaitingToken):
        return 3, seconds
    return (4 if isinstance(error, AccountError) else 5), 0.0
