"""How an account is described to programs: the object of the admin API, and of `accounts list --json`."""

from __future__ import annotations

from typing import Any

from kimi.accounts import Kind, Record, State
from kimi.operating.troubles import UNREADABLE
from kimi.pool.figures import NO_TALLY, Tally
from kimi.scenarios import scenario_of


def described(seen: Record, now: float, today: Tally | None) -> dict[str, Any]:
    """All that may be shown of an account; it holds no secret. Times are in Unix seconds, null is none or never."""
    account, tally = seen.account, today or NO_TALLY
    rests = seen.cool_until > now
    return {
        "name": account.name,
        "kind": account.kind.value,
        "region": account.region.value,
        "origin": seen.origin.value,
        "state": state_of(seen),
        "reason": reason_of(seen, now),
        "token_issued": _time(seen.access_issued),
        "token_expires": _time(seen.access_expires) if account.kind.is_web else None,  # keys do not expire
        "refresh_due": None if seen.due is None else round(seen.due if seen.due > 0 else now, 3),
        "refresh_failures": seen.failures,
        "in_flight": seen.in_flight,
        "max_concurrency": account.max_concurrency,
        "requests_per_minute": account.requests_per_minute,
        "weight": account.weight,
        "priority": account.priority,
        "cooling_until": _time(seen.cool_until) if rests else None,
        "cooling_reason": seen.cool_reason if rests else "",
        "models": models_of(seen),
        "has_proxy": account.proxy is not None,
        "base_url": account.base_url,
        "edited": seen.edited,
        "today": tally.described(),
        "last_used": tally.last_used,
    }


def state_of(seen: Record) -> str:
    """The state in a word; an account that was taken out of the accounts file is kept, but serves no more."""
    if not seen.configured:
        return "removed"
    return "refreshing" if seen.rejected and seen.state is State.ACTIVE else seen.state.value


def reason_of(seen: Record, now: float) -> str:
    """Why it is out of service, why its latest refreshes failed, or why there are none."""
    is_served = seen.has_access and not seen.rejected and seen.access_expires > now
    # Most are, so that little has to be opened. A key does not expire: one that nobody can open would never wait.
    may_wait = not is_served or seen.account.kind is Kind.MOONSHOT
    is_asked = seen.configured and seen.state in {State.NEW, State.ACTIVE} and may_wait
    return UNREADABLE if is_asked and not seen.is_readable else seen.reason


def models_of(seen: Record) -> list[str]:
    """What it can be asked for by name, as far as that is known of this account."""
    if seen.account.kind is Kind.MOONSHOT:
        return list(seen.account.models or seen.models)
    scenarios = [scenario_of(entry) for entry in seen.models]
    return list(dict.fromkeys(scenario.base for scenario in scenarios if scenario is not None))


def _time(seconds: float) -> float | None:
    return round(seconds, 3) or None
