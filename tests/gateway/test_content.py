from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import BadRequest
from gateway.harmless import CHANNEL_KILLERS
from gateway.surfaces.content import conversation
from kimi.chat import Attachment, Call, Message

HELLO = {"role": "user", "content": "hello"}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "12"}


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("system", "system"),
        ("developer", "system"),
        ("user", "user"),
        ("assistant", "assistant"),
        ("tool", "tool"),
        ("function", "tool"),
    ],
)
def test_roles_of_all_generations_are_known(role: str, expected: str) -> None:
    found = conversation([{"role": role, "content": "x"}])
    assert [message.role for message in found.messages] == [expected]


def test_text_parts_become_one_text() -> None:
    parts = [
        {"type": "text", "text": "one"},
        {"type": "input_text", "text": "two"},
        {"type": "output_text", "text": ""},
        {"type": "refusal", "refusal": "three"},
    ]
    assert conversation([{"role": "user", "content": parts}]).messages == (Message("user", "one\ntwo\n\nthree"),)


def test_null_is_an_empty_text_beside_others() -> None:
    found = conversation([HELLO, {"role": "assistant", "content": None}, {"role": "user"}])
    assert found.messages == (Message("user", "hello"), Message("assistant", ""), Message("user", ""))


def test_earlier_tool_calls_stay_in_the_history() -> None:
    calls = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]
    said = [{"role": "assistant", "content": None, "tool_calls": calls}, RESULT]
    assert conversation([HELLO, *said]).messages[1:] == (
        Message("assistant", "", calls=(Call("c1", "f", '{"a": 1}'),)),
        Message("tool", "12", answers="c1"),
    )


def test_calls_of_the_time_before_ids_get_one() -> None:
    said = [
        {"role": "assistant", "content": "", "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "12"},
    ]
    called, came = conversation([HELLO, *said]).messages[1:]
    assert called.calls[0].id == came.answers != ""
    assert conversation([HELLO, *said]).messages == conversation([HELLO, *said]).messages


def test_calls_that_are_none_are_left_to_an_official_key() -> None:
    found = conversation([HELLO, {"role": "assistant", "content": "Well", "tool_calls": ["nonsense"]}])
    assert found.messages[1] == Message("assistant", "Well")
    assert found.beyond_web is not None and found.beyond_web.param == "messages[1].tool_calls[0]"


def test_a_result_alone_is_something_to_read() -> None:
    assert conversation([RESULT | {"content": ""}]).beyond_web is None


URL = "https://example.com/a.pdf"
DATA = "data:application/pdf;base64,JVBERi0="


@pytest.mark.parametrize(
    ("part", "url", "name", "is_image"),
    [
        ({"type": "file", "file_url": {"url": URL}}, URL, "", False),
        ({"type": "file", "file": {"url": URL, "filename": "a.pdf"}}, URL, "a.pdf", False),
        ({"type": "file", "file": {"file_url": f" {URL}\n"}}, URL, "", False),
        ({"type": "file", "file": {"filename": "a.pdf", "file_data": DATA}}, DATA, "a.pdf", False),
        ({"type": "file", "file": {"file_data": "JVBERi0="}}, "data:;base64,JVBERi0=", "", False),
        ({"type": "file_url", "file_url": {"url": URL}}, URL, "", False),
        ({"type": "file_url", "file_url": URL}, URL, "", False),
        ({"type": "image_url", "image_url": {"url": URL, "detail": "high"}}, URL, "", True),
        ({"type": "image_url", "image_url": "DATA:image/png;base64,AA=="}, "DATA:image/png;base64,AA==", "", True),
        ({"type": "input_file", "file_url": URL}, URL, "", False),
        ({"type": "input_file", "filename": "a.pdf", "file_data": DATA, "file_id": None}, DATA, "a.pdf", False),
        ({"type": "input_image", "image_url": URL}, URL, "", True),
    ],
)
def test_files_and_images_in_every_shape(part: dict[str, Any], url: str, name: str, is_image: bool) -> None:
    found = conversation([{"role": "user", "content": [{"type": "text", "text": "?"}, part]}])
    expected = Attachment(url, "messages[0].content[1]", name, is_image)
    assert found.messages == (Message("user", "?", (expected,)),)
    assert found.beyond_web is None


def test_a_file_alone_is_enough() -> None:
    part = {"type": "file", "file": {"file_data": DATA}}
    found = conversation([{"role": "user", "content": [part, part]}])
    assert [each.where for each in found.messages[0].attachments] == [
        "messages[0].content[0]",
        "messages[0].content[1]",
    ]


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"type": "file"}, ""),
        ({"type": "file", "file": {}}, ".file"),
        ({"type": "file", "file": {"file_id": "file-1"}}, ".file.file_id"),
        ({"type": "input_image", "file_id": "file-1"}, ".file_id"),
        ({"type": "file", "file": {"file_data": 5}}, ".file.file_data"),
        ({"type": "file", "file": {"file_data": DATA, "filename": 5}}, ".file.filename"),
        ({"type": "file", "file_url": {}}, ".file_url.url"),
        ({"type": "file", "file_url": {"url": 5}}, ".file_url.url"),
        ({"type": "image_url", "image_url": " "}, ".image_url"),
        ({"type": "image_url", "image_url": ["x"]}, ".image_url"),
        ({"type": "input_audio", "input_audio": {}}, ""),
        ({"type": "robot"}, ""),
    ],
)
def test_parts_that_only_an_official_key_may_know(part: dict[str, Any], param: str) -> None:
    found = conversation([HELLO, {"role": "user", "content": [part, {"type": "robot"}]}])
    assert found.beyond_web is not None
    assert (found.beyond_web.code, found.beyond_web.param) == ("invalid_value", f"messages[1].content[0]{param}")
    assert [word for word in CHANNEL_KILLERS if word in str(found.beyond_web).lower()] == []


