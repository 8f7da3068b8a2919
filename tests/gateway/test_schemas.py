from __future__ import annotations

import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import FancyRegexOptions, validator_for

from gateway.errors import BadRequest
from gateway.schemas import DEEPEST, MOST_BYTES, MOST_COMPLAINTS, checker
from gateway.schemas.bounds import MOST_PATTERNS
from gateway.schemas.faults import Faults, Options
from gateway.schemas.recent import Recent

WHERE = "response_format.json_schema.schema"
PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 0},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
        "friend": {"$ref": "#/$defs/friend"},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
    "$defs": {"friend": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}},
}


def complaints(schema: dict[str, Any], value: Any) -> tuple[str, ...]:
    return checker(schema, WHERE).complaints(value)


def refused(schema: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(BadRequest) as caught:
        checker(schema, WHERE)
    assert caught.value.code == "invalid_schema"
    return str(caught.value), caught.value.param or ""


@pytest.mark.parametrize(
    "value",
    [
        {"name": "Ada", "age": 36},
        {"name": "Ada", "age": 36.0, "tags": [], "friend": None},
        {"name": "Ada", "age": 2**70, "friend": {"name": "Bob", "age": 0, "friend": None}},
    ],
)
def test_what_fits(value: Any) -> None:
    assert complaints(PERSON, value) == ()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], ('$: this is not of type "object"',)),
        ({"age": 1}, ('$: "name" is a required property',)),
        ({"name": "Ada", "age": "old"}, ('$.age: this is not of type "integer"',)),
        ({"name": "Ada", "age": -1}, ("$.age: this is less than the minimum of 0",)),
        ({"name": "Ada", "age": 1, "tags": ["a", "z"]}, ('$.tags[1]: this is not one of "a" or "b"',)),
        ({"name": "Ada", "age": 1, "x": 1}, ("$: Additional properties are not allowed ('x' was unexpected)",)),
    ],
)
def test_what_does_not_fit_is_told_in_a_sentence_with_its_place(value: Any, said: tuple[str, ...]) -> None:
    assert complaints(PERSON, value) == said


def test_of_alternatives_the_one_that_comes_closest_is_told() -> None:
    friend = {"name": "Bob", "age": "young"}
    assert complaints(PERSON, {"name": "Ada", "age": 1, "friend": friend}) == (
        '$.friend.age: this is not of type "integer"',
    )


def test_all_that_is_wrong_is_told_at_once_but_not_without_end() -> None:
    assert len(complaints(PERSON, {"name": 1, "age": "x", "tags": 3})) == 3
    assert len(complaints({"items": {"type": "string"}}, list(range(1_000)))) == MOST_COMPLAINTS


def test_sentences_are_short_and_do_not_repeat_the_value() -> None:
    long = {"enum": [f"choice {number}" for number in range(1_000)]}
    (said,) = complaints(long, "secret" * 1_000)
    assert len(said) < 300 and "secret" not in said


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ({"type": "strng"}, ".type"),
        ({"properties": {"a": {"type": "object", "required": "b"}}}, ".properties.a.required"),
        ({"properties": {"a": {"pattern": "(("}}}, ".properties.a.pattern"),
        ({"anyOf": []}, ".anyOf"),
    ],
)
def test_a_broken_schema_is_refused_with_its_place(schema: dict[str, Any], where: str) -> None:
    text, param = refused(schema)
    assert param == f"{WHERE}{where}"
    assert text.startswith("This is no valid JSON schema")


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/missing"},
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"properties": {"a": {"$ref": "https://schema.example/a.json#/b"}}},
        {"$ref": "file:///etc/passwd"},
        {"$ref": "other.json"},
        {"$schema": "https://schema.example/my-own-dialect"},
    ],
)
def test_nothing_outside_of_a_schema_is_ever_looked_up(schema: dict[str, Any]) -> None:
    text, param = refused(schema)
    assert param.startswith(WHERE)
    assert "root" not in text


def test_a_word_that_harms_channels_is_not_repeated() -> None:
    text, _ = refused({"properties": {"a": {"$ref": "#/$defs/balance"}}})
    assert text == "This is no valid JSON schema."


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
        ({"items": {"anyOf": [{"const": n} for n in range(4_900)]}}, [4_899] * 20_000),
        ({"items": {"enum": ODD}}, ODD[-1:] * 20_000),
        ({"pattern": "(?=(a+)b)a+c"}, "a" * 200_000),
        ({"items": {"anyOf": [{"pattern": rf"^((a+)\2?)+{n}$"} for n in range(200)]}}, ["a" * 40 + "!"] * 1_000),
    ],
)
def test_a_value_can_be_too_large_for_a_schema(schema: dict[str, Any], value: Any) -> None:
    began = time.monotonic()
    assert complaints(schema, value) == ("$: this is too large for a schema with so many cases",)
    assert not checker(schema, WHERE).fits(value)
    assert time.monotonic() - began < 2


