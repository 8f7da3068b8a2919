from __future__ import annotations

import pytest

from gateway.errors import BadRequest
from gateway.surfaces.content import conversation
from kimi.chat import Message

HELLO = {"role": "user", "content": "hello"}


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
    calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}, "nonsense"]
    found = conversation([HELLO, {"role": "assistant", "content": "Well", "tool_calls": calls}])
    assert found.messages[1] == Message("assistant", 'Well\n{"name":"f","arguments":"{}"}')


def test_the_first_part_that_is_no_text_is_pointed_at() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    found = conversation([HELLO, {"role": "user", "content": [{"type": "text", "text": "?"}, image, image]}])
    assert found.attachment == "messages[1].content[1]"
    assert found.messages[1] == Message("user", "?")


def test_an_image_alone_is_enough() -> None:
    found = conversation([{"role": "user", "content": [{"type": "file", "file": {}}]}])
    assert found.attachment == "messages[0].content[0]"


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
