"""The fields of a schema as rows of a table for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.openapi_words import READS

_DEEPEST: Final = 4
_WORDS: Final = {"object": "object", "array": "list", "integer": "integer", "number": "number", "string": "text"}
_FLAG: Final = ["boolean", "string", "integer", "null"]
_SHOWN: Final = 9  # values of an enumeration


@dataclass(frozen=True, slots=True)
class Field:
    """One row: where the field stands, what it can be, and what it is for."""

    path: str
    kind: str
    needed: bool
    says: str
    deprecated: bool = False

    @property
    def around(self) -> list[str]:
        """The names of the fields around it."""
        return self.path.split(".")[:-1]

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rsplit(".", 1)[-1]


class Fields:
    """Reads the schemas of one document."""

    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self._schemas = schemas

    def rows(self, schema: Mapping[str, Any], before: str = "") -> list[Field]:
        """A row for every field of an object, those inside of it below it."""
        return list(self._rows(schema, before, 0))

    def _rows(self, schema: Mapping[str, Any], before: str, depth: int) -> Iterator[Field]:
        objects = list(self._objects(schema))
        for name, variants in _merged(objects).items():
            field = variants[0]
            yield Field(
                path=f"{before}{name}",
                kind=self._kind_of_all(variants),
                needed=all(name in each.get("required", ()) for each in objects),
                says=str(self._plain(field).get("description", "")),
                deprecated=bool(field.get("deprecated")),
            )
            if depth < _DEEPEST:
                yield from self._inside(field, f"{before}{name}", depth)

    def _inside(self, field: Mapping[str, Any], path: str, depth: int) -> Iterator[Field]:
        for each in self._variants(field):
            mark = "[]" if "items" in each else ""
            yield from self._rows(each.get("items", each), f"{path}{mark}.", depth + 1)

    def _objects(self, schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """All objects that a schema can be."""
        return (each for each in self._variants(schema) if "properties" in each)

    def _variants(self, schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        schema = self._plain(schema)
        for each in schema.get("anyOf", [schema]):
            plain = self._plain(each)
            yield from self._variants(plain) if "anyOf" in plain else [plain]

    def _plain(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        found: Mapping[str, Any] = schema
        while "$ref" in found:
            found = {**self._schemas[found["$ref"].rsplit("/", 1)[-1]], **_without_ref(found)}
        return found

    def _kind_of_all(self, variants: Sequence[Mapping[str, Any]]) -> str:
        values = [value for each in variants for value in self._plain(each).get("enum", ())]
        return _values(values) if values else self._kind(variants[0])

    def _kind(self, schema: Mapping[str, Any]) -> str:
        kinds = dict.fromkeys(kind for each in self._variants(schema) for kind in self._simple(each))
        return " or ".join(kinds) or "any"

    def _simple(self, schema: Mapping[str, Any]) -> list[str]:
        if READS in schema:
            return [str(schema[READS])]
        if "const" in schema:
            return [_values([schema["const"]])]
        if "enum" in schema:
            return [_values(schema["enum"])]
        given = schema.get("type", [])
        if given in (_FLAG, "boolean"):
            return ["true or false"]
        kinds = [given] if isinstance(given, str) else given
        if "items" in schema:
            return [f"list of {self._kind(schema['items'])}"]
        return [_WORDS[kind] for kind in kinds if kind in _WORDS]


def _merged(objects: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """The fields of several objects by name."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for each in objects:
        for name, field in each["properties"].items():
            found.setdefault(name, []).append(field)
    return found


def _values(values: Sequence[Any]) -> str:
    """Some values in words; null and the empty text go without saying beside others."""
    told = [
        f"`{str(value).lower() if isinstance(value, bool) else value}`" for value in values if value not in (None, "")
    ]
    told = list(dict.fromkeys(told))
    return ", ".join(told[:_SHOWN]) if told else "nothing"


def _without_ref(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in schema.items() if name != "$ref"}
