from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.errors import BadRequest
from gateway.surfaces.chat_request import understand
from gateway.surfaces.messages.request import Question, as_chat
from gateway.surfaces.messages.signatures import seal

PNG = {"type": "base64", "media_type": "image/png", "data": "aGk="}
IMAGE = {"type": "image", "source": PNG, "cache_control": {"type": "ephemeral"}}
SHOWN = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
RESULT = {"type": "tool_result", "tool_use_id": "t1"}
USE = {"type": "tool_use", "id": "t1", "name": "look", "input": {"q": [1]}}
CALL = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": '{"q":[1]}'}}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words, "cache_control": {"type": "ephemeral", "ttl": "1h"}}


def asked(*messages: dict[str, Any], **more: Any) -> Question:
    return as_chat({"model": "kimi", "max_tokens": 9, "messages": list(messages), **more})


def turns(*messages: dict[str, Any], **more: Any) -> list[Any]:
    """The messages of chat completions, which the rest of the gateway has to understand."""
    question = asked(*messages, **more)
    understand(question.body)
    found: list[Any] = orjson.loads(orjson.dumps(question.body["messages"]))
    return found


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def refused(*messages: Any, **more: Any) -> str:
    """The field at fault."""
    with pytest.raises(BadRequest) as caught:
        asked(*messages, **more)
    return caught.value.param or ""


HI = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    ("system", "told"),
    [
        ("Be brief.", "Be brief."),
        ([text("Be brief."), text("Be kind.")], "Be brief.\n\nBe kind."),
        ([text("x-anthropic-billing-header: cc_version=2; cch=71fea;"), text("Be brief.")], "Be brief."),
        ("x-anthropic-billing-header: cc_version=2; cch=71fea;\nBe brief.", "Be brief."),
    ],
)
def test_instructions_come_first_and_without_what_is_new_in_each_request(system: Any, told: str) -> None:
    assert turns(HI, system=system) == [{"role": "system", "content": told}, HI]


@pytest.mark.parametrize("system", [None, "", [], [text("x-anthropic-billing-header: cch=1;")]])
def test_there_need_be_no_instructions(system: Any) -> None:
    assert turns(HI, system=system) == [HI]


def test_instructions_may_come_later() -> None:
    late = user({"type": "mid_conv_system", "content": [text("Be kind.")]}, text("hi"))
    assert turns(late, {"role": "system", "content": "Be brief."}) == [
        {"role": "system", "content": "Be kind."},
        HI,
        {"role": "system", "content": "Be brief."},
    ]


def test_what_a_user_shows() -> None:
    link = {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}}
    shown = turns(user(text("Look:"), IMAGE, link, text("Well?")))
    assert shown[0]["content"] == [
        {"type": "text", "text": "Look:"},
        SHOWN,
        {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
        {"type": "text", "text": "Well?"},
    ]
    assert turns(user(text("hi"))) == [HI]


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (
            {"source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="}, "title": "a.pdf"},
            [{"type": "file", "file": {"url": "data:application/pdf;base64,aGk=", "filename": "a.pdf"}}],
        ),
        (
            {"source": {"type": "url", "url": "https://x.example/a.pdf"}, "title": None},
            [{"type": "file", "file": {"url": "https://x.example/a.pdf"}}],
        ),
        (
            {"source": {"type": "text", "media_type": "text/plain", "data": "All."}, "title": "T", "context": "C"},
            "T\nC\nAll.",
        ),
        ({"source": {"type": "content", "content": "All of it."}}, "All of it."),
        (
            {"source": {"type": "content", "content": [text("Look:"), IMAGE]}, "title": "T"},
            [{"type": "text", "text": "T"}, {"type": "text", "text": "Look:"}, SHOWN],
        ),
    ],
)
def test_documents(document: dict[str, Any], told: Any) -> None:
    assert turns(HI, user({"type": "document", **document}))[1]["content"] == told


def test_what_a_search_of_the_client_has_found_is_a_text() -> None:
    found = {"type": "search_result", "source": "https://x.example", "title": "T", "content": [text("a"), text("b")]}
    assert turns(user(found)) == [{"role": "user", "content": "T\nhttps://x.example\na\nb"}]


def test_calls_and_thoughts_of_the_assistant() -> None:
    said = assistant(
        {"type": "thinking", "thinking": "Hm.", "signature": "x"},
        {"type": "redacted_thinking", "data": "?"},
        text("Let me "),
        text("look."),
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        {**USE, "caller": {"type": "direct"}, "cache_control": {"type": "ephemeral"}},
    )
    assert turns(HI, said, user({**RESULT, "content": "4"}))[1] == {
        "role": "assistant",
        "content": "Let me look.",
        "reasoning_content": "Hm.",
        "tool_calls": [CALL],
    }


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ({"content": "4"}, "4"),
        ({}, ""),
        ({"content": []}, ""),
        ({"content": [text("4"), text("5")]}, "4\n5"),
        ({"content": "no such file", "is_error": True}, "Error: no such file"),
        ({"content": [{"type": "tool_reference", "tool_name": "find"}]}, "`find` can be called now."),
    ],
)
def test_results_are_messages_of_their_own(result: dict[str, Any], told: str) -> None:
    said = turns(HI, assistant(USE), user({**RESULT, **result}, text("Go on.")))
    assert said[2:] == [
        {"role": "tool", "tool_call_id": "t1", "content": told},
        {"role": "user", "content": "Go on."},
    ]


