from __future__ import annotations

import time
from contextlib import closing
from typing import Any

import gevent
import orjson
import pytest

from gateway.errors import BadRequest
from gateway.schemas import DEEPEST, MOST_BYTES, checker
from gateway.schemas.bounds import MOST_PATTERNS, MOST_VALUES
from gateway.schemas.recent import Recent
from tests.gateway.schemas import WHERE, complaints, refused


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


def test_references_that_double_again_and_again_are_refused() -> None:
    doubling = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(40)}
    text, param = refused({"$ref": "#/$defs/a0", "$defs": {**doubling, "a40": {"type": "integer"}}})
    assert "steps" in text and param == WHERE


def test_a_long_row_of_references_is_followed_to_its_end() -> None:
    row = {f"a{n}": {"$ref": f"#/$defs/a{n + 1}"} for n in range(6_000)}
    assert complaints({"$ref": "#/$defs/a0", "$defs": {**row, "a6000": {"type": "integer"}}}, "x") != ()


@pytest.mark.parametrize(
    ("anchor", "reference"), [("$anchor", "$ref"), ("$dynamicAnchor", "$dynamicRef"), ("$id", "$ref")]
)
def test_references_by_other_names_are_no_way_around_that(anchor: str, reference: str) -> None:
    sign = "https://schema.example/" if anchor == "$id" else ""
    mark = "" if sign else "#"
    doubling = [
        {anchor: f"{sign}a{n}", "allOf": [{reference: f"{sign}{mark}a{n + 1}"}] * 2, "type": "integer"}
        for n in range(40)
    ]
    defs = {str(n): each for n, each in enumerate([*doubling, {anchor: f"{sign}a40", "type": "integer"}])}
    text, _ = refused({reference: f"{sign}{mark}a0", "$defs": defs})
    assert "steps" in text


@pytest.mark.parametrize("last", [{"type": "integer"}, {"items": {"$ref": "#/$defs/a0"}}, {"items": {"$ref": "#"}}])
def test_references_that_double_with_each_level_of_a_value_are_refused(last: dict[str, Any]) -> None:
    """The library looks at `[[[[...]]]]` once for each way that leads there."""
    doubling = {
        f"a{n}": {"allOf": [{"items": {"$ref": f"#/$defs/a{n + 1}"}}, {"items": {"$ref": f"#/$defs/a{n + 1}"}}]}
        for n in range(40)
    }
    text, _ = refused({"$ref": "#/$defs/a0", "$defs": {**doubling, "a40": last}})
    assert "steps" in text


def test_alternatives_that_ask_again_what_was_not_looked_at_are_refused() -> None:
    again: dict[str, Any] = {"type": "integer"}
    for n in range(20):
        again = {"unevaluatedProperties": False, "anyOf": [again, {"required": [f"a{n}"]}]}
    refused(again)


def test_schemas_that_lead_back_to_themselves_are_not_taken_for_such() -> None:
    node = {"$ref": "#/$defs/node"}
    kinds = [{"properties": {"kind": {"const": kind}, "left": node, "right": node}} for kind in "abcdefghijkl"]
    tree = {"$ref": "#/$defs/node", "$defs": {"node": {"anyOf": [*kinds, {"type": "null"}]}}}
    value: Any = None
    for _ in range(10):
        value = {"kind": "c", "left": value, "right": None}
    assert complaints(tree, value) == ()


ODD = [{"n": n} for n in range(4_000)]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"items": {"anyOf": [{"const": n} for n in range(4_900)]}}, [4_899] * 10_000),
        ({"items": {"enum": ODD}}, ODD[-1:] * 5_000),
        ({"items": {"anyOf": [{"enum": [*range(19_000)]}, {}]}}, [1.5] * 1_900),
        ({"items": {"enum": [1e-300 * n for n in range(1, 1_200)]}}, [1e-300] * 100),
        ({"items": {"enum": [{"n": n + 0.5} for n in range(3_000)]}}, [{"n": 1.5}] * 100),
        ({"items": {"anyOf": [{"enum": [*range(2**63, 2**63 + 5_000)]}, {}]}}, [2**63 + 9_999] * 2_000),
        ({"items": {"anyOf": [{"multipleOf": 7e-300}, {}]}}, [1.2345e300] * 2_000),
        ({"items": {"anyOf": [{"minimum": 0.5}, {}]}}, [1e-300] * 2_000),
        ({"uniqueItems": True}, [*range(2**63, 2**63 + 6_000)]),
        ({"items": {"uniqueItems": True}}, [[1e-300 * n for n in range(1, 16)]] * 100),
        ({"pattern": "(?=(a+)b)a+c"}, "a" * 200_000),
        ({"items": {"anyOf": [{"pattern": rf"^((a+)\2?)+{n}$"} for n in range(200)]}}, ["a" * 40 + "!"] * 1_000),
    ],
)
def test_a_value_can_be_too_large_for_a_schema(schema: dict[str, Any], value: Any) -> None:
    began = time.monotonic()
    assert complaints(schema, value) == ("$: this is too large for a schema with so many cases",)
    assert not checker(schema, WHERE).fits(value)
    assert time.monotonic() - began < 2


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
    ],
)
def test_hundreds_of_rows_have_their_say_by_the_schemas_of_everyday(schema: dict[str, Any], value: Any) -> None:
    assert complaints({"items": schema}, [value] * 700) == ()


