from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.harmless import CHANNEL_KILLERS
from gateway.surfaces.chat_request import ChatRequest, parse
from kimi.chat import Feature, Form, Limits, Message
from kimi.models import select

BOTH = ("kimi", "moonshot:kimi-k2.6")
IMAGE = [{"type": "image_url", "image_url": {"url": "data:,"}}]
AUDIO = [{"type": "input_audio", "input_audio": {}}]


def asked(**fields: Any) -> ChatRequest:
    return parse(orjson.dumps({"model": "kimi", "messages": [{"role": "user", "content": "hi"}], **fields}))


def schema(schema: dict[str, Any]) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}}


def refused(**fields: Any) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        asked(**fields)
    return caught.value


def test_a_plain_request() -> None:
    found = asked()
    assert found.model == "kimi"
    assert found.messages == (Message("user", "hi"),)
    assert not found.stream
    assert not found.include_usage
    assert (found.effort, found.search) == (None, None)
    assert found.beyond_web is None


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant", "tool", "function"])
def test_what_is_plain_means_the_same_as_among_other_things(role: str) -> None:
    said = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0, "seed": 1, "user": "u"}
    said |= {"model": " kimi ", "stream": "yes", "logit_bias": {}}
    messages: list[dict[str, object]] = [{"role": role, "content": "hi"}, {"role": "user", "content": ""}]
    plain = asked(messages=messages, **said)
    among = asked(messages=[{**each, "name": "n"} for each in messages], unknown=1, **said)
    assert plain == replace(among, body=plain.body)
    assert plain.stream and plain.messages[0].content == "hi"


@pytest.mark.parametrize("role", [None, 1, [], "nobody"])
def test_a_role_that_is_none_is_refused(role: object) -> None:
    assert refused(messages=[{"role": role, "content": "hi"}]).param == "messages[0].role"


def test_the_body_goes_on_as_it_came() -> None:
    found = asked(temperature=0.5, max_tokens=7, user="u", unknown={"a": [1]})
    assert found.body["temperature"] == 0.5
    assert found.chat(select("kimi", ())).body == found.body


def test_limits_are_part_of_the_question() -> None:
    found = asked(max_tokens=7, stop="END").chat(select("kimi", ()))
    assert found.limits == Limits(7, ("END",))
    assert asked().chat(select("kimi", ())).limits == Limits()
    assert refused(max_tokens=0).param == "max_tokens"


@pytest.mark.parametrize("value", [True, "true", "True", " TRUE ", "1", 1, "yes", "on"])
def test_true_has_many_spellings(value: object) -> None:
    assert asked(stream=value).stream


@pytest.mark.parametrize("value", [False, None, "false", "False", "0", 0, "no", "off", ""])
def test_false_has_many_spellings(value: object) -> None:
    assert not asked(stream=value).stream


@pytest.mark.parametrize("value", ["maybe", 2, 1.0, [], {}])
def test_what_is_neither_is_refused(value: object) -> None:
    assert refused(stream=value).param == "stream"


def test_usage_in_a_chunk_of_its_own() -> None:
    assert asked(stream_options={"include_usage": "true"}).include_usage
    assert not asked(stream_options={}).include_usage
    assert not asked(stream_options=None).include_usage
    assert refused(stream_options="all").param == "stream_options"
    assert refused(stream_options={"include_usage": 3}).param == "stream_options.include_usage"


