from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from gateway.schemas import checks, known
from gateway.tools.arguments import Asked, Unfit, read
from gateway.tools.sieve import LONGEST, Sieve, Written
from kimi.chat import Tool, Tools
from tests.gateway.tools.tagged import CLOCK, SEAL, TOOLS, call
from tests.timing import within

BONN = '{"city":"Bonn"}'


def wrote(head: str, body: str, *, closed: bool = True, tools: Tools = TOOLS) -> Asked:
    return read(Written(head, body, closed), tools)


@pytest.mark.parametrize(
    "head",
    [
        *(' name="get_weather"', " name='get_weather'", " name = get_weather", ' id="7" name="get_weather"'),
        *("functions.get_weather:0", "get_weather:12", "get_weather", " functions.get_weather:3 "),
        ' name="Get-Weather"',
    ],
)
def test_a_call_is_known_by_its_name(head: str) -> None:
    assert wrote(head, '\n{"city": "Bonn"}\n') == Asked("get_weather", BONN)


NAMED = '{"name": "get_weather", "arguments": {"city": "Bonn"}}'
QUOTED = '{"name": "get_weather", "arguments": "{\\"city\\": \\"Bonn\\"}"}'
WRAPPED = '{"function": {"name": "get_weather", "parameters": {"city": "Bonn"}}}'


@pytest.mark.parametrize(
    ("head", "body"),
    [("", NAMED), ("", QUOTED), ("", WRAPPED), (' name="get_weather"', NAMED), (' name="get_weather"', QUOTED)],
)
def test_other_forms_of_calls_are_understood(head: str, body: str) -> None:
    assert wrote(head, body) == Asked("get_weather", BONN)


def test_arguments_that_are_quoted_or_of_another_type_are_put_right() -> None:
    assert wrote("get_weather", '"{\\"city\\": \\"Bonn\\"}"') == Asked("get_weather", BONN)
    assert wrote("get_weather", '{"city": "Bonn", "days": "2"}').arguments == '{"city":"Bonn","days":2}'
    assert wrote("get_weather", '{"city": "Bonn", "days": 2.0}').arguments == '{"city":"Bonn","days":2}'
    assert wrote("get_weather", '{"city": "Bonn", "days": 1e15}').arguments == '{"city":"Bonn","days":1000000000000000}'
    assert wrote("clock", "") == wrote("clock", "null") == Asked("clock", "{}")


@pytest.mark.parametrize(
    ("head", "body", "says"),
    [
        ("clocc", "{}", "call of `clocc`: there is no tool of that name"),
        ("", "{}", "call of `\\?`: there is no tool of that name"),
        ("get_weather", "{}", "call of `get_weather`: its arguments do not fit: .*city"),
        ("get_weather", '{"city": "Bonn", "days": 0}', r"do not fit: \$\.days"),
        ("get_weather", "[]", 'not of type "object"'),
        ("get_weather", "Bonn", "are no JSON object"),
        ("get_weather", '{"city": "\\ud800"}', r"\w"),
    ],
)
def test_what_is_wrong_is_said(head: str, body: str, says: str) -> None:
    with pytest.raises(Unfit, match=says):
        wrote(head, body)


def test_marks_of_sources_do_not_stand_in_arguments() -> None:
    body = '{"city": "Bonn\ue3a0cite\ue3a3web_search:1#0\ue3a8", "days": 1}'
    assert wrote("get_weather", body).arguments == '{"city":"Bonn","days":1}'


def test_what_was_cut_off_counts_only_as_a_whole() -> None:
    assert wrote("get_weather", '{"city": "Bonn"}', closed=False) == Asked("get_weather", BONN)
    with pytest.raises(Unfit, match="no JSON"):
        wrote("get_weather", '{"city": "Bonn"', closed=False)


