from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.errors import BadRequest
from gateway.schemas import MOST_BYTES, MOST_COMPLAINTS, checker

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
    text, param = refused({"properties": {"balance": {"type": "credit"}}})
    assert param == f"{WHERE}.properties.balance.type"
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
    assert complaints(schema, value) in {(), ("$: this is nested too deep",)}


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


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "^(?=(a+)+$)a+$", r"^((a+)\2?)+$"])
def test_a_pattern_that_takes_for_ever_does_not_match(pattern: str) -> None:
    assert complaints({"pattern": pattern}, "a" * 40 + "!") != ()


def test_schemas_of_pydantic_and_zod_are_taken() -> None:
    zod = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            "email": {
                "type": "string",
                "format": "email",
                "pattern": r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$",
            },
            "born": {"type": "string", "format": "date-time"},
        },
        "required": ["email"],
        "additionalProperties": False,
    }
    assert complaints(zod, {"email": "ada@example.org", "born": "2024-05-01 10:00"}) == ()
    (said,) = complaints(zod, {"email": "ada"})
    assert said.startswith("$.email: ")