@pytest.mark.parametrize("model", [None, "", "  ", 5, ["kimi"]])
def test_a_model_has_to_be_named(model: object) -> None:
    assert refused(model=model).param == "model"


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'"text"', b"null", b"\xff{}", b'{"a":NaN}', b"[" * 5000])
def test_a_body_that_is_no_json_object(raw: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        parse(raw)
    assert (caught.value.code, caught.value.param) == ("invalid_json", None)


@pytest.mark.parametrize("field", ["metadata", "tools", "logit_bias"])
def test_a_body_that_could_not_be_written_again_is_refused(field: str) -> None:
    def nested(levels: int) -> bytes:
        start = b'{"model":"kimi","messages":[{"role":"user","content":"hi"}],"%b":' % field.encode()
        return start + b"[" * levels + b"]" * levels + b"}"

    assert parse(nested(200)).messages == (Message("user", "hi"),)
    for levels in (254, 1_000):
        with pytest.raises(BadRequest, match="nested too deep") as caught:
            parse(nested(levels))
        assert caught.value.code == "invalid_json"


@given(st.binary(max_size=60))
def test_no_body_is_more_than_a_bad_request(raw: bytes) -> None:
    with pytest.raises(BadRequest):
        parse(raw)


@pytest.mark.parametrize("count", [0, 2, "2", 1.5, [], {}])
def test_there_is_one_answer(count: object) -> None:
    assert refused(n=count).param == "n"
    assert asked(n=1).model == asked(n=None).model == "kimi"


@pytest.mark.parametrize("fields", [{"use_search": "true"}, {"web_search_options": {}}])
def test_search_can_be_asked_for_in_the_body(fields: dict[str, Any]) -> None:
    found = asked(**fields)
    selection = found.narrow(select("kimi-thinking", ()))
    assert selection.features == {Feature.SEARCH, Feature.THINKING}
    assert found.chat(selection).features == selection.features


def test_the_body_switches_off_a_search_that_the_name_asks_for() -> None:
    searching = select("kimi-search-thinking", ())
    assert asked(use_search=False, web_search_options={}).narrow(searching).features == {Feature.THINKING}
    assert asked(use_search=None).narrow(searching).features == {Feature.THINKING, Feature.SEARCH}


@pytest.mark.parametrize("fields", [{"use_search": "true"}, {"web_search_options": {}}])
def test_a_search_goes_to_the_web_chat_where_there_is_one(fields: dict[str, Any]) -> None:
    found = asked(**fields, tools=[{"type": "function", "function": {"name": "f"}}])
    assert found.narrow(select("kimi-k2.6", BOTH)).routes == ("kimi",)


def test_openais_field_for_a_search_goes_on_to_the_platform_and_ours_is_refused() -> None:
    for more, routes in (({}, {"moonshot:kimi-k2.6"}), ({"tools": [{"type": "web"}]}, BOTH)):
        selection = select("kimi-k2.6", routes)
        assert asked(web_search_options={}, **more).narrow(selection).routes == ("moonshot:kimi-k2.6",)
        with pytest.raises(BadRequest, match="needs an account of the web chat") as caught:
            asked(use_search=True, **more).narrow(selection)
        assert caught.value.param == "use_search"
        assert asked(use_search=False, **more).narrow(selection).features == frozenset()


def test_an_effort_is_a_wish_for_whoever_answers() -> None:
    selection = select("kimi-k2.6", BOTH)
    for fields, wished in (
        ({"reasoning_effort": "xhigh"}, "max"),
        ({"thinking": {"type": "disabled"}}, "none"),
        ({}, None),
    ):
        found = asked(**fields)
        assert found.narrow(selection) == selection
        assert found.chat(selection).effort == wished


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": [{"role": "user", "content": AUDIO}]}, "messages[0].content[0]"),
        ({"tools": [{"type": "builtin_function", "function": {"name": "$web_search"}}]}, "tools[0].type"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
        ({"response_format": {"type": "yaml"}}, "response_format"),
        (schema({"type": "strng"}), "response_format.json_schema.schema.type"),
    ],
)
def test_what_the_web_chats_lack_needs_an_official_key(fields: dict[str, Any], param: str) -> None:
    found = asked(**fields)
    assert found.narrow(select("kimi-k2.6", BOTH)).routes == ("moonshot:kimi-k2.6",)
    with pytest.raises(BadRequest) as caught:
        found.narrow(select("kimi-k2.6", ()))
    assert caught.value.param == param
    assert [word for word in CHANNEL_KILLERS if word in str(caught.value).lower()] == []


def test_files_go_wherever_they_can() -> None:
    found = asked(messages=[{"role": "user", "content": IMAGE}])
    assert found.messages[0].attachments[0].is_image
    assert found.narrow(select("kimi-k2.6", BOTH)).routes == select("kimi-k2.6", BOTH).routes


def test_tools_go_to_an_official_key_where_there_is_one() -> None:
    found = asked(tools=[{"type": "function", "function": {"name": "f"}}], tool_choice="auto")
    narrowed = found.narrow(select("kimi-k2.6", BOTH))
    assert (narrowed.routes, narrowed.otherwise) == (("moonshot:kimi-k2.6",), ("kimi",))
    assert found.narrow(select("kimi-k2.6", ())).routes == ("kimi",)


def test_what_only_an_official_key_can_serve_is_asked_of_nobody_else() -> None:
    found = asked(tools=[{"type": "builtin_function", "function": {"name": "$web_search"}}])
    assert found.narrow(select("kimi-k2.6", BOTH)).otherwise == ()


def test_a_conversation_that_stands_goes_on_in_the_web_chat_whatever_it_asks_for() -> None:
    found = asked(tools=[{"type": "function", "function": {"name": "f"}}])
    narrowed = found.narrow(select("kimi-k2.6", BOTH), in_chat=True)
    assert (narrowed.routes, narrowed.otherwise) == (("kimi",), ())
    only = found.narrow(select("kimi-k2.6", {"moonshot:kimi-k2.6"}), in_chat=True)
    assert only.routes == ("moonshot:kimi-k2.6",)


def test_an_ordinary_request_goes_wherever_it_can() -> None:
    found = asked(response_format={"type": "json_object"}, tools=[], tool_choice="none")
    assert found.narrow(select("kimi-k2.6", BOTH)).routes == ("kimi", "moonshot:kimi-k2.6")
    assert found.chat(select("kimi-k2.6", BOTH)).form == Form()


def test_a_schema_goes_to_an_official_key_where_there_is_one() -> None:
    found = asked(**schema({"type": "object"}))
    assert found.narrow(select("kimi-k2.6", BOTH)).routes == ("moonshot:kimi-k2.6",)
    assert found.narrow(select("kimi-k2.6", ())).routes == ("kimi",)
    assert found.chat(select("kimi-k2.6", ())).form == Form({"type": "object"}, "answer")
    assert found.read[1:] == found.messages and '{"type":"object"}' in found.read[0].content


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"\ud83d", "\ufffd"),
        (r"a \uDE00 b", "a \ufffd b"),
        (r"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (r"\ud83d\\ude00", "\ufffd\\ude00"),
        (r"\\ud83d \ud83d", "\\ud83d \ufffd"),
    ],
)
def test_half_an_emoji_is_no_mistake(written: str, meant: str) -> None:
    raw = '{"model":"kimi","messages":[{"role":"user","content":"' + written + '"}]}'
    assert parse(raw.encode()).messages == (Message("user", meant),)