def test_large_values_have_their_say_where_a_schema_asks_little() -> None:
    rows = [{"name": f"Ada {n}", "mail": "ada@example.org"} for n in range(2_000)]
    schema = {"items": {"properties": {"name": {"type": "string"}, "mail": {"pattern": "^(?!.*[.]{2}).+@.+$"}}}}
    assert complaints(schema, rows) == ()
    assert complaints(schema, [*rows, {"name": 1}]) == ('$[2000].name: this is not of type "string"',)


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
    many = {f"(?!a)\\w{{1,15}}{n}": {"pattern": "^a"} for n in range(MOST_PATTERNS // 2)}
    assert complaints({"patternProperties": many}, {}) == ()
    text, _ = refused({"patternProperties": many, "pattern": "one more"})
    assert "patterns" in text


def test_what_was_not_used_for_longest_is_forgotten_first() -> None:
    recent: Recent[str] = Recent(10)
    recent.keep(b"a", "A", 4)
    recent.keep(b"b", "B", 4)
    assert recent.get(b"a") == "A"
    recent.keep(b"c", "C", 4)
    assert [recent.get(name) for name in (b"a", b"b", b"c")] == ["A", None, "C"]
    recent.keep(b"d", "D", 11)
    assert [recent.get(name) for name in (b"a", b"c", b"d")] == [None, None, None]


def test_names_in_a_place_are_cut_short() -> None:
    (said,) = complaints({"additionalProperties": {"type": "string"}}, {"k" * 1_000_000: 1})
    assert len(said) < 600 and said.endswith('this is not of type "string"')


def test_the_search_for_what_to_say_ends_when_its_time_is_over() -> None:
    now = iter([0.0, *[0.1] * 20, *[1.0] * 1_000])
    options = Options(validate_formats=False, retriever=lambda _: {}, mask="this", pattern_options=FancyRegexOptions())
    schema = {"items": {"properties": {"a": {"type": "integer"}}}}
    found = list(Faults(schema, options, lambda: next(now)).of([{"a": "x"}] * 500))
    assert len(found) < 500
    assert next(now) == 1.0


@pytest.mark.parametrize("name", ["anyOf", "oneOf"])
def test_alternatives_inside_alternatives_are_looked_through_at_once(name: str) -> None:
    child = {"$ref": "#/$defs/node"}
    kinds = [
        {"type": "object", "properties": {"kind": {"const": kind}, "child": child}, "required": ["kind", "child"]}
        for kind in "abcde"
    ]
    tree = {"$ref": "#/$defs/node", "$defs": {"node": {name: [*kinds, {"type": "null"}]}}}
    value: Any = "leaf"
    for _ in range(30):
        value = {"kind": "c", "child": value}
    began = time.monotonic()
    (said,) = complaints(tree, value)
    assert said.startswith("$" + ".child" * 30 + ": this is not of type")
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        ({"properties": {"a b/c~d%": {"type": "null"}}}, {"a b/c~d%": 1}, "$.a b/c~d%: this is not of type"),
        ({"patternProperties": {"^x": {"minLength": 3}}}, {"xy": "ab"}, "$.xy: this is shorter than 3"),
        ({"additionalProperties": {"type": "null"}}, {"a": 1}, "$.a: this is not of type"),
        ({"patternProperties": {"^x": {}}, "additionalProperties": False}, {"x": 1, "y": 2}, "$: Additional"),
        ({"prefixItems": [{}, {"type": "null"}], "items": {"type": "string"}}, [1, None, 2], "$[2]: this is not"),
        ({"items": [{"type": "null"}], "$schema": "http://json-schema.org/draft-07/schema#"}, [1], "$[0]: this is"),
        ({"minItems": 2}, [1], "$: this has less than 2 items"),
        ({"not": {"required": ["a"]}}, {"a": 1}, "$: this is what `not` rules out"),
        ({"oneOf": [{"type": "integer"}, {"minimum": 1}]}, 3, "$: this fits more than one of `oneOf`"),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1}, '$: "b" is a required property'),
        ({"if": {"required": ["a"]}, "else": {"required": ["b"]}}, {}, '$: "b" is a required property'),
        ({"properties": {"a": False}}, {"a": 1}, "$.a: there must be nothing here"),
        ({"$ref": "#n", "$defs": {"n": {"$anchor": "n", "type": "null"}}}, 1, "$: this does not fit the schema"),
        ({"unevaluatedProperties": False}, {"a": 1}, "$: this does not fit the schema"),
        ({"contains": {"type": "null"}}, [1], "$: this does not fit the schema"),
        ({"allOf": [{"$ref": "#/$defs/n"}], "$defs": {"n": {"const": 2}}}, 1, "$: 2 was expected"),
    ],
)
def test_each_keyword_says_what_it_wants(schema: dict[str, Any], value: Any, said: str) -> None:
    found = complaints(schema, value)
    assert len(found) == 1 and found[0].startswith(said), found


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcdx"), inner, max_size=4),
        max_leaves=12,
    )
)
def test_there_is_a_complaint_whenever_it_does_not_fit(value: Any) -> None:
    schema = {
        "$defs": {
            "n": {
                "anyOf": [
                    {"type": "object", "properties": {"a": {"$ref": "#/$defs/n"}, "b": {"type": "string"}}},
                    {"type": "array", "items": {"oneOf": [{"$ref": "#/$defs/n"}, {"type": ["integer", "boolean"]}]}},
                ]
            }
        },
        "$ref": "#/$defs/n",
        "maxProperties": 2,
    }
    fits = validator_for(schema).is_valid(value)
    assert (complaints(schema, value) == ()) == fits


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "^(?=(a+)+$)a+$", r"^((a+)\2?)+$"])
def test_a_pattern_that_takes_for_ever_does_not_match(pattern: str) -> None:
    assert complaints({"pattern": pattern}, "a" * 40 + "!") != ()
    assert complaints({"patternProperties": {pattern: {}}, "required": ["b"]}, {"a" * 40 + "!": 1}) != ()


def test_schemas_of_pydantic_and_zod_are_taken() -> None:
    zod = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            "email": {
                "type": "string",
                "format": "email",
                "pattern": r"^(?!\.)(?!.*\.\.)([\w'+\-\.]*)[\w+-]@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$",
            },
            "born": {"type": "string", "format": "date-time"},
        },
        "required": ["email"],
        "additionalProperties": False,
    }
    assert complaints(zod, {"email": "ada@example.org", "born": "2024-05-01 10:00"}) == ()
    (said,) = complaints(zod, {"email": "ada"})
    assert said.startswith("$.email: ")
