"""When to refresh, and when to try again. Pure: clock and dice are arguments. All times are in seconds."""

from __future__ import annotations

import random
from typing import Final

ASSUMED_LIFETIME: Final = 300.0
"""How long an access token is taken to be good when it does not say so: the shortest seen of Kimi's."""
PROBE_SECONDS: Final = 3600.0
"""How often a key of the official platform, which does not expire, is tried."""

_MARGIN: Final = 300.0
_LARGEST_SHARE: Final = 2 / 3  # of a short life; a fixed margin would have it refreshed as soon as it begins
_JITTER: Final = 0.2
_LONGEST_BACKOFF: Final = 60.0
_LONGEST_WAIT: Final = 3600.0
_SHORTEST_WAIT: Final = 1.0
_FIRST_REST: Final = 15.0
_SHORT_LIFE: Final = 2.0
_SHORT_LIVES: Final = 5  # so many in a row are borne


def margin(lifetime: float) -> float:
    """How much of a token's life must be left, or it is refreshed: 300 s or half of it, whichever is more.

    This is what the vendor's own client does. Lives of less than 450 s scale down to two thirds of themselves.
    """
    return min(max(_MARGIN, lifetime / 2), lifetime * _LARGEST_SHARE)


def due_at(issued: float, expires: float, rng: random.Random) -> float:
    """When a token is to be refreshed: up to a fifth of its margin late, so that accounts spread out by themselves."""
    wanted = expires - margin(expires - issued) * rng.uniform(1 - _JITTER, 1)
    return max(wanted, issued + _SHORTEST_WAIT)


def is_short(lifetime: float) -> bool:
    """Whether a life is one that no vendor means: an exchange for each of them would go on without end."""
    return lifetime < _SHORT_LIFE


def spaced(due: float, issued: float, short_lives: int) -> float:
    """`due`, but later after more than five short lives in a row: 2 s behind `issued`, doubling up to 60 s."""
    excess = short_lives - _SHORT_LIVES
    return max(due, issued + min(_LONGEST_BACKOFF, 2.0 ** min(excess, 16))) if excess > 0 else due


def probe_at(now: float, rng: random.Random) -> float:
    """When a key that was just found good is to be tried again: hourly, give or take."""
    return now + PROBE_SECONDS * rng.uniform(1 - _JITTER, 1)


def backoff(failures: int, rng: random.Random) -> float:
    """How long to wait after so many failures in a row: 1 s doubling up to 60 s, a fifth more or less."""
    doubled = min(_LONGEST_BACKOFF, 2.0 ** min(failures - 1, 16))
    return min(_LONGEST_BACKOFF, doubled * rng.uniform(1 - _JITTER, 1 + _JITTER))


def rest(refusals: int, rng: random.Random) -> float:
    """How long to wait after so many refusals that may be somebody else's: 15 s doubling up to an hour."""
    return min(_LONGEST_WAIT, _FIRST_REST * 2.0 ** min(refusals - 1, 16)) * rng.uniform(1 - _JITTER, 1)


def retry_at(
    now: float,
    failures: int,
    rng: random.Random,
    *,
    expires: float = 0.0,
    retry_after: float | None = None,
    refused: bool = False,
) -> float:
    """When to try again after the last of so many failures.

    A wait that the upstream asks for is respected, up to an hour.
    Otherwise, while the old token is good until `expires`, at most half of what is left of it is waited. After failures
    that were refusals (`refused`) the waits are longer, and the shortest of them is 12 s.
    """
    wait = rest(failures, rng) if refused else backoff(failures, rng)
    shortest = min(wait, _FIRST_REST) if refused else _SHORTEST_WAIT
    if retry_after is not None:
        wait = max(wait, min(retry_after, _LONGEST_WAIT))
    elif expires > now:
        wait = min(wait, max(shortest, (expires - now) / 2))
    return now + wait