def test_pictures_in_results_come_behind_all_of_them() -> None:
    results = user({**RESULT, "content": [text("Here:"), IMAGE]}, {**RESULT, "tool_use_id": "t2", "content": "5"})
    first, second, shown = turns(HI, assistant(USE, {**USE, "id": "t2"}), results)[2:]
    assert first["content"].startswith("Here:\n") and "next message" in first["content"]
    assert (second["tool_call_id"], second["content"]) == ("t2", "5")
    assert shown == {"role": "user", "content": [SHOWN]}


def test_an_answer_that_was_begun_is_gone_on_with() -> None:
    begun = {"role": "assistant", "content": "The best answer is ("}
    assert turns(HI, begun)[1] == {**begun, "partial": True}
    assert "partial" not in turns(HI, begun, HI)[1]
    assert "partial" not in turns(HI, assistant(USE))[1]
    assert "partial" not in turns(HI, begun, user())[1]


def test_thoughts_that_the_client_has_not_seen_come_back_sealed() -> None:
    thought = {"type": "thinking", "thinking": "", "signature": seal("Hm，嗯.")}
    assert turns(HI, assistant(thought, USE), user({**RESULT, "content": "4"}))[1]["reasoning_content"] == "Hm，嗯."


def test_what_anthropic_has_left_of_earlier_turns_is_told() -> None:
    left = [{"type": "compaction", "content": "They spoke of the moon."}, {"type": "compaction", "content": None}]
    ran = {"type": "mcp_tool_use", "id": "m", "name": "look", "server_name": "s", "input": {}}
    found = {"type": "mcp_tool_result", "tool_use_id": "m", "content": []}
    assert turns(HI, assistant(*left, ran, found, text("Ah.")), HI)[1] == {
        "role": "assistant",
        "content": "They spoke of the moon.\n\nAh.",
    }
    assert refused(HI, assistant({"type": "compaction", "content": 7})) == "messages.1.content.0.content"


def test_what_the_assistant_has_said_with_nothing_to_read_is_left_out() -> None:
    assert turns(HI, assistant({"type": "redacted_thinking", "data": "?"}), HI) == [HI, HI]


def test_where_attachments_stand_is_known_by_the_clients_names() -> None:
    question = asked(HI, assistant(USE), user({**RESULT, "content": [IMAGE]}, text("a"), IMAGE), system="Be brief.")
    (first, second) = understand(question.body).messages[-1].attachments
    assert question.places.of(first.where) == "messages.2.content.0.content.0"
    assert question.places.of(second.where) == "messages.2.content.2"
    assert question.places.of(f"{second.where}.image_url.url") == "messages.2.content.2.source.url"


@pytest.mark.parametrize(
    ("message", "where"),
    [
        (7, "messages.0"),
        ({"role": "tool", "content": "x"}, "messages.0.role"),
        ({"role": ["user"], "content": "x"}, "messages.0.role"),
        ({"role": "user"}, "messages.0.content"),
        ({"role": "user", "content": {"type": "text"}}, "messages.0.content"),
        (user("x"), "messages.0.content.0"),
        (user({"text": "x"}), "messages.0.content.0"),
        (user({"type": "text", "text": 7}), "messages.0.content.0.text"),
        (user(text("a"), {"type": "video"}), "messages.0.content.1.type"),
        (user({"type": "container_upload", "file_id": "f"}), "messages.0.content.0.type"),
        (user({"type": "image"}), "messages.0.content.0.source"),
        (user({"type": "image", "source": {"type": "file", "file_id": "f"}}), "messages.0.content.0.source.file_id"),
        (user({"type": "image", "source": {"type": "x"}}), "messages.0.content.0.source.type"),
        (user({"type": "image", "source": {**PNG, "data": None}}), "messages.0.content.0.source.data"),
        (user({"type": "document", "source": {"type": "content"}}), "messages.0.content.0.source.content"),
        (
            user({"type": "document", "source": {"type": "content", "content": [{"type": "document"}]}}),
            "messages.0.content.0.source.content.0.type",
        ),
        (user({"type": "tool_result", "content": "4"}), "messages.0.content.0.tool_use_id"),
        (user({**RESULT, "content": 4}), "messages.0.content.0.content"),
        (user({**RESULT, "content": [{"type": "video"}]}), "messages.0.content.0.content.0.type"),
        (user({"type": "mid_conv_system", "content": [IMAGE]}), "messages.0.content.0.content.0.type"),
        (assistant(IMAGE), "messages.0.content.0.type"),
        (assistant({**USE, "input": "{}"}), "messages.0.content.0.input"),
        (assistant({**USE, "id": None}), "messages.0.content.0.id"),
        (assistant({**USE, "name": 7}), "messages.0.content.0.name"),
    ],
)
def test_what_cannot_be_read_is_named(message: Any, where: str) -> None:
    assert refused(message) == where


@pytest.mark.parametrize("system", [7, {"type": "text"}, [IMAGE], ["x"], [{"type": "text"}]])
def test_instructions_are_text(system: Any) -> None:
    assert refused(HI, system=system).startswith("system")


@pytest.mark.parametrize("messages", [None, [], "hi", {}])
def test_messages_are_a_list_of_some(messages: Any) -> None:
    with pytest.raises(BadRequest) as caught:
        as_chat({"model": "kimi", "max_tokens": 9, "messages": messages})
    assert caught.value.param == "messages"