def test_numbers_inside_of_numbers_are_counted_in_no_time() -> None:
    inside: Any = [0.5] * 15_000
    for _ in range(200):
        inside = {"const": inside}
    began = time.monotonic()
    assert complaints(inside, 1) != ()
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("pattern", ["a?" * 125_000, "(?i)" + "k" * 250_000, "a*" * 32_000, "a?" * 2_100])
def test_a_long_pattern_counts_for_many(pattern: str) -> None:
    """Which took seconds to be read."""
    text, _ = refused({"pattern": pattern})
    assert f"more than {MOST_PATTERNS} patterns" in text


def test_many_patterns_of_what_may_be_left_out_count_for_more() -> None:
    assert complaints({"pattern": "a?" * 400}, "") == ()
    refused({"anyOf": [{"pattern": f"{'a?' * 450}{n}"} for n in range(250)]})


@pytest.mark.parametrize("pattern", ["^.{1,2000}$", r"^[\s\S]{1,4000}$", "("])
def test_a_pattern_may_count_too_far(pattern: str) -> None:
    text, param = refused({"pattern": pattern})
    assert "or one that counts too far" in text and param.endswith(".pattern")


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
    assert time.monotonic() - began < 4


def test_a_schema_can_have_too_many_patterns() -> None:
    many = {f"(?!a)[a-z]{{1,15}}{n}": {"pattern": f"^a{n}"} for n in range(MOST_PATTERNS // 2)}
    assert complaints({"patternProperties": many}, {}) == ()
    assert complaints({"anyOf": [{"pattern": "^a$"}] * (MOST_PATTERNS + 1)}, "a") == (), "the same one counts once"
    text, _ = refused({"patternProperties": many, "pattern": "one more"})
    assert "patterns" in text


def test_many_patterns_cannot_count_far() -> None:
    """Each of these is read as 8,100 letters."""
    far = [{"pattern": f"^((a{{1,30}}){{1,30}}){{1,9}}{n}$"} for n in range(MOST_PATTERNS)]
    near = [{"pattern": rf"^[\w.-]{{1,64}}@(\w{{1,30}}\.){{1,3}}{n}$"} for n in range(MOST_PATTERNS)]
    assert complaints({"anyOf": far[:32]}, "a3") == complaints({"anyOf": near}, "a@b.3") == ()
    refused({"anyOf": far})


@pytest.mark.parametrize(
    "unit", [r"\s", r"\S{0}", r"[\w.-]", r"\p{L}", r"\cA", "(?i:[!-\uffff])", r"(?i:[\u0100-\uffff])", r"(?i:[a\S])"]
)
def test_patterns_cannot_have_any_number_of_classes(unit: str) -> None:
    """Which took minutes to be read."""
    began = time.monotonic()
    assert complaints({"pattern": unit * 20}, 1) == ()
    text, _ = refused({"pattern": unit * 10_000})
    assert "patterns" in text
    text, _ = refused({"anyOf": [{"pattern": f"{unit * 20}{n}"} for n in range(MOST_PATTERNS)]})
    assert "patterns" in text
    assert time.monotonic() - began < 5


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


def test_others_have_their_turn_between_the_patterns_of_many_tools() -> None:
    tools = [{"pattern": f"^a{{1,500}}{n}$"} for n in range(3)]
    turns: list[bool] = []
    with closing(gevent.get_hub().loop.timer(0.0001, 0.0001)) as other:
        other.start(lambda: turns.append(True))
        for tool in tools:
            checker(tool, WHERE)
        assert len(turns) >= len(tools)
        known = len(turns)
        for tool in tools:
            checker(tool, WHERE)
        assert len(turns) == known, "those that are known are read no more"


@pytest.mark.parametrize(("rows", "is_much"), [(10, False), (2_000, True)])
def test_others_have_their_turn_before_much_is_asked_of_a_value(rows: int, *, is_much: bool) -> None:
    asked = checker({"items": {"anyOf": [{"const": n} for n in range(100)]}}, WHERE)
    loop = gevent.get_hub().loop
    before = loop.iteration
    assert asked.complaints([99] * rows) == ()
    assert (loop.iteration > before) is is_much


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "^(?=(a+)+$)a+$", r"^((a+)\2?)+$"])
def test_a_pattern_that_takes_for_ever_does_not_match(pattern: str) -> None:
    assert complaints({"pattern": pattern}, "a" * 40 + "!") != ()
    assert complaints({"patternProperties": {pattern: {}}, "required": ["b"]}, {"a" * 40 + "!": 1}) != ()


def test_what_was_not_used_for_longest_is_forgotten_first() -> None:
    recent: Recent[str] = Recent(10)
    recent.keep(b"a", "A", 4)
    recent.keep(b"b", "B", 4)
    assert recent.get(b"a") == "A"
    recent.keep(b"c", "C", 4)
    assert [recent.get(name) for name in (b"a", b"b", b"c")] == ["A", None, "C"]
    recent.keep(b"d", "D", 11)
    assert [recent.get(name) for name in (b"a", b"c", b"d")] == [None, None, None]
