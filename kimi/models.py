"""The names clients use for models, and along which routes of the pool each can be asked.

A name is a base (`kimi`, `kimi-k2.6`, an agent's id, …) and features in any order (`kimi-search-thinking`).
Models of the official platform keep their own names, and scenarios that we do not know get one made of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Final

from kimi.accounts import Kind
from kimi.aliases import NO_ALIASES, OFFICIAL, Aliases, meanings
from kimi.menu import FeatureUnserved, Menu, Selection, UnknownModel
from kimi.scenarios import UNLISTED
from kimi.web_models import WEB_MODELS, ClassicModel, ConnectModel, classic_model, connect_model, is_agent

__all__ = [
    "LONGEST",
    "WEB_MODELS",
    "ClassicModel",
    "ConnectModel",
    "FeatureUnserved",
    "Selection",
    "UnknownModel",
    "classic_model",
    "connect_model",
    "is_agent",
    "listing",
    "select",
]

LONGEST: Final = 256
"""Characters of a name that can be anybody's: to look for features without end would take minutes."""
_LONGEST_KEPT: Final = 100
"""Characters of a name whose meaning is kept for the next time; longer ones are nobody's."""
_NONE_KNOWN: Final = frozenset({Kind.KIMI.value, f"{Kind.KIMI}:{UNLISTED}", Kind.CLASSIC.value})


def select(name: str, routes: Collection[str], aliases: Aliases = NO_ALIASES) -> Selection:
    """What `name` stands for in a pool that serves `routes`; while nobody is configured, in a pool of web accounts.

    An alias counts only where nobody serves the name itself. Raises `UnknownModel` or `FeatureUnserved`.
    """
    if len(name) > LONGEST:
        raise UnknownModel(name)
    find = _select if len(name) <= _LONGEST_KEPT else _select.__wrapped__
    return find(name, frozenset(routes), tuple(aliases.items()))


@lru_cache(maxsize=1024)
def _select(name: str, routes: frozenset[str], pairs: tuple[tuple[str, str], ...]) -> Selection:
    menu, aliases = _menu(routes or _NONE_KNOWN), dict(pairs)
    refused: FeatureUnserved | None = None
    for meaning in meanings(name, aliases):
        try:
            return menu.select(name, _wanted(meaning, menu))
        except FeatureUnserved as unserved:
            refused = refused or unserved
        except UnknownModel:
            continue
    raise refused or UnknownModel(name)


def listing(routes: Collection[str], aliases: Aliases = NO_ALIASES) -> list[str]:
    """The names to show for a pool that serves `routes`.

    These are every base alone and with each feature, official names, and the operator's aliases, as far as somebody
    serves them.
    """
    if not routes:
        return []
    menu = _menu(frozenset(routes))
    names = [name for name in menu.variants() if _is_found(lambda name: menu.select(name, name), name)]
    names += sorted(menu.official)
    names += [name for name in aliases if _is_found(lambda name: select(name, routes, aliases), name)]
    return list(dict.fromkeys(names))


def _is_found(find: Callable[[str], object], name: str) -> bool:
    try:
        find(name)
    except (UnknownModel, FeatureUnserved):
        return False
    return True


def _wanted(meaning: str, menu: Menu) -> str:
    if not meaning.startswith(OFFICIAL):
        return meaning
    best = menu.best_official()
    if best is None:
        raise UnknownModel(meaning)
    return best + meaning.removeprefix(OFFICIAL)


@lru_cache(maxsize=256)
def _menu(routes: frozenset[str]) -> Menu:
    menu = Menu()
    for route in sorted(routes):
        menu.add(route)
    return menu
