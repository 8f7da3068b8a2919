"""Whether secrets in Redis are sealed, with which keys, and what to do about those that are not."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from kimi.listing import first_of
from kimi.operating.checks import Finding, Level, ok, problem, warning
from kimi.pool.seals import UNREADABLE, Seals

_CHECK: Final = "secrets"
_SET: Final = "give TOKEN_ENCRYPTION_KEYS a key to all processes, which `secrets key` makes"
_ROTATE: Final = "once all processes have the first key, seal them with it: `secrets rotate`"
_UNREADABLE: Final = "add the key that they were sealed with to TOKEN_ENCRYPTION_KEYS, behind the others"
_GONE: Final = "what is left of an account that was taken out is forgotten after 90 days"
_SHOWN: Final = 5  # names


def sealed(seals: Seals, keys: int, *, matters: bool = True) -> Finding:
    """With which of so many `keys` they are sealed. `matters` is false where they are not worth a key."""
    there = _unreadable(seals) or _plain(seals, keys, matters=matters) or _older(seals) or _well(seals, keys)
    # What cannot be opened may come from those who seal with another key: they are named first.
    marked = [each for each in (_strangers(seals), _behind(seals, keys), there) if each is not None and each.advice]
    if not marked:
        return there
    level = Level.PROBLEM if any(each.level is Level.PROBLEM for each in marked) else Level.WARNING
    return Finding(_CHECK, level, "; ".join(each.seen for each in marked), "; ".join(each.advice for each in marked))


def _unreadable(seals: Seals) -> Finding | None:
    if seals.lost:
        return problem(_CHECK, f"{_lost(seals)}, of {listed(seals.lost)}", _UNREADABLE)
    if seals.canary == UNREADABLE:
        return problem(_CHECK, "the word that shows the right keys cannot be opened", _UNREADABLE)
    return None


def _lost(seals: Seals) -> str:
    return f"{seals.unreadable} of {seals.total} cannot be opened"


def _plain(seals: Seals, keys: int, *, matters: bool) -> Finding | None:
    if not seals.plain:
        return None
    seen = f"{seals.plain} of {seals.total} stand in Redis in plain text"
    return warning(_CHECK, seen, _ROTATE if keys else _SET) if matters else ok(_CHECK, f"{seen}, and are worth nothing")


def _strangers(seals: Seals) -> Finding | None:
    if not seals.strangers:
        return None
    seen = f"a key that is not here is the first one of {listed(seals.strangers)}"
    return problem(_CHECK, seen, same_keys(seals.strangers))


def _behind(seals: Seals, keys: int) -> Finding | None:
    names = [name for name in seals.behind if name not in seals.strangers]
    if not keys or not names:
        return None
    return warning(_CHECK, f"the first key is not the first one of {listed(names)}", same_keys(names))


def _older(seals: Seals) -> Finding | None:
    older = sum(seals.older.values())
    if older:
        return warning(_CHECK, f"{older} of {seals.total} are sealed with an older key", _ROTATE)
    if seals.canary not in {None, 1}:
        return warning(_CHECK, "the word that shows the right keys is sealed with an older one", _ROTATE)
    return None


def _well(seals: Seals, keys: int) -> Finding:
    if seals.gone:
        return warning(_CHECK, f"{_lost(seals)}, of {listed(seals.gone)}", _GONE)
    if not seals.total:
        return ok(_CHECK, "there are none")
    rest = "; all others can be dropped" if droppable(seals, keys) else ""
    return ok(_CHECK, f"all {seals.total} are sealed with the first key{rest}")


def droppable(seals: Seals, keys: int) -> list[int]:
    """The numbers of those of so many `keys` that nothing is sealed with, nor will be; the first is none of them."""
    return [number for number in range(2, keys + 1) if not seals.needs(number)]


def listed(names: Collection[str]) -> str:
    """The first of them."""
    return first_of(sorted(names), _SHOWN)


def same_keys(names: Collection[str]) -> str:
    """What to do about processes that seal with another key."""
    return (
        f"give {listed(names)} the same TOKEN_ENCRYPTION_KEYS, in the same order, and restart; "
        "one that was killed is forgotten within a minute"
    )
