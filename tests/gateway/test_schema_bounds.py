from __future__ import annotations

import random
import time
from typing import Any

import orjson
import pytest

from gateway.errors import BadRequest
from gateway.schemas import MOST_BYTES, checker, checks, read_all
from gateway.schemas.reading import DEEPEST, MOST_VALUES
from gateway.schemas.recent import Recent
from kimi.errors import Crowded
from tests.gateway.schemas import TOO_LARGE, WHERE, complaints, refused, ticking

LETTERS = "".join(random.Random(1).choice("ab") for _ in range(600))


def test_a_schema_can_be_too_large_or_too_deep() -> None:
    text, _ = refused({"description": "x" * MOST_BYTES})
    assert str(MOST_BYTES) in text
    deep: dict[str, Any] = {}
    for _ in range(1_000):
        deep = {"items": deep}
    refused(deep)


def test_a_value_can_be_too_deep() -> None:
    value = orjson.loads("[" * 400 + "]" * 400)
    schema = {"$defs": {"list": {"type": "array", "items": {"$ref": "#/$defs/list"}}}, "$ref": "#/$defs/list"}
    assert complaints(schema, value) == (f"$: this is nested more than {DEEPEST} levels deep",)
    assert complaints(schema, value[0]) != () and complaints(schema, [[[]]]) == ()


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"anyOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"not": {"$ref": "#/$defs/b"}}, "b": {"$ref": "#/$defs/a"}}},
        {"$dynamicRef": "#a", "$dynamicAnchor": "a"},
        {"unevaluatedProperties": False, "allOf": [{"$ref": "#"}]},
    ],
)
def test_a_schema_that_goes_round_in_circles_ends(schema: dict[str, Any]) -> None:
    try:
        asked = checker(schema, WHERE)
    except BadRequest:
        return
    asked.complaints({"a": [1, {"b": 2}]})


def test_a_long_row_of_references_is_followed_to_its_end() -> None:
    row = {f"a{n}": {"$ref": f"#/$defs/a{n + 1}"} for n in range(6_000)}
    asked = checker({"$ref": "#/$defs/a0", "$defs": {**row, "a6000": {"type": "integer"}}}, WHERE)
    assert asked.fits(1) and not asked.fits("x")


def test_schemas_that_lead_back_to_themselves_are_not_taken_for_such() -> None:
    node = {"$ref": "#/$defs/node"}
    kinds = [{"properties": {"kind": {"const": kind}, "left": node, "right": node}} for kind in "abcdefghijkl"]
    tree = {"$ref": "#/$defs/node", "$defs": {"node": {"anyOf": [*kinds, {"type": "null"}]}}}
    value: Any = None
    for _ in range(10):
        value = {"kind": "c", "left": value, "right": None}
    assert complaints(tree, value) == ()


def doubling(*, last: dict[str, Any], named: bool = False) -> dict[str, Any]:
    """A schema whose references double with every level of a value, and at one level too; by paths or by names."""
    to = [f"https://schema.example/a{n}" if named else f"#/$defs/{n}" for n in range(61)]
    defs = [{"allOf": [{"items": {"$ref": each}}, {"$ref": each}]} for each in to[1:]] + [last]
    if named:
        defs = [{"$id": name, **each} for name, each in zip(to, defs, strict=True)]
    return {"$ref": to[0], "$defs": {str(n): each for n, each in enumerate(defs)}}


def branching(depth: int) -> dict[str, Any]:
    """A schema that asks at every level anew what was not looked at below."""
    schema: dict[str, Any] = {"type": "integer"}
    for n in range(depth):
        schema = {"unevaluatedProperties": False, "anyOf": [schema, {"required": [f"a{n}"]}]}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        doubling(last={"type": "integer"}),
        doubling(last={"type": "integer"}, named=True),
        doubling(last={"items": {"$ref": "#"}}),
        branching(20),
        branching(60),
    ],
)
def test_references_and_alternatives_that_double_end_soon(schema: dict[str, Any]) -> None:
    asked = checker(schema, WHERE)
    began = time.monotonic()
    assert asked.fits(1)
    asked.complaints(orjson.loads("[" * 60 + "]" * 60))
    asked.complaints({"a": 1})
    assert time.monotonic() - began < 10


