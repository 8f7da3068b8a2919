"""Bare text for an EventSource, as a browser's reader of events understands it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import BytesIO

import orjson
import pytest

from gateway.surfaces.event_source import TextStream
from gateway.surfaces.tally import Tally
from kimi.chat import Feature, Message
from kimi.errors import AllBusy, Unreachable
from kimi.events import Event, Finish, Text, Thinking, Usage
from tests.gateway.fakes import AUTHORIZED, House, Silence, answer

URL = "/chat/kimi"


@pytest.fixture
def house() -> House:
    return House()


def events(stream: bytes) -> list[tuple[str, str]]:
    """What a reader dispatches by the rules of the HTML standard: an event without data is none."""
    found, name, data = [], "", ""
    for line in re.split(r"\r\n|\r|\n", stream.decode()):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line and data:
            found.append((name or "message", data.removesuffix("\n")))
        if not line:
            name, data = "", ""
        elif field == "event":
            name = value
        elif field == "data":
            data += f"{value}\n"
    return found


def rendered(*batches: Sequence[Event]) -> str:
    """The text that arrives."""
    stream = TextStream(Tally([Message("user", "hi")]))
    return "".join(data for name, data in events(b"".join(map(stream.render, batches))) if name == "message")


@pytest.mark.parametrize(
    "texts",
    [
        ("Hel", "lo"),
        (" leading", "  spaces", " "),
        ("two\nlines", "\n", "\n\nand more\n"),
        ("data: no field", ": no comment", "id:5"),
        ("你好", "👩‍🚀"),
        ("",),
    ],
)
def test_text_arrives_as_it_was(texts: tuple[str, ...]) -> None:
    assert rendered(*([Text(text)] for text in texts), [Finish("stop")]) == "".join(texts)


@pytest.mark.parametrize("texts", [("a\r\nb",), ("a\r", "\nb"), ("a\rb",), ("a\r", "b")])
def test_every_line_end_is_one_newline(texts: tuple[str, ...]) -> None:
    assert rendered(*([Text(text)] for text in texts)) == "a\nb"


def test_a_line_end_at_the_very_end_is_kept() -> None:
    assert rendered([Text("a\r")], [Finish("stop")]) == "a\n"


def test_what_came_together_is_one_event_and_thinking_is_none() -> None:
    assert rendered([Thinking("hm"), Text("a"), Text("b")]) == "ab"
    assert TextStream(Tally([])).render([Thinking("hm")]) == b""


def test_the_end_is_an_event_of_its_own(house: House) -> None:
    house.pool.will(Text("Hel"), Text("lo"), Finish("stop", Usage(1, 2)))
    response = house.client.post(URL, data={"message": "hi"}, headers=AUTHORIZED)
    assert response.status_code == 200
    assert response.content_type == "text/event-stream; charset=utf-8"
    assert events(response.data) == [("message", "Hel"), ("message", "lo"), ("done", "[DONE]")]
    response.close()
    assert house.pool.last.closed == 1


@pytest.mark.parametrize("where", ["query", "form", "multipart", "json", "untyped json"])
def test_the_message_may_stand_anywhere(house: House, where: str) -> None:
    house.pool.will(*answer("x"))
    given = {"message": "hi & 你好", "model": "kimi-search"}
    match where:
        case "query":
            response = house.client.post(URL, query_string=given, headers=AUTHORIZED)
        case "form":
            response = house.client.post(URL, data=given, headers=AUTHORIZED)
        case "multipart":
            response = house.client.post(URL, data={**given, "f": (BytesIO(b"x"), "f.txt")}, headers=AUTHORIZED)
        case "json":
            response = house.client.post(URL, json=given, headers=AUTHORIZED)
        case _:
            response = house.client.post(URL, data=orjson.dumps(given), headers=AUTHORIZED)
    assert response.status_code == 200
    selection, chat, _ = house.pool.started[0]
    assert chat.messages == (Message("user", "hi & 你好"),)
    assert selection.name == "kimi-search" and selection.features == {Feature.SEARCH}


def test_the_model_is_kimi_if_none_is_named(house: House) -> None:
    house.pool.will(*answer("x"))
    house.client.post(URL, data={"message": "hi"}, headers=AUTHORIZED)
    assert house.pool.started[0][0].name == "kimi"


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b"", "", "invalid_value"),
        (b"message=+", "application/x-www-form-urlencoded", "invalid_value"),
        (b'{"message": 5}', "application/json", "invalid_value"),
        (b"{", "application/json", "invalid_json"),
        (b"--x", "multipart/form-data", "invalid_form"),
    ],
)
def test_a_question_without_a_text_is_told_so(house: House, body: bytes, kind: str, code: str) -> None:
    response = house.client.post(URL, data=body, content_type=kind, headers=AUTHORIZED)
    assert response.status_code == 400
    assert response.get_json()["error"]["code"] == code
    assert house.pool.started == []


def test_a_failure_before_the_first_piece_is_an_event_as_well(house: House) -> None:
    house.pool.will(AllBusy())
    response = house.client.post(URL, data={"message": "hi"}, headers=AUTHORIZED)
    ((name, data),) = events(response.data)
    assert (response.status_code, name) == (200, "error")
    assert orjson.loads(data)["error"]["code"] == "rate_limit_exceeded"


def test_a_failure_later_is_an_event(house: House) -> None:
    house.pool.will(Text("a"), Unreachable())
    response = house.client.post(URL, data={"message": "hi"}, headers=AUTHORIZED)
    (_, (name, data)) = events(response.data)
    assert name == "error"
    assert orjson.loads(data)["error"]["code"] == "upstream_error"


def test_silence_is_bridged_by_comments(house: House) -> None:
    house.pool.will(Text("a"), Silence(10), *answer("b"))
    response = house.client.post(URL, data={"message": "hi"}, headers=AUTHORIZED)
    assert b"\n\n: still working\n\n" in response.data


def test_it_needs_a_key_and_is_posted(house: House) -> None:
    assert house.client.post(URL, data={"message": "hi"}).status_code == 401
    assert house.client.get(URL, query_string={"message": "hi"}, headers=AUTHORIZED).status_code == 405
