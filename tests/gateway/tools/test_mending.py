from __future__ import annotations

import contextlib
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.schemas.reading import MOST_BRACKETS
from gateway.tools.brackets import MOST_TOKENS
from gateway.tools.mending import fitted, read, unfenced
from tests.gateway.tools.tagged import WEATHER
from tests.timing import seconds

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", {}),
        (' {"a": 1}\n', {"a": 1}),
        ('{"a": "two\nlines\tand a tab"}', {"a": "two\nlines\tand a tab"}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('{"a": 1}\n</call>', {"a": 1}),
        ('{"a": 1}}', {"a": 1}),
        ('{"a": 1}\n```', {"a": 1}),
        ('{"a": 1,}', {"a": 1}),
        ('{"a": [1, 2, ], "b": "x"\n "c": 3}', {"a": [1, 2], "b": "x", "c": 3}),
        ('{"a": [{"b": 1} {"b": 2}, 3 4}', {"a": [{"b": 1}, {"b": 2}, 3, 4]}),
        ('{"a": [1, 2}', {"a": [1, 2]}),
        ('{"a": "two\nlines",}', {"a": "two\nlines"}),
        ('{"a": [{"b": [1, 2', {"a": [{"b": [1, 2]}]}),
        ('{"a": {"b": 1, "c": 2}, "d": 3', {"a": {"b": 1, "c": 2}, "d": 3}),
        ('{"a": True, "b": None}', {"a": True, "b": None}),
        ('{"a": "tr\\u00fcb, {not [cut"', {"a": "trüb, {not [cut"}),
    ],
)
def test_what_can_be_meant_in_one_way_only_is_put_right(text: str, value: object) -> None:
    assert read(text, is_whole=True) == value


@pytest.mark.parametrize(
    "text",
    [
        '{"content": "print("hi")"}',  # who knows where it ends
        '{"a": "never closed}',
        "{'a': 'b'}",
        '{"a": 1} and then some words',
        '{"a": 1} {"b": 2}',
        '{"a": "x" "b": "y"}',
        '{"a" "b"}',
        '{"a": 1, "b"',
        '{"a": {"b": 1, "c": 2}',  # or was it behind the 1
        '{"a": [1, [2, 3]}',
        '{"a": 1]}',  # or should it have been opened
        "no JSON",
        '{"a": // a remark\n 1}',
        '{"a": "x", "b": tru}',
        '{"a": NaN}',  # which would be written as null
        '{"a": [-Infinity], "b": 1e999}',
        '{"a": 1e999}',
        f'{{"a": [{"1, " * MOST_TOKENS}]}}',  # which would hold up a worker
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
)
def test_where_it_is_a_guess_it_is_left(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read(text, is_whole=True)


def test_brackets_in_a_text_are_no_burden() -> None:
    value = {"path": "a.c", "content": '\\"[{' * MOST_BRACKETS, "more": "\\"}
    assert read(json.dumps(value), is_whole=True) == value
    with pytest.raises(ValueError, match="opening brackets"):
        read(json.dumps([value["content"], [[]] * MOST_BRACKETS]), is_whole=True)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("```sh\nls\n```", "ls"),
        ("\nls\n", "ls"),
        ("````md\n```py\nx\n```\n````", "```py\nx\n```"),
        ("```py\nx\n```\nand\n```py\ny\n```", "```py\nx\n```\nand\n```py\ny\n```"),
        ("\n```py\nx\n```\nand more\n", "```py\nx\n```\nand more"),
    ],
)
def test_a_fence_around_all_of_a_text_is_not_part_of_it(text: str, meant: str) -> None:
    assert unfenced(text) == meant


def test_json_in_a_fence_may_hold_others() -> None:
    assert read('```json\n{"a": "\n```py\nx\n```\n"}\n```', is_whole=True) == {"a": "\n```py\nx\n```\n"}


def test_what_was_cut_off_is_not_completed() -> None:
    with pytest.raises(ValueError, match="line 1"):
        read('{"path": "/tmp/a", "lines": [1', is_whole=False)
    assert read('{"path": "/tmp/a"}', is_whole=False) == {"path": "/tmp/a"}


@pytest.mark.parametrize(
    "part",
    [
        "{",
        "[",
        '"',
        '{"a":',
        ",",
        "{,",
        "\\",
        '{"a": 1}}',
        "}",
        "[]",
        '{"a": "b\n',
        "1 ",
        "[{]",
        "```\n ",
        "[" * 9 + "}" * 9,
    ],
)
def test_the_work_grows_as_the_text_does(part: str) -> None:
    def mend(text: str) -> None:
        with contextlib.suppress(ValueError):
            read(text, is_whole=True)

    def took(length: int) -> float:
        text = f'{{"a": 1 {part * (length // len(part))}'
        return seconds(lambda: mend(text), times=3)

    assert took(160_000) < 16 * took(10_000) * 5 + 0.05, "sixteen times the text, not 256 times the work"


@given(st.dictionaries(st.text(max_size=6), VALUES, max_size=4), st.data())
def test_a_repair_never_changes_a_string_or_a_number(value: dict[str, Any], data: st.DataObject) -> None:
    text = json.dumps(value, ensure_ascii=data.draw(st.booleans()))
    assert read(text, is_whole=True) == value
    dropped = data.draw(st.integers(0, len(text) - 1))
    in_string = any(found.start() <= dropped < found.end() for found in _STRING.finditer(text))
    if not in_string and text[dropped] in ",:[]{}":
        try:
            mended = read(text[:dropped] + text[dropped + 1 :], is_whole=True)
        except ValueError:
            return
        assert mended == value


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ({"city": "Bonn", "days": "3"}, {"city": "Bonn", "days": 3}),
        ({"city": "Bonn", "days": None}, {"city": "Bonn"}),
        ({"city": None}, {"city": None}),
        ({"city": "3", "days": "three"}, {"city": "3", "days": "three"}),
        ({"city": "x", "more": "1"}, {"city": "x", "more": "1"}),
        ([1], [1]),
    ],
)
def test_types_are_put_right_where_the_schema_says_them(value: object, meant: object) -> None:
    assert fitted(value, WEATHER.parameters) == meant


def test_types_are_put_right_inside_of_lists_and_objects() -> None:
    schema = {
        "type": "object",
        "properties": {
            "on": {"type": "boolean"},
            "all": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": ["number", "null"]}}}},
        },
    }
    value = {"on": "true", "all": '[{"n": "1.5"}, {"n": null}]'}
    assert fitted(value, schema) == {"on": True, "all": [{"n": 1.5}, {"n": None}]}


@pytest.mark.parametrize(
    ("said", "meant"), [(3.0, "3"), (2.0**53, "9007199254740992"), (1e300, "1e+300"), (2.5, "2.5")]
)
def test_a_number_with_a_point_is_a_whole_one_as_far_as_nothing_is_made_up(said: float, meant: str) -> None:
    found = fitted({"n": said}, {"properties": {"n": {"type": "integer"}}})
    assert str(found["n"]) == meant


@pytest.mark.parametrize("schema", [{}, {"properties": 3}, {"properties": {"a": 1}}, {"required": "a", "type": {}}])
def test_a_strange_schema_changes_nothing(schema: dict[str, Any]) -> None:
    assert fitted({"a": "1"}, schema) == {"a": "1"}
