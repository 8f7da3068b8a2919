"""Whether there are accounts that can serve, and whether somebody keeps them fresh."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from kimi.listing import first_of
from kimi.operating.checks import Finding, ok, problem, warning
from kimi.operating.spans import span
from kimi.pool.health import PoolHealth
from kimi.pool.heartbeats import AT_WORK_SECONDS

_LIST: Final = "`accounts list` says which, and why"
_ONE_POOL: Final = (
    "let one pool have each account: two spend the tokens of each other; docs/guides/operating.md says how they move"
)
_CURES: Final[Mapping[str, str]] = {
    "paused": "`accounts resume --all` lets those that are paused serve again",
    "dead": "a dead one needs a new refresh token",
    "banned": "a banned one was closed by Kimi, and needs another in its place",
    "new": "a new one has no token yet: see that a refresher is at work",
    "refreshing": "the token of those that are refreshing was refused: see that a refresher is at work",
}
"""What to do about accounts that do not serve, by their state."""


def accounts(pool: PoolHealth) -> Finding:
    """Whether some can serve, and all that should. What is advised is for each state of those that do not."""
    if not pool.total:
        return problem("accounts", "there are none", "add some: `accounts add`, or the page at /admin")
    states = sorted(pool.states.items(), key=lambda each: (-each[1], each[0]))
    seen = f"{pool.usable} of {pool.total} usable: {', '.join(f'{count} {state}' for state, count in states)}"
    if not pool.usable:
        return problem("accounts", seen, _cure(states))
    lost = [each for each in states if each[0] in {"dead", "banned"}]
    if lost:
        return warning("accounts", seen, _cure(lost))
    return ok("accounts", seen)


def garbled(names: Sequence[str], key: str) -> Finding:
    """Accounts whose records, under `key`, nobody understands."""
    return problem(
        "records",
        f"what stands in Redis of {first_of(names)} is not understood: was it written by hand?",
        f"they are left alone: put right what is in {key}, or delete that key: those of the "
        "accounts file come back, web accounts with a new token there, for the newest one stands in what is deleted",
    )


def _cure(states: Iterable[tuple[str, int]]) -> str:
    cures = [_CURES[state] for state, _ in states if state in _CURES]
    return f"{_LIST}; {'; '.join(cures)}" if cures else _LIST


def neighbours(names: Sequence[str] | None, holding: Collection[str], closed: Sequence[str] = ()) -> Finding:
    """Whether pools of those `names` beside this one leave it its accounts; `holding` has the name of one for each.

    `names` are None where they may not be looked for, and what those have that are `closed` may not be seen.
    """
    if holding:
        shared = ", ".join(f"the pool {name} has {count}" for name, count in sorted(Counter(holding).items()))
        return problem("pools", f"{shared} of the accounts of this one too", _ONE_POOL)
    if names is None or closed:
        hidden = "others may not be looked for" if names is None else f"what {', '.join(closed)} has may not be seen"
        return warning("pools", f"{hidden} by this user of Redis", _ONE_POOL)
    return ok("pools", f"beside this one: {', '.join(names)}" if names else "no other is seen in this Redis")


def refreshers(seen: Mapping[str, float], pool: PoolHealth, now: float, start: str) -> Finding:
    """Whether one is at work, which the command `start` starts.

    `seen` are the seconds since each was heard of, `now` is in Unix seconds.
    """
    alive = [name for name, age in seen.items() if age <= AT_WORK_SECONDS]
    if alive:
        return ok("refresher", f"{len(alive)} at work")
    last = min(seen.values(), default=None)
    told = "none at work" if last is None else f"none at work, the last was heard of {span(last)} ago"
    if pool.next_expiry is not None:
        told += f"; the next token expires in {span(max(pool.next_expiry - now, 0.0))}"
    return problem("refresher", told, f"start it: {start} (or see its log, should it run)")