def test_of_arguments_that_are_too_long_no_part_is_called() -> None:
    sieve = Sieve(SEAL.knows)
    body = f'{{"cities": [{"1," * LONGEST}1]}}'
    (written,) = (one for one in sieve.feed(call("clock", body)) if isinstance(one, Written))
    with pytest.raises(Unfit, match="more than 1,048,576 characters"):
        read(written, TOOLS)


WRITE = Tool(
    "write", parameters={"type": "object", "properties": {"path": {"type": "string"}, "text": {"type": "string"}}}
)


def test_a_schema_is_not_read_once_more_behind_its_request() -> None:
    tool = Tool("clock", parameters={"type": "object", "description": "which nobody has read here"})
    assert wrote("clock", "{}", tools=Tools((tool,))) == Asked("clock", "{}")
    assert checks.can_be_read.get(known(tool.parameters).name) is None


def test_a_whole_file_is_written_by_one_call() -> None:
    said = {"path": "a.c", "text": "if (a[0]) { b(); }  // as it was before\n" * 24_000}
    body = orjson.dumps(said).decode()
    with within(0.5):
        assert orjson.loads(wrote("write", body, tools=Tools((WRITE,))).arguments) == said


@pytest.mark.parametrize("schema", [{}, {"enum": [1, 2, 3, "a"]}, {"anyOf": [{"type": "string"}, {"enum": [2]}]}])
@pytest.mark.parametrize("piece", ["1,", "[],", '"1",', '{"a":1},'])
def test_arguments_of_too_many_values_are_soon_refused(piece: str, schema: dict[str, Any]) -> None:
    tool = Tool("clock", parameters={"type": "object", "properties": {"x": {"type": "array", "items": schema}}})
    lists = f"[{piece * (LONGEST // 8)}1]"
    for body in (f'{{"x": {lists}}}', f'{{"x": {lists}', orjson.dumps(lists).decode()):
        with within(0.5), pytest.raises(Unfit):
            wrote("clock", body, tools=Tools((tool,)))


PATCH = Tool("patch", parameters={"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("\n*** Begin Patch\n  x\n*** End Patch\n", "*** Begin Patch\n  x\n*** End Patch"),
        ('\n"*** Begin\\n"\n', "*** Begin\n"),
        ('{"input": "a"}', "a"),
        ("\n```python\nprint(1)\n```\n", "print(1)"),
        ("\n5\n", "5"),
        ("[1, 2]", "[1, 2]"),
    ],
)
def test_of_a_tool_with_one_text_as_its_argument_that_may_be_all_that_is_written(body: str, said: str) -> None:
    made = wrote(' name="patch"', body, tools=Tools((PATCH, CLOCK)))
    assert orjson.loads(made.arguments) == {"input": said}


@pytest.mark.parametrize(("body", "closed"), [('{"input": "a', True), ("*** Begin", False)])
def test_what_was_to_be_json_or_is_cut_off_is_no_such_text(body: str, *, closed: bool) -> None:
    with pytest.raises(Unfit, match="no JSON"):
        wrote(' name="patch"', body, closed=closed, tools=Tools((PATCH,)))


def test_only_what_may_be_called_can_be() -> None:
    with pytest.raises(Unfit, match="only `clock`"):
        wrote("get_weather", BONN, tools=replace(TOOLS, choice="named", name="clock"))
    with pytest.raises(Unfit, match="none can be called"):
        wrote("clock", "{}", tools=replace(TOOLS, choice="none"))


def test_of_two_names_that_are_alike_the_very_one_is_meant() -> None:
    tools = Tools((CLOCK, Tool("Clock")))
    assert wrote("Clock", "{}", tools=tools).name == "Clock"
    with pytest.raises(Unfit, match="no tool"):
        wrote("CLOCK", "{}", tools=tools)


def test_a_tool_that_has_such_arguments_itself_gets_them() -> None:
    tools = Tools((Tool("run", parameters={"type": "object", "required": ["name", "arguments"]}),))
    body = '{"name":"run","arguments":["-v"]}'
    assert wrote("run", body, tools=tools) == Asked("run", body)
