"""What a schema, or a value, may ask of whoever looks at it.

The library looks at a value once for each way through the schema that leads to it: references that branch double that
with every level, and alternatives multiply it by their number, all of it while nothing else in this process moves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.schemas.numbers import Comparing, Numbers, Said, counted
from gateway.schemas.pointers import resolved

MOST_STEPS: Final = 20_000
"""So many subschemas may have their say about one value and what is in it, by the worst way from top to bottom."""
MOST_DISTANT: Final = 8
"""So many references can go another way than by a path or a name from the root: nobody counts where these lead."""
MOST_PATTERNS: Final = 256
"""So many patterns can be in a schema, the same one counted once, or in all tools of a request."""
COUNTING_MORE: Final = "one that is long, or has many classes, counts for several"
MOST_VALUES: Final = 20_000
"""So many are looked at of what a model wrote: nobody answers with more, and all of it is done without a pause."""
BACKTRACKS: Final = 2_000
"""So often a pattern may go back to try another way through one text."""
_REFERENCES: Final = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})
_ANCHORS: Final = ("$anchor", "$dynamicAnchor", "$id", "id")  # the latter two before 2019, as in "#name"
_EACH: Final = frozenset({"allOf", "anyOf", "oneOf", "dependentSchemas", "dependencies", "patternProperties"})
_EITHER: Final = frozenset({"properties", "prefixItems"})
_ASKING_AGAIN: Final = frozenset({"unevaluatedItems", "unevaluatedProperties"})  # what the others have looked at
_SINGLE: Final = _ASKING_AGAIN | {
    *("not", "if", "then", "else", "items", "additionalItems", "contains", "additionalProperties", "propertyNames"),
}
_REQUIRING: Final = ("dependentRequired", "dependencies")
_CLASS: Final = re.compile(r"\\[cdDpPsSwW]")
"""What stands for many characters. The library writes out one after the other, and reads all of the pattern anew each
time: 10,000 of them, which are 20 KB, took four minutes."""
_CASELESS: Final = re.compile(r"\(\?[a-zA-Z-]*i")
_WIDE: Final = re.compile(r"\\[DpPSW]|-[^\x00-\x7f]|-\\")
"""What may stand for most of Unicode: of all that other spellings are looked for where case does not matter."""
_OPTIONAL: Final = re.compile("[?*{]")
"""What may be left out: the library looks from each to all behind it that can come next."""
_FANCY: Final = re.compile(r"\(\?<?[=!]|\(\?>|\\[1-9kKG]|[*+?}]\+")
"""What only an engine can match that goes back and forth; all other patterns are matched in one go."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much there is to a value, names included: levels of lists and objects, values, texts, characters in them."""

    levels: int
    values: int
    texts: int
    characters: int
    longest: int
    numbers: Numbers


@dataclass(frozen=True, slots=True)
class Effort:
    """What a schema asks: so many `steps`, and so many patterns that are `retried`, look at one place of a value.

    `comparing` is what it takes besides to compare numbers there. `patterns` are all that it has, each once, by the
    milliseconds that they take to be read.
    """

    steps: int
    comparing: Comparing
    retried: int
    patterns: int

    def on(self, extent: Extent) -> int:
        """The most that it can take to look at a value of that extent, in units of about 0.035 µs."""
        tries = extent.texts * BACKTRACKS // 5 + extent.characters * min(extent.longest, BACKTRACKS) // 32
        return self.steps * extent.values + self.comparing.on(extent.numbers) + self.retried * tries


def extent(value: Any, most: int) -> Extent:
    """That of `value`. Of one with more than `most` levels, or `MOST_VALUES`, the rest is not counted."""
    level, levels, values = [value], 0, 0
    lengths: list[int] = []
    numbers: list[int | float] = []
    while level and levels <= most:
        levels, values = levels + 1, values + len(level)
        if values > MOST_VALUES:
            break
        inner: list[Any] = []
        for each in level:
            if isinstance(each, str):
                lengths.append(len(each))
            elif isinstance(each, dict):
                inner += each.values()
                lengths += map(len, each)
            elif isinstance(each, list):
                inner += each
            elif type(each) is int or type(each) is float:
                numbers.append(each)
        level = inner
    return Extent(levels, values, len(lengths), sum(lengths), max(lengths, default=0), counted(numbers))


