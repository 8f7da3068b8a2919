"""What of a value does not fit a schema, found step by step.

At each step only what does not fit is looked into, and of alternatives only the one that comes closest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypedDict
from urllib.parse import quote

from jsonschema_rs import FancyRegexOptions, ReferencingError, Registry, ValidationError, validator_for

from gateway.validator.pointers import ROOT, beneath, resolved

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME: Final = "urn:gateway:schema"
_LOOKED_INTO: Final = frozenset(
    {
        *("$ref", "$dynamicRef", "$recursiveRef", "$defs", "definitions", "$id", "id", "$anchor", "$dynamicAnchor"),
        *("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies"),
        *("properties", "patternProperties", "additionalProperties", "propertyNames", "unevaluatedProperties"),
        *("items", "prefixItems", "additionalItems", "contains", "unevaluatedItems"),
    }
)
"""Keywords that hold schemas. All others can be tried by themselves."""


class Options(TypedDict):
    """How the library compiles."""

    validate_formats: bool
    retriever: Callable[[str], Any]
    mask: str
    pattern_options: FancyRegexOptions


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at one place of a value."""

    path: tuple[str | int, ...]
    says: str


@dataclass(frozen=True, slots=True)
class _Step:
    """A schema at `place`, and the value that it looks at."""

    place: str
    node: Any
    value: Any
    path: tuple[str | int, ...]

    def same(self, *steps: str | int, node: Any) -> _Step:
        """A schema inside of this one that looks at the same value."""
        return _Step(beneath(self.place, *steps), node, self.value, self.path)

    def inner(self, key: str | int, *steps: str | int, node: Any) -> _Step:
        """One that looks at what is there under `key`."""
        return _Step(beneath(self.place, *steps), node, self.value[key], (*self.path, key))


class Faults:
    """Looks for what is wrong with values by one schema."""

    __slots__ = ("_options", "_schema", "_whole")

    def __init__(self, schema: Any, options: Options) -> None:
        """Raises what the library raises of a schema that is none."""
        self._schema = schema
        self._options = options
        self._whole = validator_for(schema, **options)

    def fits(self, value: Any) -> bool:
        """Whether nothing is wrong with it."""
        try:
            return self._whole.is_valid(value)
        except UnicodeEncodeError:  # half of a surrogate pair, which the library cannot read
            return False

    def of(self, value: Any) -> Iterator[Fault]:
        """What is wrong with it, as far as that can be said of single places."""
        # The library takes some schemas as a whole, such as those of an empty `$schema`, and not by their parts.
        with suppress(ReferencingError, ValueError):
            yield from _Search(self._schema, self._options).faults(value)


