"""Other names for models: the operator's own, and those under which Kimi was known once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from kimi.chat import Feature

Aliases = Mapping[str, str]
"""Names of the operator's own, and what each stands for: any other name, with features or without."""

NO_ALIASES: Final[Aliases] = MappingProxyType({})
OFFICIAL: Final = "\nofficial"
"""Stands for the official model that is served best, whatever it is called. No name that a client sends."""

_PLAIN = ("kimi", OFFICIAL)
_THINKING = ("kimi-thinking", OFFICIAL)
# Names of the official platform and its tutorials that are retired, and what serves instead: the first that is there.
_RETIRED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "kimi": (OFFICIAL,),
        "moonshot-v1": _PLAIN,
        **{f"moonshot-v1-{size}": _PLAIN for size in ("8k", "32k", "128k", "auto")},
        **{f"moonshot-v1-{size}-vision-preview": _PLAIN for size in ("8k", "32k", "128k")},
        "kimi-latest": _PLAIN,
        **{f"kimi-latest-{size}": _PLAIN for size in ("8k", "32k", "128k")},
        "kimi-k2-0711-preview": _PLAIN,
        "kimi-k2-0905-preview": _PLAIN,
        "kimi-k2-turbo-preview": _PLAIN,
        "kimi-thinking-preview": _THINKING,
        "kimi-k2-thinking": _THINKING,
        "kimi-k2-thinking-turbo": _THINKING,
    }
)
_FEATURES = frozenset(feature.value for feature in Feature)
NAME: Final = re.compile(r"[\w.:/+-]{1,100}", re.ASCII)
"""What a model can be called by an operator."""


def parse(pairs: tuple[str, ...]) -> Aliases:
    """The aliases in pairs such as `gpt-4o=kimi-search`. Raises `ValueError`, with a text for the operator."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, target = (part.strip() for part in pair.partition("="))
        if not equals or not NAME.fullmatch(name) or not NAME.fullmatch(target):
            raise ValueError("has to be a list of name=target, as in gpt-4o=kimi-search")
        if found.setdefault(name, target) != target:
            raise ValueError(f"has to say once what {name!r} stands for")
    for name in found:
        _refuse_circle(name, found)
    return MappingProxyType(found)


def meanings(name: str, own: Aliases, used: frozenset[str] = frozenset()) -> Iterator[str]:
    """What `name` may stand for, itself first, in the order in which it is to be tried. May begin with `OFFICIAL`.

    `used` are aliases that have led here, of which none is followed twice.
    """
    yield name
    for table in ({alias: (target,) for alias, target in own.items()}, _RETIRED):
        alias = _alias_in(name, table)
        if alias is None or alias in used:
            continue
        for target in table[alias]:
            meaning = target + name.removeprefix(alias)
            if target == OFFICIAL:
                yield meaning
            else:
                yield from meanings(meaning, own, used | {alias})


def _alias_in(name: str, table: Collection[str]) -> str | None:
    """The longest alias that stands in front of features in `name`."""
    alias = name
    while alias not in table:
        alias, dash, feature = alias.rpartition("-")
        if not dash or feature not in _FEATURES:
            return None
    return alias


def _refuse_circle(name: str, aliases: Aliases) -> None:
    way: list[str] = []
    alias: str | None = name
    while alias is not None and alias not in way:
        way.append(alias)
        alias = _alias_in(aliases[alias], aliases)
    if alias is not None:
        raise ValueError(f"has to lead to a model and not round in a circle ({' = '.join((*way, alias))})")
