"""What a schema, or a value, may ask of whoever looks at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.schemas.pointers import resolved

MOST_STEPS: Final = 5_000
"""So many subschemas may have their say about one value, each as often as it is asked."""
MOST_DISTANT: Final = 32
"""So many references can go another way than by a path or a name from the root."""
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_ANCHORS: Final = ("$anchor", "$dynamicAnchor", "$id", "id")  # the latter two before 2019, as in "#name"
_LISTS: Final = ("allOf", "anyOf", "oneOf")
_SINGLE: Final = ("not", "if", "then", "else")
_NAMED: Final = ("dependentSchemas", "dependencies")


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
    counting = _Counting(schema)
    try:
        return any(counting.of(node) > MOST_STEPS for node in _nodes(schema)) or counting.distant > MOST_DISTANT
    except RecursionError:  # a row of references that is as long as that
        return True


class _Counting:
    """Counts the subschemas that look at one value."""

    def __init__(self, root: Any) -> None:
        self.distant = 0
        self._root = root
        self._counts: dict[int, int] = {}
        self._anchors: dict[str, Any] = {}
        for node in _nodes(root):
            names = [node.get(keyword) for keyword in _ANCHORS]
            self._anchors |= {f"#{name.lstrip('#')}": node for name in names if isinstance(name, str)}

    def of(self, node: Any) -> int:
        """How many have their say with `node`, itself included."""
        if not isinstance(node, Mapping):
            return 1
        known = self._counts.get(id(node))
        if known is None:
            self._counts[id(node)] = 0  # what leads back to itself is not looked at twice
            known = 1 + sum(self.of(inner) for inner in (*_beside(node), *self._referred(node)))
            self._counts[id(node)] = min(known, MOST_STEPS + 1)
        return self._counts[id(node)]

    def _referred(self, node: Mapping[str, Any]) -> Iterator[Any]:
        for keyword in _REFERENCES:
            reference = node.get(keyword)
            if isinstance(reference, str):
                target = resolved({"$ref": reference}, self._root)
                found = target[1] if target else self._anchors.get(reference)
                self.distant += found is None
                yield found


def _beside(node: Mapping[str, Any]) -> Iterator[Any]:
    """The subschemas of `node` that look at the same value."""
    for name in _LISTS:
        found = node.get(name)
        yield from found if isinstance(found, list) else ()
    for name in _SINGLE:
        if name in node:
            yield node[name]
    for name in _NAMED:
        found = node.get(name)
        yield from found.values() if isinstance(found, Mapping) else ()


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
