from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import validator_for

from gateway.validator.checking import MOST_COMPLAINTS
from tests.gateway.schemas import WHERE, complaints, refused

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
    assert len(complaints({"items": {"anyOf": [{"type": "string"}, {"type": "null"}]}}, [*range(15_000)])) == 8


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


def test_names_in_a_place_are_cut_short() -> None:
    (said,) = complaints({"additionalProperties": {"type": "string"}}, {"k" * 1_000_000: 1})
    assert len(said) < 600 and said.endswith('this is not of type "string"')


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
        ({"$schema": "", "type": "null"}, 1, "$: this does not fit the schema"),
        ({"$id": "urn:a:b", "properties": {"a": {"$id": "urn:a:b", "type": "null"}}}, {"a": 1}, "$"),
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


def test_a_name_with_half_a_character_fits_nothing() -> None:
    assert complaints({"additionalProperties": False}, {"\ud800": 1}) == ("$: this does not fit the schema",)
