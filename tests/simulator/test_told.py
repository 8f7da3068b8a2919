"""Tools and forms that are told in words: the one who answers reads them, and answers as it was told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator.calling import Offer, Wish, arguments, sample, wishes
from simulator.reading import Reading
from simulator.told import told

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
    "required": ["city", "days"],
}
TOOLS = "\n".join(
    json.dumps({"name": name, "parameters": parameters}) for name, parameters in (("get_weather", WEATHER), ("now", {}))
)
OFFER = f"""Be brief.

Tools:

<tools>
{TOOLS}
</tools>

Write:

<call-abcd name="NAME">
{{"argument": "value"}}
</call-abcd>

Results come in <result-abcd>."""


def test_a_tool_that_is_told_is_called_in_the_tags_that_are_told() -> None:
    known = told(Reading(prompt="please get_weather", system=OFFER))
    calls = known.calls((), "please get_weather")
    assert calls == (Wish("get_weather", '{"city":"please get_weather","days":2}'),)
    assert known.written(calls) == (
        '<call-abcd name="get_weather">\n{"city":"please get_weather","days":2}\n</call-abcd>'
    )


def test_scripted_calls_are_written_one_behind_the_other() -> None:
    known = told(Reading(prompt="go", system=OFFER))
    scripted: list[dict[str, Any]] = [{"name": "now"}, {"name": "get_weather", "arguments": {"city": "Rome"}}]
    assert known.written(known.calls(scripted, "go")) == (
        '<call-abcd name="now">\n{}\n</call-abcd>\n<call-abcd name="get_weather">\n{"city":"Rome"}\n</call-abcd>'
    )


def test_nothing_is_called_without_need_or_without_being_told_how() -> None:
    assert told(Reading(prompt="hello", system=OFFER)).calls((), "hello") == ()
    assert told(Reading(prompt="get_weather")).calls([{"name": "get_weather"}], "get_weather") == ()


@pytest.mark.parametrize(
    ("order", "name"),
    [
        ("(Your next answer has to call at least one of the tools, in the tags described.)", "get_weather"),
        ("(Your next answer has to call the tool `now`, in the tags described.)", "now"),
    ],
)
def test_what_has_to_be_called_is_called(order: str, name: str) -> None:
    prompt = f"hello\n\n{order}"
    assert [call.name for call in told(Reading(prompt=prompt, system=OFFER)).calls((), prompt)] == [name]


def test_results_are_answered_and_nothing_is_called_again() -> None:
    turns = 'user:get_weather\nassistant:<call-abcd name="get_weather">\n{}\n</call-abcd>\n'
    prompt = f'{turns}tool:<result-abcd name="get_weather">\n21 degrees\nand rain\n</result-abcd>'
    known = told(Reading(prompt=f"system:{OFFER}\n{prompt}"))
    assert known.results == ("21 degrees\nand rain",)
    assert known.calls((), "get_weather") == ()
    later = told(Reading(prompt=f"system:{OFFER}\n{prompt}\nassistant:it rains\nuser:get_weather again"))
    assert later.results == ()
    assert later.calls((), "get_weather again")


def test_a_script_may_call_once_more_when_it_has_results() -> None:
    scripted = [[{"name": "now"}], [{"name": "get_weather", "arguments": {"city": "Rome"}}]]
    result = 'tool:<result-abcd name="now">\nMonday\n</result-abcd>'
    first = told(Reading(prompt="go", system=OFFER))
    second = told(Reading(prompt=result, system=OFFER, history=("user:go", "assistant:<call-abcd ...")))
    third = told(
        Reading(prompt=result, system=OFFER, history=("user:go", "assistant:…", f"user:{result}", "assistant:…"))
    )
    assert [call.name for call in first.calls(scripted, "go")] == ["now"]
    assert second.turn.startswith("user:go")
    assert [call.name for call in second.calls(scripted, "go")] == ["get_weather"]
    assert third.calls(scripted, "go") == ()


def test_an_order_of_an_earlier_question_is_done_with() -> None:
    order = "(Your next answer has to call the tool `now`, in the tags described.)"
    result = 'tool:<result-abcd name="now">\nMonday\n</result-abcd>'
    assert not told(Reading(prompt=result, system=OFFER, history=(f"user:go {order}", "assistant:…"))).must
    assert told(Reading(prompt=f"{result}\n\n{order}", system=OFFER, history=("user:go", "assistant:…"))).must


def test_a_form_that_is_told_is_kept() -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
    words = f"Answer with one JSON value. It has to be valid against this JSON schema:\n{json.dumps(schema)}"
    assert told(Reading(prompt="who?", system=words)).formed("Ada") == '{"age":1}'
    assert told(Reading(prompt="who?", system="Answer with one JSON object.")).formed("Ada") == '{"answer":"Ada"}'
    assert told(Reading(prompt="who?")).formed("Ada") == "Ada"


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": ["null", "integer"], "minimum": 5}, 5),
        ({"type": "number", "exclusiveMinimum": 0}, 1),
        ({"type": "boolean"}, True),
        ({"enum": ["a", "b"]}, "a"),
        ({"const": 7}, 7),
        ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, True),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"$defs": {"a": {"enum": [3]}}, "properties": {"x": {"$ref": "#/$defs/a"}}, "required": ["x"]}, {"x": 3}),
        ({"type": "object", "properties": {"x": {}, "y": {}}, "required": ["y"]}, {"y": "text"}),
    ],
)
def test_a_sample_fits_its_schema(schema: dict[str, Any], value: Any) -> None:
    assert sample(schema, "text") == value


def test_where_nothing_is_said_of_arguments_the_text_is_the_query() -> None:
    assert arguments({"type": "object"}, "text") == {"query": "text"}
    assert wishes((), [Offer("a")], "b", must=True) == (Wish("a", '{"query":"b"}'),)


def test_what_only_looks_like_an_offer_or_a_form_is_harmless() -> None:
    odd = "<tools>\n{broken\n[]\n3\n</tools> valid against this JSON schema: {broken"
    known = told(Reading(prompt=odd))
    assert (known.offers, known.form) == ((), {})
