"""Numbers, in a schema and in a value: the library compares them exactly, which takes as long as a hundred other steps.

Two numbers with a point are compared as fractions of whole numbers, which are the longer the farther they are from 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_KEPT_EXACTLY: Final = 2**53
"""Whole numbers beyond may hash to the same as those close to them, which makes looking for twins slow."""
_LONGEST: Final = 2**64
_LEAST: Final = 1e-15
_MOST: Final = 1e15
_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "divisibleBy", "multipleOf")
_WILD: Final = 16
"""A fraction in a schema counts for so many where it is far from 1, and twice as many in a value."""
_COMPARED: Final = 64
"""What it takes to compare two numbers of which one has a point: 2 µs."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Those in a value: all, those that are `slow` to be compared, those far from 1, and those that hash alike."""

    all: int = 0
    slow: int = 0
    wild: int = 0
    alike: int = 0


@dataclass(frozen=True, slots=True)
class Comparing:
    """With how many numbers one place of a value is compared, and how many lists there have to be without twins."""

    whole: int = 0
    fractions: int = 0
    unique: int = 0

    def on(self, numbers: Numbers) -> int:
        """What that takes for all `numbers` of a value, in the units of `Effort.on`."""
        far = 2 * _WILD * numbers.wild
        whole = self.whole * (numbers.all // 16 + numbers.slow + far)
        fractions = self.fractions * (numbers.all + far)
        unique = self.unique * numbers.all * (256 + 16 * (numbers.wild + numbers.alike))
        return _COMPARED * (whole + fractions) + unique


def counted(found: list[int | float]) -> Numbers:
    """What `found` in a value amounts to."""
    large = sum(type(each) is int and abs(each) > _KEPT_EXACTLY for each in found)
    points = sum(type(each) is float for each in found)
    return Numbers(len(found), points + large, sum(map(_is_wild, found)), large)


class Said:
    """Counts the numbers of a schema. It remembers what is in what, as one may stand in another."""

    def __init__(self) -> None:
        self._known: dict[int, Comparing] = {}

    def of(self, node: Mapping[str, Any]) -> Comparing:
        """Those that the schema `node` itself compares with."""
        found = [self._in(node.get(name)) for name in ("const", "enum")]
        bounds = [node.get(name) for name in _BOUNDS]
        found += [self._in(each) for each in bounds if type(each) is float]
        found += [self._in(each) for each in bounds[-2:] if type(each) is int]
        unique = int(node.get("uniqueItems") is True)
        return Comparing(sum(each.whole for each in found), sum(each.fractions for each in found), unique)

    def _in(self, value: Any) -> Comparing:
        if type(value) is int:
            return Comparing(whole=1)
        if type(value) is float:
            return Comparing(fractions=_WILD if _is_wild(value) else 1)
        if not isinstance(value, dict | list):
            return _NONE
        known = self._known.get(id(value))
        if known is None:  # the parser lets nothing through that is too deep for this
            inner = [self._in(each) for each in (value.values() if isinstance(value, dict) else value)]
            known = Comparing(sum(each.whole for each in inner), sum(each.fractions for each in inner))
            self._known[id(value)] = known
        return known


_NONE: Final = Comparing()


def _is_wild(number: float) -> bool:
    if type(number) is int:
        return abs(number) >= _LONGEST
    return number != 0 and not _LEAST <= abs(number) <= _MOST
