from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.forms.finding import beginning, candidates, fault
from tests.timing import within

VALUE = {"a": [1, {"b": 'a "quoted" } brace'}], "c": None}
JSON = orjson.dumps(VALUE).decode()


def best(text: str) -> Any:
    return next(candidates(text)).value


@pytest.mark.parametrize(
    "text",
    [
        JSON,
        f"\n  {JSON}\n",
        f"```json\n{JSON}\n```",
        f"```\n{JSON}\n```\n",
        f"~~~~ json\n{JSON}\n~~~~",
        f"Here it is:\n\n```json\n{JSON}\n```\nI hope this [1] helps {{you}}.",
        f"Sure! {JSON} Anything else?",
        f"``{JSON}``",
        f'He said "well {{" and then {JSON}',
        f"<think>It could be {{}} or [2].</think>{JSON}",
        f"First a draft: {{}}. Then: {JSON}",
        f"[see below] {JSON}",
        f"```json\n{JSON}",
    ],
)
def test_json_is_found_whatever_stands_around_it(text: str) -> None:
    assert best(text) == VALUE


def test_a_fence_is_meant_rather_than_what_stands_behind_it() -> None:
    assert best(f"```json\n{JSON}\n```\nFor example [1, 2].") == VALUE


def test_a_fence_can_stand_in_a_text_of_the_json() -> None:
    value = {"code": "```python\nprint('{')\n```"}
    assert best(f"Look:\n```json\n{orjson.dumps(value).decode()}\n```") == value


def test_of_several_all_are_told_the_last_first() -> None:
    found = list(candidates('{"n": 1} {"n": 2} {"n": 3}'))
    assert [each.value["n"] for each in found] == [3, 2, 1]


@pytest.mark.parametrize(("text", "value"), [("42", 42), ('```\n"yes"\n```', "yes"), ("null", None), ("[]", [])])
def test_values_of_all_kinds(text: str, value: object) -> None:
    assert best(text) == value


@pytest.mark.parametrize("text", ["", "No.", "{", '{"a": 1', "{a: b c}", "[1, 2", "NaN", '{"a": \ud800}', "}{"])
def test_what_is_no_json(text: str) -> None:
    assert list(candidates(text)) == []
    assert fault(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('Sure: {"a": 1,}', {"a": 1}),
        ('```json\n{"a": "one\ntwo"}\n```', {"a": "one\ntwo"}),
        ('[{"a": 1} {"a": 2}]', [{"a": 1}, {"a": 2}]),
    ],
)
def test_slips_are_mended_where_nothing_has_to_be_guessed(text: str, value: object) -> None:
    (found,) = candidates(text)
    assert found.value == value == orjson.loads(found.text)


@pytest.mark.parametrize(
    "text", ['{"list": [{"n": 1}, {"n": 2}', '{"a": {"b": 1} : {"c": 2}}', 'So: [{"n": 1}, {"n": 2']
)
def test_no_part_of_broken_json_is_taken_for_it(text: str) -> None:
    assert list(candidates(text)) == []


def test_the_text_is_left_as_it_was_written() -> None:
    assert next(candidates('x\n{ "a" : 1.0,\n "b":2 }')).text == '{ "a" : 1.0,\n "b":2 }'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("I cannot do that.", "there is no JSON in it"),
        ('{"a": 1,\n "b": }', "line 2, column 7"),
        ('Here: {"a": [1, 2', "line 1"),
    ],
)
def test_a_fault_is_told_with_its_place(text: str, says: str) -> None:
    assert says in fault(text)


@pytest.mark.parametrize(
    ("text", "begins"),
    [('```json\n{"a": [1, 2', '{"a": [1, 2'), ("[1, 2", "[1, 2"), ("Well, I think", "Well, I think"), ("", "")],
)
def test_what_breaks_off_begins_where_its_json_begins(text: str, begins: str) -> None:
    assert beginning(text) == begins


json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=5), json), st.sampled_from(["", "Well: ", "```\n"]))
def test_any_object_is_found(value: dict[str, Any], before: str) -> None:
    assert best(before + orjson.dumps(value).decode()) == value


@given(st.text(alphabet='{}[]"\\`~ \nab1,:'))
def test_no_text_upsets_it(text: str) -> None:
    for found in candidates(text):
        assert orjson.loads(found.text) == found.value
    fault(text)
    beginning(text)


@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"a":', "}")])
def test_what_python_reads_but_does_not_write_is_mended_for_nobody(opens: str, closes: str) -> None:
    """It depends on who asks how deep that is."""
    found = [[*candidates(f'So: {opens * levels}"one\ntwo"{closes * levels}')] for levels in range(800, 1_030)]
    assert found[0] and not found[-1], "orjson reads 1,024 levels"


@pytest.mark.parametrize("remark", ["[x] ", "see [1] ", "[1] "])
def test_any_number_of_remarks_in_brackets_hides_no_fence(remark: str) -> None:
    text = f"{remark * 50_001}\n```json\n{JSON}\n```"
    with within(0.5):
        assert best(text) == VALUE


@pytest.mark.parametrize("piece", ["[", "{", '{"', "```\n", "{}", '"', "[a", "\\", "[x" + " " * 85])
def test_nothing_takes_for_ever(piece: str) -> None:
    text = piece * (1_048_576 // len(piece)) + "{"
    with within(0.5):
        with suppress(ValueError):
            list(candidates(text))
        fault(text)


@pytest.mark.parametrize("piece", ["1,", "[],", '"1",', '{"a":1},'])
def test_json_of_too_many_values_is_too_large_and_not_broken(piece: str) -> None:
    text = f"[{piece * 60_000}0]"
    with within(0.5), pytest.raises(ValueError, match="it has more than"):
        list(candidates(text))
    with within(0.5):
        with suppress(ValueError):
            assert list(candidates(f"Here: {text}")) == []
        assert "it has more than" in fault(f"Here: {text}")


def test_of_many_fences_the_last_of_the_first_thousand_counts() -> None:
    blocks = [f"```\n{number}\n```\n" for number in range(600)]
    assert next(candidates("".join(blocks))).value == 499
