"""Where the newer dialect's answers say what they draw on."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from kimi.events import Answering, ChatOpened, Finish, Source, Sources, Text
from kimi.upstreams.connect_reader import Reader
from kimi.upstreams.connect_sources import Calls, of_message
from kimi.upstreams.drift import Drift
from tests.kimi.replay import read, recorded, text_of

BEGINNING = [ChatOpened("19a0c0de-1111-8000-8000-00000000c0de"), Answering("m-asst")]
MOON = ("https://example.com/moon", "Moon")
TIDES = ("https://example.org/tides?a=1", "Tides & more")
WIKI = ("https://例子.测试/月亮", "月亮 — 百科")


def test_pages_are_told_under_the_keys_of_their_marks_which_stay_in_the_text() -> None:
    events = read(Reader(Drift()), recorded("connect-citations.bin"))

    assert text_of(events) == (
        "384,400 km\ue3a0cite\ue3a3web_search:1#0\ue3a3web_search:1#2\ue3a8。"
        "And far\ue3a0cite\ue3a3web_search:2#0:~:text=far\ue3a8."
    )
    assert [event for event in events if not isinstance(event, Text)] == [
        *BEGINNING,
        Sources((Source("web_search:1#0", *MOON),)),
        Sources((Source("web_search:1#2", *TIDES),)),
        Sources((Source("web_search:2#0", *WIKI),)),
        Finish("stop"),
    ]


def test_the_pages_of_older_models_are_told_by_the_ids_of_their_references() -> None:
    events = read(Reader(Drift()), recorded("connect-references.bin"))

    assert text_of(events) == "384,400 km[^2^]"
    assert [event for event in events if isinstance(event, Sources)] == [
        Sources((Source(TIDES[0], *TIDES), Source(MOON[0], *MOON))),  # their places mean nothing
        Sources((Source("2", *MOON),)),
    ]


@pytest.mark.parametrize("name", ["connect-citations.bin", "connect-references.bin"])
def test_it_does_not_matter_where_the_stream_is_cut(name: str, caplog: pytest.LogCaptureFixture) -> None:
    stream = recorded(name)
    whole = read(Reader(Drift()), stream)

    assert read(Reader(Drift()), *(stream[at : at + 1] for at in range(len(stream)))) == whole
    for cut in range(len(stream)):
        assert read(Reader(Drift()), stream[:cut], stream[cut:]) == whole, cut
    assert caplog.records == []


def block(call: str | None, *titles: str, block_id: str = "t") -> dict[str, Any]:
    contents = [{"searchResult": {"base": {"url": "https://a.com", "title": title}}} for title in titles]
    named = {} if call is None else {"toolCallId": call}
    return {"id": block_id, "tool": {"name": "web_search", **named, **({"contents": contents} if titles else {})}}


def keys(calls: Calls, block: dict[str, Any], operation: str) -> list[tuple[str, str]]:
    return [(page.key, page.title) for page in calls.of_block(block, operation)]


def test_a_page_without_a_key_has_that_of_its_call_and_its_place() -> None:
    calls = Calls()

    assert keys(calls, block("web_search:7"), "set") == []
    assert keys(calls, block(None, "a", "b"), "append") == [("web_search:7#0", "a"), ("web_search:7#1", "b")]
    assert keys(calls, block(None, "c"), "append") == [("web_search:7#2", "c")]
    assert keys(calls, block(None, "d"), "set") == [("web_search:7#0", "d")]
    assert keys(calls, block("web_search:8", "e", block_id="u"), "set") == [("web_search:8#0", "e")]


def test_what_is_remembered_of_calls_has_a_bound() -> None:
    calls, long = Calls(), "x" * 100_000
    assert keys(calls, block(long, "a", block_id=long), "set") == [(f"{'x' * 64}#0", "a")]
    for number in range(999):
        keys(calls, block(None, block_id=f"{number}"), "set")

    assert keys(calls, block("more", "b", block_id="more"), "set") == []
    assert keys(calls, block(None, "c", block_id=long), "append") == [(f"{'x' * 64}#1", "c")]


def test_calls_without_an_id_are_counted() -> None:
    calls = Calls()

    assert keys(calls, block(None, "a"), "set") == [("web_search:1#0", "a")]
    assert keys(calls, block(None, "b", block_id="u"), "set") == [("web_search:2#0", "b")]


@pytest.mark.parametrize(
    "odd",
    [
        {"tool": 3},
        {"tool": {"contents": 3}},
        {"tool": {"contents": [3, {}, {"searchResult": 3}, {"searchResult": {"base": 3}}]}},
        {"tool": {"contents": [{"searchResult": {"base": {"url": "ftp://a.com"}}}]}},
        {"tool": {"contents": [{"searchResult": {"base": {"url": "https://a.com/ x"}}}]}},
        {"search": {"webPages": 3}},
        {"search": 3},
    ],
)
def test_what_is_no_page_is_none(odd: dict[str, Any]) -> None:
    assert Calls().of_block(odd, "set") == ()


@pytest.mark.parametrize("odd", [{}, {"refs": 3}, {"refs": {"searchChunks": 3}}, {"refs": {"searchChunks": [3, {}]}}])
def test_what_is_no_reference_is_none(odd: dict[str, Any]) -> None:
    assert of_message(odd) == ()


def test_the_users_own_references_are_no_sources() -> None:
    refs = {"searchChunks": [{"id": "1", "base": {"url": "https://a.com"}}]}
    user = orjson.dumps({"op": "set", "mask": "message", "message": {"id": "u", "role": "user", "refs": refs}})

    assert read(Reader(Drift()), len(user).to_bytes(5, "big") + user) == []
