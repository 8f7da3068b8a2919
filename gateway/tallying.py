"""What a request counts for in the operator's figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.problem import INTERNAL, INVALID
from gateway.problems import TABLE
from kimi import errors
from kimi.errors import AccountError, UpstreamError

if TYPE_CHECKING:
    from gateway.journal import Entry
    from kimi.pool.counts import Counts

_FAULTS: Final = frozenset({problem.code for problem in TABLE.values() if problem.type != INVALID} | {INTERNAL.code})
"""Outcomes that are no client's affair."""
_FAILED_OF: Final = frozenset(
    problem.code for error, problem in TABLE.items() if issubclass(error, AccountError | UpstreamError)
)
"""Those of answers that broke off because of the account, or its upstream."""
_FAILED_BY: Final = frozenset(
    name
    for name, error in vars(errors).items()
    if isinstance(error, type) and issubclass(error, AccountError | UpstreamError)
)
"""The same where it was another account's turn then, in the words of `Entry.failovers`."""


def tally(entry: Entry, total: float, counts: Counts) -> None:
    """Counts `entry` if it is a completion; `total` is what it took, in seconds.

    What a client did wrong counts only where an account was to be asked for it, and is no error.
    """
    failed = entry.outcome in _FAULTS
    client = entry.key_id or str(entry.client)
    if entry.attempts is None:
        if failed and entry.model is not None and entry.status >= 500:
            counts.answered(client, failed=True)
        return
    counts.answered(
        client,
        failed=failed,
        usage=entry.usage,
        first_event=entry.first_event_seconds,
        total=total if entry.outcome == "ok" else None,
    )
    for account, reason in zip(entry.failed, entry.failovers, strict=False):
        counts.asked(account, failed=reason in _FAILED_BY)
    if entry.account is not None and entry.attempts > len(entry.failovers):
        counts.asked(entry.account, failed=entry.outcome in _FAILED_OF, usage=entry.usage)