class _Search:
    """One search for what is wrong with one value. What it compiles for that is forgotten behind it."""

    def __init__(self, schema: Any, options: Options) -> None:
        self._schema = schema
        self._options = options
        self._dialect = {"$schema": schema["$schema"]} if isinstance(schema, dict) and "$schema" in schema else {}
        self._all = Registry([(_NAME, schema)], retriever=options["retriever"])
        self._compiled: dict[str, Any] = {}

    def faults(self, value: Any) -> Iterator[Fault]:
        """See `Faults.of`. Raises what the library raises of a part that it does not take."""
        left: deque[Iterable[_Step]] = deque([[_Step(ROOT, self._schema, value, ())]])
        seen = set()
        while left:
            for step in left.popleft():  # which is not looked for before somebody wants to hear of it
                if (step.place, step.path) in seen:  # references may lead back
                    continue
                seen.add((step.place, step.path))
                if step.node is False:
                    yield Fault(step.path, "there must be nothing here")
                if isinstance(step.node, Mapping):
                    yield from self._own(step)
                    left.append(each for each in self._further(step) if not self._fits(each))

    def _own(self, step: _Step) -> Iterator[Fault]:
        """What the keywords say that hold no schemas."""
        alone = {name: value for name, value in step.node.items() if name not in _LOOKED_INTO}
        if step.node.get("additionalProperties") is False:
            alone["additionalProperties"] = False
            for names in ("properties", "patternProperties"):
                known = step.node.get(names)
                alone[names] = dict.fromkeys(known, True) if isinstance(known, Mapping) else {}
        for error in validator_for({**self._dialect, **alone}, **self._options).iter_errors(step.value):
            yield Fault(step.path, error.message)
        forbidden = step.node.get("not")
        if forbidden is not None and self._fits(step.same("not", node=forbidden)):
            yield Fault(step.path, "this is what `not` rules out")
        if sum(map(self._fits, _branches(step, "oneOf"))) > 1:
            yield Fault(step.path, "this fits more than one of `oneOf`")

    def _further(self, step: _Step) -> Iterator[_Step]:
        """The schemas inside of this one that the value, or what is in it, has to fit."""
        yield from self._beside(step)
        for name in ("anyOf", "oneOf"):
            branches = _branches(step, name)
            if branches and not any(map(self._fits, branches)):
                yield min(branches, key=self._distance)
        yield from self._inside(step)

    def _distance(self, step: _Step) -> int:
        """How much is wrong with it at the first glance."""
        target = resolved(step.node, self._schema) if isinstance(step.node, Mapping) else None
        step = step if target is None else _Step(*target, step.value, step.path)
        if not isinstance(step.node, Mapping):
            return 1
        further = (*self._beside(step), *self._inside(step))
        return sum(1 for _ in self._own(step)) + sum(not self._fits(each) for each in further)

    def _beside(self, step: _Step) -> Iterator[_Step]:
        """Further schemas that the value has to fit."""
        for number, node in enumerate(step.node.get("allOf") or ()):
            yield step.same("allOf", number, node=node)
        target = resolved(step.node, self._schema)
        if target is not None and target[0] != step.place:
            yield _Step(*target, step.value, step.path)
        if "if" in step.node:
            name = "then" if self._fits(step.same("if", node=step.node["if"])) else "else"
            if name in step.node:
                yield step.same(name, node=step.node[name])

    def _inside(self, step: _Step) -> Iterator[_Step]:
        """The schemas for what is in an object or a list."""
        if isinstance(step.value, dict):
            yield from self._in_object(step)
        elif isinstance(step.value, list):
            yield from _in_list(step)

    def _in_object(self, step: _Step) -> Iterator[_Step]:
        named, patterns = (step.node.get(name) or {} for name in ("properties", "patternProperties"))
        others = step.node.get("additionalProperties")
        for key in step.value:
            matching = [pattern for pattern in patterns if self._matches(pattern, key)]
            if key in named:
                yield step.inner(key, "properties", key, node=named[key])
            for pattern in matching:
                yield step.inner(key, "patternProperties", pattern, node=patterns[pattern])
            if key not in named and not matching and isinstance(others, Mapping):
                yield step.inner(key, "additionalProperties", node=others)

    def _matches(self, pattern: str, key: str) -> bool:
        return bool(self._validator(pattern, {"pattern": pattern}).is_valid(key))

    def _fits(self, step: _Step) -> bool:
        """Where nobody knows it counts as fitting: nothing can be said of it."""
        place = f"{_NAME}{quote(step.place, safe='#/~')}"
        try:
            return bool(self._validator(place, {"$ref": place}).is_valid(step.value))
        except (ReferencingError, ValidationError):
            return True

    def _validator(self, name: str, schema: Mapping[str, Any]) -> Any:
        """The one of that name, for `schema`, which may refer to all of the one that is searched."""
        found = self._compiled.get(name)
        if found is None:
            found = validator_for({**self._dialect, **schema}, registry=self._all, **self._options)
            self._compiled[name] = found
        return found


def _branches(step: _Step, name: str) -> list[_Step]:
    return [step.same(name, number, node=node) for number, node in enumerate(step.node.get(name) or ())]


def _in_list(step: _Step) -> Iterator[_Step]:
    node, length = step.node, len(step.value)
    items = node.get("items")
    name = "items" if isinstance(items, list) else "prefixItems"  # which it is called since 2020
    first = (node.get(name) or [])[:length]
    yield from (step.inner(at, name, at, node=each) for at, each in enumerate(first))
    if items is not None and not isinstance(items, list):
        yield from (step.inner(at, "items", node=items) for at in range(len(first), length))
