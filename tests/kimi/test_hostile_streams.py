"""An answer may hold anything: it is an error of the upstream's, or an answer within bounds, and never one of ours."""

from __future__ import annotations

import orjson
import pytest

from kimi.accounts import Kind
from kimi.errors import AccountDead, BrokenAnswer, UpstreamError
from kimi.events import Answering, ChatOpened, Event, Sources, ToolCall
from kimi.upstreams.classic_reader import Reader as Classic
from kimi.upstreams.connect_reader import Reader as Connect
from kimi.upstreams.drift import Drift
from kimi.upstreams.moonshot_reader import Reader as Moonshot
from kimi.upstreams.reading import batches
from tests.kimi.hostile import ended, framed
from tests.kimi.replay import Recorded, read, said


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(
    "message",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"error":' * 1_000 + b"1" + b"}" * 1_000,
        b'{"event": NaN}',
        b'{"event": 1e400}',
        b'{"n": ' + b"9" * 100_000 + b"e9999}",
        b'{"event": "\\ud800"}',
        b'{"event": "\xff\xfe"}',
        b'{"event": "a\x00b"}',
        b'\xef\xbb\xbf{"event": "cmpl"}',
        b"",
        b"null",
        b'"text"',
        b"{}" * 2,
        b'{"event": "error"}',
        b'{"error": ""}',
        b'{"error": {"message": "' + b"x" * 1_000_000 + b'"}}',
        b'{"error": {"details": [' + b"[]," * 100_000 + b"[]]}}",
    ],
)
def test_a_message_that_is_none_is_the_upstreams_trouble(kind: Kind, message: bytes) -> None:
    error = ended(kind, message)

    assert isinstance(error, UpstreamError) and not isinstance(error, AccountDead) and len(str(error)) <= 300


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(
    "fields",
    [
        {"event": {}, "mask": [], "op": {}, "block": [], "choices": {}},
        {"event": "x" * 500_000, "mask": "a." * 250_000, "message": {"id": "y" * 500_000}},
        {"event": "cmpl", "text": [], "block": {"text": []}, "mask": "block.text", "choices": [{"delta": []}]},
        {"event": "req", "id": "../../x", "chat": {"id": "../../x"}, "choices": [[]]},
        {"event": "resp", "id": "a b\r\n", "chat": {"id": "a b\r\n"}, "choices": [None]},
        {"event": "ref_docs", "ref_cards": {"a": [[]]}, "notification": {"type": {}}, "usage": {"prompt_tokens": -1}},
        {"event": "search_plus", "msg": {"type": "get_res", "url": 3}, "message": {"refs": {"searchChunks": [[3]]}}},
    ],
)
def test_fields_of_any_form_are_no_error_of_ours(kind: Kind, fields: dict[str, object]) -> None:
    messages = [{name: value} for name, value in fields.items() if name != "event"]
    error = ended(kind, orjson.dumps(fields))

    assert isinstance(error, UpstreamError)
    for each in messages:
        assert isinstance(ended(kind, orjson.dumps(each)), UpstreamError)


def test_one_stream_names_one_chat() -> None:
    """Each that is named is written down, and deleted by a call."""
    named = [framed(Kind.KIMI, b'{"op":"set","chat":{"id":"chat-%d"}}' % number) for number in range(9)]
    told: list[Event] = []
    with pytest.raises(BrokenAnswer, match="one chat after the other"):
        Connect(Drift()).feed(b"".join(named), told)

    assert told == [ChatOpened("chat-0"), ChatOpened("chat-1")]


@pytest.mark.parametrize("chat_id", ["../x", "..", "a b", "a\r\nb", "x" * 129, "\u202ea", "a/b", "*"])
def test_a_chat_whose_id_is_none_can_be_neither_continued_nor_deleted(chat_id: str) -> None:
    drift, told = Drift(), list[Event]()
    reader = Connect(drift)
    reader.feed(framed(Kind.KIMI, orjson.dumps({"op": "set", "chat": {"id": chat_id}})), told)
    assert told == []  # its answer is one all the same
    assert ("chat", "odd.id") in {(seen.what, seen.name) for seen in drift.take()}
    assert read(Classic(Drift()), b"data: %b\n\n" % orjson.dumps({"event": "resp", "id": chat_id})) == []


def test_the_id_of_an_answer_is_one() -> None:
    begun = [
        framed(Kind.KIMI, orjson.dumps({"message": {"id": name, "role": "assistant"}}))
        for name in ("../x", "x" * 129, "a\nb", "m-1")
    ]
    assert read(Connect(Drift()), *begun) == [Answering("m-1")]


def called(index: object, **fields: object) -> bytes:
    function = {"name": fields.pop("name", "f"), "arguments": "{}"}
    call = {"index": index, "id": "c", **fields, "function": function}
    return b"data: %b\n\n" % orjson.dumps({"choices": [{"delta": {"tool_calls": [call]}}]})


@pytest.mark.parametrize(
    "call",
    [
        called(10**15),
        called(128),
        called(-1),
        called(1.5),
        called(True),
        called("0"),
        called(0, id="x" * 257),
        called(0, name="x" * 257),
        b"".join(called(None, id=f"c{number}") for number in range(129)),
    ],
    ids=["huge", "128", "negative", "half", "true", "text", "id", "name", "many"],
)
def test_a_client_that_makes_room_by_the_index_of_a_call_is_not_made_to_make_much(call: bytes) -> None:
    with pytest.raises(BrokenAnswer):
        read(Moonshot(Drift()), call)
    (told,) = read(Moonshot(Drift()), called(127))
    assert isinstance(told, ToolCall) and told.index == 127


def test_keys_of_pages_are_no_longer_than_their_names() -> None:
    """A call's name stands before the number of each of its pages: a long one would be there once for each."""
    results = [{"searchResult": {"base": {"url": "https://a.example"}}}] * 5_000
    tool = {"toolCallId": "t" * 1_000_000, "contents": results}
    begun = framed(Kind.KIMI, b'{"message":{"id":"m","role":"assistant"}}')
    shown = framed(Kind.KIMI, orjson.dumps({"op": "set", "mask": "block.tool", "block": {"id": "b", "tool": tool}}))

    found = next(event for event in read(Connect(Drift()), begun, shown) if isinstance(event, Sources)).found
    assert len(found) == 1_000 and max(len(page.key) for page in found) <= 100


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//a.example",
        "https://good.example@evil.example/",
        "https://a.example/\u202egpj.exe",
        "https://a.example\\@b.example",
        "https://a.example/\x9b31m",
        "https://a.example/a\nb",
        "https://a.example/" + "x" * 5_000,
        "ftp://a.example/",
        7,
    ],
)
def test_what_no_reader_should_follow_is_no_page(url: object) -> None:
    card = {"event": "ref_docs", "ref_cards": [{"ref_id": 1, "url": url, "title": "t"}]}
    done = b'data: {"event":"cmpl","text":"a"}\n\ndata: {"event":"all_done"}\n\n'
    stream = b"data: %b\n\n" % orjson.dumps(card) + done

    assert not any(isinstance(event, Sources) for event in said(batches(Recorded(stream).chunks(), Classic(Drift()))))