@pytest.mark.parametrize(
    ("url", "param"),
    [
        ("a.png", ".image_url"),
        ({"url": "ms://file"}, ".image_url.url"),
        ({"url": "file:///etc/passwd"}, ".image_url.url"),
        ({"url": "h\tttp://127.0.0.1/"}, ".image_url.url"),
        ({"url": "javascript:alert(1)"}, ".image_url.url"),
    ],
)
def test_other_urls_are_refused_like_those_that_cannot_be_fetched(url: object, param: str) -> None:
    found = conversation([{"role": "user", "content": [{"type": "image_url", "image_url": url}]}])
    assert found.beyond_web is not None
    assert (found.beyond_web.code, found.beyond_web.param) == ("invalid_file", f"messages[0].content[0]{param}")


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        (None, "messages"),
        ("hello", "messages"),
        ({}, "messages"),
        ([], "messages"),
        (["hello"], "messages[0]"),
        ([HELLO, None], "messages[1]"),
        ([{"content": "x"}], "messages[0].role"),
        ([{"role": "robot", "content": "x"}], "messages[0].role"),
        ([{"role": ["user"], "content": "x"}], "messages[0].role"),
        ([{"role": "user", "content": 5}], "messages[0].content"),
        ([{"role": "user", "content": {"type": "text", "text": "x"}}], "messages[0].content"),
        ([{"role": "user", "content": ["x"]}], "messages[0].content[0]"),
        ([{"role": "user", "content": [{"text": "x"}]}], "messages[0].content[0]"),
        ([{"role": "user", "content": [{"type": 5}]}], "messages[0].content[0]"),
        ([HELLO, {"role": "user", "content": [{"type": "text"}]}], "messages[1].content[0].text"),
        ([{"role": "user", "content": [{"type": "refusal", "refusal": None}]}], "messages[0].content[0].refusal"),
        ([{"role": "user", "content": ""}], "messages"),
        ([{"role": "user", "content": " \n"}, {"role": "assistant", "content": None}], "messages"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(messages: object, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        conversation(messages)
    assert (caught.value.code, caught.value.param) == ("invalid_value", param)
