"""Where the classic dialect's answers say what they draw on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kimi.chat import Chat, Feature
from kimi.errors import Unreachable
from kimi.events import Answering, Finish, Source, Sources, Text
from kimi.upstreams.classic import SOURCES_SECONDS
from kimi.upstreams.classic_reader import Reader
from kimi.upstreams.drift import Drift
from tests.kimi.classical import ACCOUNT, CHAT, CREATED, OPENED, TOKEN, classic, streamed, told
from tests.kimi.replay import Recorded, Replay, as_json, read, recorded, text_of

SEARCHING = replace(CHAT, features=frozenset({Feature.SEARCH}))
MOON = Source("1", "https://example.com/moon", "Moon")
WIKI = Source("2", "https://例子.测试/月亮?a=1", "月亮 — 百科")
TEXT = "384,400 km[^1^][^2^]。 Far."


def test_pages_are_told_under_the_keys_of_their_marks_which_stay_in_the_text() -> None:
    events = told(Replay(CREATED, streamed("classic-search.sse")), SEARCHING)

    assert text_of(events) == TEXT
    assert [event for event in events if not isinstance(event, Text)] == [
        OPENED,
        Answering("cs2r0f4pqrs5bbbbbbb5"),
        Sources((MOON,)),
        Sources((WIKI,)),
        Sources((MOON, WIKI)),
        Finish("stop"),
    ]


def test_it_does_not_matter_where_the_stream_is_cut() -> None:
    stream = recorded("classic-search.sse")
    whole = read(Reader(Drift()), stream)

    assert text_of(whole) == TEXT
    assert read(Reader(Drift()), *(stream[at : at + 1] for at in range(len(stream)))) == whole
    for cut in range(len(stream)):
        assert read(Reader(Drift()), stream[:cut], stream[cut:]) == whole, cut


REFS = {
    "items": [
        {
            "segment_id": "cs2r0f4pqrs5bbbbbbb6",
            "refs": [
                {
                    "ref_id": "12",
                    "ref_doc": {"title": " The\n Moon ", "url": "https://example.com/moon", "abstract": ""},
                },
                {"ref_id": "13", "ref_doc": {"title": "no page", "url": "ftp://example.com"}},
            ],
        }
    ]
}


def test_pages_that_the_stream_keeps_to_itself_are_asked_for() -> None:
    http = Replay(CREATED, streamed("classic-unsourced.sse"), as_json(REFS))
    events = told(http, SEARCHING)
    call = http.calls[2]

    assert text_of(events) == "384,400 km[^12^]"
    assert events[-2:] == [Sources((Source("12", "https://example.com/moon", "The Moon"),)), Finish("stop")]
    assert (call.method, call.url) == ("POST", "http://classic/api/chat/segment/v3/rag-refs")
    assert call.json == {"queries": [{"chat_id": OPENED.chat_id, "sid": "cs2r0f4pqrs5bbbbbbb6", "z_idx": 0}]}
    assert call.timeout == SOURCES_SECONDS


@pytest.mark.parametrize(
    "answer",
    [
        as_json({"items": [{"refs": None}]}),
        as_json({"items": [{"refs": [{"ref_id": "12"}, 3]}, 3]}),
        as_json({"items": {}}),
        as_json([]),
        as_json({"error_type": "auth.token.invalid"}, 401),
        Recorded(b"<html>"),
        Recorded(error=Unreachable()),
    ],
)
def test_an_answer_does_not_need_its_pages(answer: Recorded) -> None:
    events = told(Replay(CREATED, streamed("classic-unsourced.sse"), answer), SEARCHING)

    assert events[-2:] == [Text("]"), Finish("stop")]


@pytest.mark.parametrize(
    ("stream", "chat"),
    [
        ("classic-unsourced.sse", CHAT),  # nothing was searched for
        ("classic-search.sse", SEARCHING),  # they came
        ("classic-thinking.sse", SEARCHING),  # no mark speaks of any
    ],
)
def test_pages_are_not_asked_for_in_vain(stream: str, chat: Chat) -> None:
    http = Replay(CREATED, streamed(stream))

    assert told(http, chat)[-1] == Finish("stop")
    assert len(http.calls) == 2


def test_a_search_is_a_sign_of_life_for_those_who_read_no_pages() -> None:
    http = Replay(CREATED, streamed("classic-unsourced.sse", size=60), as_json(REFS))

    assert list(classic(http).stream(SEARCHING, ACCOUNT, TOKEN)).count([]) > 3