def shaped(number: int) -> list[Any]:
    """Lists in lists, like no other number's."""
    found: list[Any] = []
    for bit in f"{number:b}":
        found = [found] if bit == "0" else [found, []]
    return found


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"properties": {"a": {"pattern": "(?=(?:[ab]{1,200}){1,40}[cd])a"}}}, {"a": LETTERS}),
        ({"not": {"anyOf": [{"pattern": "([ab]{1,200}){1,40}[cd]"}] * 6_000}}, LETTERS[:300]),
        ({"pattern": "(?:[ab]{1,200}){1,40}[cd]"}, LETTERS * 170),
        ({"allOf": [{"uniqueItems": True}] * 180}, [*map(shaped, range(1_000))]),
        (
            {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "allOf": [{"contentMediaType": "application/json"}] * 5_000,
            },
            orjson.dumps([1] * 100_000).decode(),
        ),
        ({"items": {"enum": [{"n": n} for n in range(4_000)]}}, [{"n": 3_999}] * 9_000),
    ],
)
def test_a_check_that_takes_too_long_is_ended_while_others_have_their_turn(schema: dict[str, Any], value: Any) -> None:
    asked = checker(schema, WHERE)
    began = time.monotonic()
    with ticking() as ticks:
        assert asked.complaints(value) == (TOO_LARGE,)
    assert len(ticks) > 10
    assert not asked.fits(value) and not asked.fits(1), "nor are others of the same answer looked at"
    assert time.monotonic() - began < 10
    assert complaints({"type": "integer"}, 1) == ()


@pytest.mark.parametrize("pattern", [r"\S" * 10_000, "(?i:[!-\uffff])" * 10_000, "a?" * 125_000])
def test_a_schema_that_takes_too_long_to_be_read_is_refused_at_once_from_then_on(pattern: str) -> None:
    with ticking() as ticks:
        assert refused({"pattern": pattern}) == ("This JSON schema takes too long to be read.", WHERE)
    assert len(ticks) > 10
    assert checks.process is None
    refused({"pattern": pattern})
    assert checks.process is None, "nobody was asked"


def test_a_value_can_be_too_large_for_any_schema() -> None:
    assert complaints({}, [1] * (MOST_VALUES - 1)) == ()
    for value in ([1] * MOST_VALUES, [[1] * 300] * 300, {str(n): [n] for n in range(15_000)}):
        assert complaints({}, value) == ("$: this has more than 20,000 values",)
        assert not checker({}, WHERE).fits(value)


def test_large_values_have_their_say_where_a_schema_asks_little() -> None:
    rows = [{"name": f"Ada {n}", "mail": "ada@example.org"} for n in range(2_000)]
    schema = {"items": {"properties": {"name": {"type": "string"}, "mail": {"pattern": "^(?!.*[.]{2}).+@.+$"}}}}
    assert complaints(schema, rows) == ()
    assert complaints(schema, [*rows, {"name": 1}]) == ('$[2000].name: this is not of type "string"',)


