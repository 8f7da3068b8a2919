"""What the Connect dialect tells of an account's plan: the one call for it, and how its answer is read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

STATS_PATH: Final = "/apiv2/kimi.gateway.membership.v2.MembershipService/GetSubscriptionStats"

_USED_UP = 0.95  # of a plan: the rest may be too little for an answer


def resets_in(stats: object, now: float) -> float | None:
    """Seconds until the plan begins anew, by `subscriptionBalance{amountUsedRatio, expireTime}`.

    `None` where that does not say so: with some of the plan left it is another allowance that is used up.
    """
    balance = stats.get("subscriptionBalance") if isinstance(stats, Mapping) else None
    if not isinstance(balance, Mapping):
        return None
    used, expires = balance.get("amountUsedRatio"), balance.get("expireTime")
    if not isinstance(used, int | float) or used < _USED_UP or not isinstance(expires, str):
        return None
    try:
        until = datetime.fromisoformat(expires)
    except ValueError:
        return None
    left = until.timestamp() - now if until.tzinfo else 0.0  # a time of nowhere says nothing
    return left if left > 0 else None
