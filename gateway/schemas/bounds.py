"""What a schema, or a value, may ask of whoever looks at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.schemas.pointers import resolved

MOST_STEPS: Final = 5_000
"""So many subschemas may have their say about one value, each as often as it is asked."""
_LISTS: Final = ("allOf", "anyOf", "oneOf")
_SINGLE: Final = ("not", "if", "then", "else")
_NAMED: Final = ("dependentSchemas",)


def depth(value: Any, most: int) -> int:
    """How many levels of lists and objects `value` has; one more than `most` where they are too many to count."""
    level, levels = [value], 0
    while level and levels <= most:
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        levels += 1
    return levels


def is_endless(schema: Any) -> bool:
    """Whether some value would be looked at more than `MOST_STEPS` times: `$ref`s that branch double that each time."""
    counts: dict[int, int] = {}
    try:
        return any(_count(node, schema, counts) > MOST_STEPS for node in _nodes(schema))
    except RecursionError:  # a row of references that is as long as that
        return True


def _count(node: Any, root: Any, counts: dict[int, int]) -> int:
    if not isinstance(node, Mapping):
        return 1
    known = counts.get(id(node))
    if known is None:
        counts[id(node)] = 0  # what leads back to itself is not looked at twice
        known = 1 + sum(_count(inner, root, counts) for inner in _beside(node, root))
        counts[id(node)] = min(known, MOST_STEPS + 1)
    return counts[id(node)]


def _beside(node: Mapping[str, Any], root: Any) -> Iterator[Any]:
    """The subschemas that look at the same value as `node`."""
    for name in _LISTS:
        found = node.get(name)
        yield from found if isinstance(found, list) else ()
    for name in _SINGLE:
        if name in node:
            yield node[name]
    for name in _NAMED:
        found = node.get(name)
        yield from found.values() if isinstance(found, Mapping) else ()
    target = resolved(node, root)
    if target is not None:
        yield target[1]


def _nodes(value: Any) -> Iterator[Any]:
    """All that may be a schema."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            yield each
            left.extend(each.values())
        elif isinstance(each, list):
            left.extend(each)
