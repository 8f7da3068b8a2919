"""Whether there are accounts that can serve, and whether somebody keeps them fresh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kimi.operating.checks import Finding, ok, problem, warning
from kimi.operating.spans import span
from kimi.pool.health import PoolHealth
from kimi.pool.heartbeats import SILENT_SECONDS

_LIST: Final = "`accounts list` says which, and why"


def accounts(pool: PoolHealth) -> Finding:
    """Whether some can serve, and all that should."""
    seen = f"{pool.usable} of {pool.total} usable"
    out = {state: pool.states[state] for state in ("dead", "banned") if state in pool.states}
    if out:
        seen += ": " + ", ".join(f"{count} {state}" for state, count in out.items())
    if not pool.total:
        return problem("accounts", "there are none", "add some: `accounts add`, or the page at /admin")
    if not pool.usable:
        return problem("accounts", seen, f"{_LIST}; a dead one needs a new refresh token")
    if out:
        return warning("accounts", seen, f"{_LIST}; a dead one needs a new refresh token")
    return ok("accounts", seen)


def refreshers(seen: Mapping[str, float], pool: PoolHealth, now: float) -> Finding:
    """Whether one is at work; `seen` are the seconds since each was heard of, `now` is in Unix seconds."""
    alive = [name for name, age in seen.items() if age <= SILENT_SECONDS]
    if alive:
        return ok("refresher", f"{len(alive)} at work")
    last = min(seen.values(), default=None)
    told = "none at work" if last is None else f"none at work, the last was heard of {span(last)} ago"
    if pool.next_expiry is not None:
        told += f"; the next token expires in {span(max(pool.next_expiry - now, 0.0))}"
    return problem("refresher", told, "start it: python -m refresher (or see its log, should it run)")
