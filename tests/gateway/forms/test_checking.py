from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.forms.checking import LONGEST, Checked
from gateway.schemas import checks, known
from kimi.chat import Form
from kimi.errors import FormUnfit
from kimi.events import Again, Annotation, ChatOpened, Event, Finish, Text, Thinking, ToolCall
from tests.timing import within

AGE = Form({"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]})
STOP = Finish("stop")


def read(events: Iterable[Event], form: Form = AGE) -> list[Event]:
    checked = Checked(form)
    return [shown for event in events for shown in checked.feed([event])]


def test_a_schema_is_not_read_once_more_behind_its_request() -> None:
    form = Form({"description": "which nobody has read here"})
    assert read([Text("{}"), STOP], form) == [Text("{}"), STOP]
    assert checks.can_be_read.get(known(form.schema or {}).name) is None


def test_nothing_is_shown_before_it_is_known_to_fit() -> None:
    checked = Checked(AGE)
    assert checked.feed([ChatOpened("c"), Thinking("hm"), Text("Sure: {")]) == [ChatOpened("c"), Thinking("hm")]
    assert checked.feed([Text('"age": 3')]) == []
    assert checked.feed([Text("}")]) == []
    assert checked.feed([STOP]) == [Text('{"age": 3}'), STOP]


def test_no_json_is_looked_for_in_what_is_too_long_to_be_an_answer() -> None:
    checked = Checked(AGE)
    checked.feed([Text("{" * LONGEST)])
    with pytest.raises(FormUnfit) as raised:  # the model's doing: the upstream is not to blame
        checked.feed([Text("{")])
    assert "longer than" in raised.value.explained


@pytest.mark.parametrize(
    "text", ['{"age": 3}', '```json\n{"age": 3}\n```', 'First {"age": "x"}, no: {"age": 3}', '{"age": 3} or {"x": 1}']
)
def test_what_fits_is_shown_alone(text: str) -> None:
    assert read([Text(text), STOP]) == [Text('{"age": 3}'), STOP]


@given(st.lists(st.integers(0, 40)))
def test_it_does_not_matter_how_the_text_is_cut(cuts: list[int]) -> None:
    text = 'Here: ```\n{"age": 3, "x": "}"}\n``` Bye.'
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [Text(text[start:end]) for start, end in pairwise(places)]
    assert read([*pieces, STOP]) == [Text('{"age": 3, "x": "}"}'), STOP]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"age": "old"}', '$.age: this is not of type "integer"'),
        ("{}", '$: "age" is a required property'),
        ("I would rather not.", "$: there is no JSON in it"),
        ('{"age": 3', "$: the JSON breaks at its line 1"),
    ],
)
def test_what_does_not_fit_is_asked_for_again_and_not_shown(text: str, complaint: str) -> None:
    (again,) = read([Text(text), STOP])
    assert isinstance(again, Again)
    assert complaint in again.words
    assert isinstance(again.error, FormUnfit) and complaint in again.error.explained


@pytest.mark.parametrize("text", ["[]", "42", '"{}"', "null"])
def test_without_a_schema_it_has_to_be_an_object(text: str) -> None:
    (again,) = read([Text(text), STOP], Form())
    assert isinstance(again, Again) and 'not of type "object"' in again.words
    assert read([Text("{}"), STOP], Form()) == [Text("{}"), STOP]


@pytest.mark.parametrize("finish", [Finish("length"), Finish("length", cut=True), Finish("stop", cut=True)])
def test_what_was_cut_passes_from_its_beginning_on(finish: Finish) -> None:
    assert read([Text('Sure:\n{"age": 3, "x": '), finish]) == [Text('{"age": 3, "x": '), finish]
    assert read([Text('Sure: {"age": 3} and'), finish]) == [Text('{"age": 3}'), finish]


def test_what_was_withdrawn_passes_as_it_is() -> None:
    events: list[Event] = [Text("Let us talk about"), Finish("content_filter")]
    assert read(events) == events


def test_what_stands_beside_calls_passes_as_it_is() -> None:
    call = ToolCall(0, "id", "look", "{}")
    assert read([Text("I look."), call, Finish("tool_calls")]) == [call, Text("I look."), Finish("tool_calls")]


def test_pages_belong_to_the_whole_of_it() -> None:
    shown = read([Text('Well {"age": 3}'), Annotation(2, 5, "https://a.example", "A"), STOP])
    assert shown == [Text('{"age": 3}'), Annotation(10, 10, "https://a.example", "A"), STOP]


def test_any_schema_will_do() -> None:
    schema: dict[str, Any] = {"type": "array", "items": {"type": "string"}}
    assert read([Text('Sure: ["a"] [1]'), STOP], Form(schema)) == [Text('["a"]'), STOP]


@pytest.mark.parametrize("piece", ["{}", "[1]", '["]', "[-]", '{"age":1,}!', '{"x":1,}', "```\n{}\n```\n"])
def test_a_text_of_many_pieces_is_soon_read(piece: str) -> None:
    with within(1):
        read([Text(piece * (LONGEST // len(piece))), STOP])


@pytest.mark.parametrize("piece", ["1,", "[],", '"1",'])
def test_json_of_too_many_values_is_asked_for_again(piece: str) -> None:
    with within(1):
        (again,) = read([Text(f'{{"age": [{piece * (LONGEST // 8)}1]}}'), STOP])
    assert isinstance(again, Again) and "it has more than" in again.words


def test_a_long_text_in_json_is_an_answer() -> None:
    answer = orjson.dumps({"age": 3, "code": "if (a[0]) { b(); }\n" * 20_000}).decode()
    assert read([Text(answer), STOP]) == [Text(answer), STOP]
