"""When a refresh is tried again that failed for a passing reason, and who is told of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

import structlog

from kimi.accounts import Record
from kimi.errors import KimiError, TokenRejected, UpstreamError
from kimi.pool import TokenStore
from refresher import schedule
from refresher.outcomes import Outcome

log = structlog.stdlib.get_logger("refresher")

_OFTEN: Final = 5
"""After so many refusals in a row that may be somebody else's the operator is told: it lasts for minutes by then."""


class Postponing:
    """Puts refreshes off; for its arguments see `Refreshing`."""

    def __init__(self, tokens: TokenStore, *, clock: Callable[[], float], rng: random.Random) -> None:
        self._tokens = tokens
        self._clock = clock
        self._rng = rng

    def postpone(self, record: Record, error: KimiError) -> Outcome:
        """The refresh of `record` failed for `error`. Raises `StoreUnavailable`."""
        is_refused = isinstance(error, TokenRejected)
        # Refusals are counted by themselves: the first of them behind an outage is not waited for an hour.
        goes_on = not is_refused or record.reason.startswith(TokenRejected.__name__)
        failures = record.failures + 1 if goes_on else 1
        now = self._clock()
        again = schedule.retry_at(
            now,
            failures,
            self._rng,
            expires=record.access_expires,
            retry_after=error.retry_after,
            refused=is_refused,
        )
        reason = f"{type(error).__name__}: {error}"
        say = log.warning if failures == 1 else log.debug
        if is_refused and failures == _OFTEN and not record.account.owner:
            log.error(
                "account is refused again and again, but not in Kimi's words: it is tried more and more rarely",
                account=record.account.name,
                reason=reason,
            )
        say(
            "refresh failed, trying again later",
            account=record.account.name,
            error=reason,
            failures=failures,
            seconds=round(again - now, 1),
        )
        # Where Kimi itself said no, it has spent nothing.
        is_unknown = is_refused or (isinstance(error, UpstreamError) and error.sent)
        unanswered = record.account.kind.is_web and is_unknown
        self._tokens.postpone(record, again, failures, unanswered=unanswered, reason=reason)
        return Outcome.POSTPONED