def effort(schema: Any) -> Effort:
    """What `schema` asks of whoever looks at a value with it. Raises `ValueError` where that is too much."""
    nodes, said = list(_nodes(schema)), Said()
    compared = {id(node): said.of(node) for node in nodes}
    anchors = _anchors(nodes)

    def worst(weigh: Callable[[Mapping[str, Any]], int]) -> int:
        return _Counting(schema, nodes, anchors, weigh).worst() if any(map(weigh, nodes)) else 0

    counting = _Counting(schema, nodes, anchors, _steps)
    steps = counting.worst()
    comparing = Comparing(
        worst(lambda node: compared[id(node)].whole),
        worst(lambda node: compared[id(node)].fractions),
        worst(lambda node: compared[id(node)].unique),
    )
    most = max(steps, comparing.whole, comparing.fractions, comparing.unique)
    if most > MOST_STEPS or counting.distant > MOST_DISTANT:
        raise ValueError(f"it takes more than {MOST_STEPS} steps to look at a single value with it")
    patterns = sum(map(_reading, {pattern for node in nodes for pattern in _patterns(node)}))
    if patterns > MOST_PATTERNS:
        raise ValueError(f"it has more than {MOST_PATTERNS} patterns, of which {COUNTING_MORE}")
    return Effort(steps, comparing, worst(_retried), patterns)


class _Counting:
    """Counts what looks at one place of a value, by the weight that `weigh` gives to each schema.

    What leads back to a schema that is being counted is not followed: the library remembers what it found there.
    """

    def __init__(
        self,
        root: Any,
        nodes: Sequence[Mapping[str, Any]],
        anchors: Mapping[str, Any],
        weigh: Callable[[Mapping[str, Any]], int],
    ) -> None:
        self.distant = 0
        self._root = root
        self._nodes = nodes
        self._anchors = anchors
        self._weigh = weigh
        self._counts: dict[int, int] = {}

    def worst(self) -> int:
        """The weight of all that looks at one place, by the worst way down from there, whichever schema begins."""
        return max(map(self._of, self._nodes), default=0)

    def _of(self, schema: Any) -> int:
        left = [schema]
        led: dict[int, Sequence[Iterable[Any]]] = {}
        while left:  # rows of references are longer than Python's stack is deep
            node = left[-1]
            if isinstance(node, Mapping) and id(node) not in self._counts:
                self._counts[id(node)] = 0
                groups = led[id(node)] = tuple(self._groups(node))
                left += [inner for group in groups for inner in group if id(inner) not in self._counts]
                continue
            left.pop()
            if id(node) in led:
                inner = sum(max(map(self._known, group), default=0) for group in led.pop(id(node)))
                again = 1 if _ASKING_AGAIN.isdisjoint(node) else 2
                self._counts[id(node)] = min(self._weigh(node) + inner * again, MOST_STEPS + 1)
        return self._known(schema)

    def _known(self, node: Any) -> int:
        return self._counts.get(id(node), 0)

    def _groups(self, node: Mapping[str, Any]) -> Iterator[Iterable[Any]]:
        """The schemas that `node` leads to; of those in one group only one looks at any one place."""
        for keyword, found in node.items():
            if keyword in _REFERENCES and isinstance(found, str):
                yield (self._referred(found),)
            elif keyword in _EACH:
                yield from ((each,) for each in _listed(found))
            elif keyword in _EITHER or (keyword == "items" and isinstance(found, list)):
                yield _listed(found)
            elif keyword in _SINGLE:
                yield (found,)

    def _referred(self, reference: str) -> Any:
        target = resolved({"$ref": reference}, self._root)
        found = target[1] if target else self._anchors.get(reference)
        self.distant += found is None
        return found


def _anchors(nodes: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The schemas that others can lead to by a name; of several with the same one the last."""
    found: dict[str, Any] = {}
    for node in nodes:
        names = [node.get(keyword) for keyword in _ANCHORS]
        found |= {f"#{name.lstrip('#')}": node for name in names if isinstance(name, str)}
    return found


def _steps(node: Mapping[str, Any]) -> int:
    """The schema itself, and what it looks through one by one."""
    choices = node.get("enum")
    choices = choices if isinstance(choices, list) else ()
    is_looked_up = any(all(each is None or type(each) is kind for each in choices) for kind in (str, int))
    named = [node.get(name) for name in _REQUIRING]
    return 1 + (0 if is_looked_up else len(choices)) + sum(len(each) for each in named if isinstance(each, Mapping))


def _patterns(node: Mapping[str, Any]) -> Sequence[str]:
    """Those of the schema itself."""
    own, named = node.get("pattern"), node.get("patternProperties")
    return [each for each in (own, *(named if isinstance(named, Mapping) else ())) if isinstance(each, str)]


def _reading(pattern: str) -> int:
    """How many simple ones it counts for."""
    classes = len(_CLASS.findall(pattern))
    is_caseless = _CASELESS.search(pattern) is not None
    wide = len(_WIDE.findall(pattern)) if is_caseless else 0
    long = len(pattern) // (256 if is_caseless else 512) + len(_OPTIONAL.findall(pattern)) ** 2 // 16384
    return 1 + long + classes * (len(pattern) + 32 * classes) // 4096 + 3 * wide


def _retried(node: Mapping[str, Any]) -> int:
    return sum(_FANCY.search(each) is not None for each in _patterns(node))


def _listed(found: Any) -> Iterable[Any]:
    return found.values() if isinstance(found, Mapping) else found if isinstance(found, list) else ()


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
