from __future__ import annotations

import random
from dataclasses import replace

import orjson
import pytest

from gateway.tools.ids import new
from gateway.tools.telling import NOTHING, correction, spoken, told
from kimi.chat import Call, Chat, Message, Place, Tools
from kimi.upstreams.folding import beside_system, into_one
from tests.gateway.tools.tagged import TOOLS, WEATHER, T

ASKS = Message("user", "Rain in Berlin?")
MADE = Message("assistant", "Let me look.", calls=(Call("c1", "get_weather", '{"city":"Berlin"}'),))
CAME = Message("tool", "12 °C", answers="c1")


def chat(*messages: Message, tools: Tools | None = TOOLS) -> Chat:
    return Chat(model="kimi", messages=messages or (ASKS,), tools=tools)


def test_tools_and_how_they_are_called_are_the_last_of_the_systems_words() -> None:
    messages = told(chat(Message("system", "Be brief."), ASKS), T).messages
    assert [message.role for message in messages] == ["system", "system", "user"]
    offer = messages[1].content
    listed = offer.partition("<tools>\n")[2].partition("\n</tools>")[0].splitlines()
    assert [orjson.loads(line)["name"] for line in listed] == ["get_weather", "clock"]
    assert orjson.loads(listed[0])["parameters"] == WEATHER.parameters
    assert f'<call-{T} name="NAME">\n{{"argument": "value"}}\n</call-{T}>' in offer
    assert messages[2] == ASKS, "nothing is asked of the model that it may leave"


def test_where_there_are_no_tools_nothing_is_told() -> None:
    without = chat(tools=None)
    assert told(without, T).messages == without.messages
    forbidden = told(chat(tools=replace(TOOLS, choice="none")), T)
    assert (forbidden.messages, forbidden.tools) == (without.messages, NOTHING)


def test_an_answer_is_watched_for_calls_unless_nobody_can_have_heard_of_any() -> None:
    assert told(chat(tools=None), T).tools is None
    assert told(replace(chat(tools=None), behind=Place("c1", "m1")), T).tools == NOTHING


@pytest.mark.parametrize(
    ("choice", "order"),
    [("required", "has to call at least one of the tools"), ("named", "has to call the tool `get_weather`")],
)
def test_what_has_to_be_called_is_said_at_the_end_as_well(choice: str, order: str) -> None:
    wished = Tools(TOOLS.offered, "named" if choice == "named" else "required", "get_weather")
    last = told(chat(tools=wished), T).messages[-1]
    assert last.content.startswith("Rain in Berlin?\n\n(") and order in last.content


def test_how_many_calls_can_be_made_at_once_is_told() -> None:
    def offer(tools: Tools) -> str:
        return told(chat(tools=tools), T).messages[0].content

    assert "can be made at once" in offer(TOOLS)
    assert "one call at a time" in offer(replace(TOOLS, is_parallel=False))


def test_earlier_calls_and_results_are_told_in_the_same_tags() -> None:
    _, *turns = told(chat(ASKS, MADE, CAME), T).messages
    assert turns[1].content == f'Let me look.\n\n<call-{T} name="get_weather">\n{{"city":"Berlin"}}\n</call-{T}>'
    assert turns[2].content == f'<result-{T} name="get_weather">\n12 °C\n</result-{T}>'


def test_results_of_several_calls_are_told_apart_in_whatever_order_they_come() -> None:
    made = Message("assistant", "", calls=(Call("a", "clock", "{}"), Call("b", "clock", "")))
    turns = told(chat(ASKS, made, Message("tool", "2", answers="b"), Message("tool", "1", answers="a")), T).messages
    assert turns[2].content == f'<call-{T} name="clock">\n{{}}\n</call-{T}>\n<call-{T} name="clock">\n{{}}\n</call-{T}>'
    assert [turn.content.splitlines()[0] for turn in turns[3:]] == [
        f'<result-{T} name="clock" call="2">',
        f'<result-{T} name="clock" call="1">',
    ]


def test_a_result_without_a_call_or_without_a_word_is_told_all_the_same() -> None:
    _, _, orphan = told(chat(ASKS, Message("tool", "", answers="x")), T).messages
    assert orphan.content == f"<result-{T}>\n\n</result-{T}>"


def test_in_a_chat_that_stands_only_what_is_new_is_told_under_the_names_that_are_known_there() -> None:
    behind = replace(chat(MADE, CAME), behind=Place("c", "m"))
    offer, result = told(behind, T).messages
    assert offer.role == "system"
    assert result.content == f'<result-{T} name="get_weather">\n12 °C\n</result-{T}>'


def test_in_a_chat_whose_calls_nobody_sends_results_are_told_apart_by_the_ids_of_those() -> None:
    first, second = (new(number, random.Random(1)) for number in (1, 2))
    came = [
        Message("tool", "dry", answers=second),
        Message("tool", "wet", answers=first),
        Message("tool", "", answers="x"),
    ]
    _, *results = told(replace(chat(*came), behind=Place("c", "m")), T).messages
    assert [each.content.splitlines()[0] for each in results] == [
        f'<result-{T} call="2">',
        f'<result-{T} call="1">',
        f"<result-{T}>",
    ]


@pytest.mark.parametrize("tools", [None, replace(TOOLS, choice="none")])
def test_where_tools_were_called_and_cannot_be_any_more_it_is_said(tools: Tools | None) -> None:
    asked = told(chat(ASKS, MADE, CAME, tools=tools), T)
    assert "No tools can be called now" in asked.messages[0].content
    assert asked.tools is not None and asked.tools.choice == "none", "but a call may come"


def test_whatever_is_told_survives_the_folding() -> None:
    asked = told(chat(ASKS, MADE, CAME), T)
    folded = beside_system(asked.messages)
    assert folded.system is not None and "# Tools" in folded.system
    assert f'tool:<result-{T} name="get_weather">' in folded.text
    assert into_one(asked.messages).startswith("system:")


def test_what_is_wrong_is_told_with_the_form_of_a_call() -> None:
    words = correction(["call of `clocc`: there is no tool of that name"], TOOLS, T)
    assert "- call of `clocc`" in words and f'<call-{T} name="NAME">' in words and "get_weather, clock" in words
    unmet = correction([], replace(TOOLS, choice="required"), T)
    assert "has to call at least one of the tools" in unmet and f"</call-{T}>" in unmet


def test_who_calls_where_nothing_can_be_called_is_not_told_to_call_again() -> None:
    words = correction(["call of `clock`: there is no tool of that name"], replace(TOOLS, choice="none"), T)
    assert "No tools can be called now" in words and T not in words


def test_all_that_has_to_be_read_can_be_counted() -> None:
    assert spoken((ASKS,), None) == (ASKS,)
    assert len(spoken((ASKS,), TOOLS)) == 2
    assert "get_weather" in spoken((ASKS,), TOOLS)[0].content