CODES = [f"C{n:03}" for n in range(250)]
PLAN = [
    {"properties": {"a": {"const": n}, "b": {"anyOf": [{"properties": {"c": {"const": m}}} for m in range(6)]}}}
    for n in range(12)
]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"enum": [*CODES, None]}, "C249"),
        ({"oneOf": [{"const": code} for code in CODES]}, "C249"),
        ({"anyOf": PLAN}, {"a": 11, "b": {"c": 5}}),
        ({"type": "integer", "minimum": 1 - 2**53, "maximum": 2**53 - 1}, 7),
        ({"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}, 2**62 + 1),
        ({"properties": {"id": {"type": "integer"}, "state": {"enum": [0, 1, 2]}}}, {"id": 2**62 + 1, "state": 2}),
        ({"type": "number", "minimum": 0.0, "maximum": 1.0, "multipleOf": 0.01}, 0.25),
        ({"pattern": r"^\p{L}[\p{L}\p{N} .'-]{0,99}$"}, "Ada Lovelace"),
        ({"pattern": "^.{1,2000}$"}, "Ada Lovelace"),
    ],
)
def test_hundreds_of_rows_have_their_say_by_the_schemas_of_everyday(schema: dict[str, Any], value: Any) -> None:
    assert complaints({"items": schema}, [value] * 700) == ()


def test_hundreds_of_large_numbers_can_be_all_different() -> None:
    ids = [1_732_300_000_000_000_000 + n for n in range(500)]
    assert complaints({"uniqueItems": True, "items": {"type": "integer"}}, ids) == ()
    assert complaints({"uniqueItems": True}, [*ids, ids[0]]) == ("$: this has non-unique elements",)


@pytest.mark.parametrize(
    "schema",
    [
        {
            "properties": {f"q{n}": {"$ref": "#/$defs/b"} for n in range(3_000)},
            "$defs": {"b": {"properties": {f"p{n}": {"type": "string"} for n in range(3_000)}}},
        },
        {"properties": {f"q{n}": {"$ref": "#"} for n in range(6_000)}},
    ],
)
def test_references_to_something_large_cost_no_more_than_it(schema: dict[str, Any]) -> None:
    began = time.monotonic()
    assert complaints(schema, {"q1": {}}) == ()
    assert complaints({**schema, "type": "array"}, {f"q{n}": {"p1": 1} for n in range(3_000)}) != ()
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "pattern",
    [
        r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$",
        r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        r"^[^\s@]+@[^\s@]+\.[^\s@]+$",
        r"(?i)^\s*(?:\+?\d{1,3})?[-. (]*\d{3}[-. )]*\d{3}[-. ]*\d{4}$",
    ],
)
def test_many_fields_can_have_the_patterns_of_everyday(pattern: str) -> None:
    assert complaints({"properties": {str(n): {"pattern": f"{pattern}|{n}"} for n in range(100)}}, {"7": "7"}) == ()


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "^(?=(a+)+$)a+$", r"^((a+)\2?)+$"])
def test_a_pattern_that_takes_for_ever_does_not_match(pattern: str) -> None:
    assert complaints({"pattern": pattern}, "a" * 40 + "!") != ()
    assert complaints({"patternProperties": {pattern: {}}, "required": ["b"]}, {"a" * 40 + "!": 1}) != ()


def test_what_was_not_used_for_longest_is_forgotten_first() -> None:
    recent: Recent[str] = Recent(2)
    recent.keep(b"a", "A")
    recent.keep(b"b", "B")
    assert recent.get(b"a") == "A"
    recent.keep(b"c", "C")
    assert [recent.get(name) for name in (b"a", b"b", b"c")] == ["A", None, "C"]
    recent.keep(b"a", "AA")
    recent.keep(b"d", "D")
    assert [recent.get(name) for name in (b"a", b"c", b"d")] == ["AA", None, "D"]


def test_the_schemas_of_one_request_have_no_more_time_than_one_of_them() -> None:
    schemas = [({"type": "object"}, "tools[0]"), ({"type": "strng"}, "tools[1]")]
    with pytest.raises(BadRequest) as refusal:
        read_all(schemas)
    assert refusal.value.param == "tools[1].type"
    with pytest.raises(Crowded):
        read_all(schemas, patience=-1)


def test_any_number_of_large_schemas_is_read() -> None:
    """Those of earlier clients take no room from later ones."""
    for number in range(120):
        assert checker({"enum": [f"{number} {each}" for each in range(20_000)]}, WHERE).fits(f"{number} 19999")
