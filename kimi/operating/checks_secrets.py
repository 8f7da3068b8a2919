"""Whether secrets in Redis are sealed, with which keys, and what to do about those that are not."""

from __future__ import annotations

from typing import Final

from kimi.operating.checks import Finding, ok, problem, warning
from kimi.pool.resealing import Seals

_CHECK: Final = "secrets"
_SET: Final = "give TOKEN_ENCRYPTION_KEYS a key to all processes, which `secrets key` makes"
_ROTATE: Final = "once all processes have the first key, seal them with it: `secrets rotate`"
_UNREADABLE: Final = "add the key that they were sealed with to TOKEN_ENCRYPTION_KEYS, behind the others"


def sealed(seals: Seals, keys: int, *, matters: bool = True) -> Finding:
    """With which of so many `keys` they are sealed. `matters` is false where they are not worth a key."""
    older = sum(seals.older.values())
    if seals.unreadable:
        return problem(_CHECK, f"{seals.unreadable} of {seals.total} cannot be opened", _UNREADABLE)
    if not seals.total:
        return ok(_CHECK, "there are none")
    if seals.plain:
        seen = f"{seals.plain} of {seals.total} stand in Redis in plain text"
        advice = _ROTATE if keys else _SET
        return warning(_CHECK, seen, advice) if matters else ok(_CHECK, f"{seen}, and are worth nothing")
    if older:
        return warning(_CHECK, f"{older} of {seals.total} are sealed with an older key", _ROTATE)
    rest = "; all others can be dropped" if droppable(seals, keys) else ""
    return ok(_CHECK, f"all {seals.total} are sealed with the first key{rest}")


def droppable(seals: Seals, keys: int) -> list[int]:
    """The numbers of those of so many `keys` with which nothing is sealed any more; the first, 1, is none of them."""
    return [number for number in range(2, keys + 1) if not seals.older.get(number)]
