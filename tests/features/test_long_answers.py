"""How answers end: at the upstream's limit, or at the client's."""

from __future__ import annotations

from typing import Any

import pytest

from devtools.waiting import until
from tests.features.asking import answers, ask, asked, seen
from tests.features.kinds import OFFICIAL_MODEL, streaming
from tests.system.stack import Stack

LONG = "一二三四五六七八九十，one two three 🚀\n" * 20


@streaming
def test_the_upstreams_limit_is_passed_unseen(classic: Stack, streamed: bool) -> None:
    answers(classic, LONG, limit=len(LONG) // 3)
    before = classic.simulator.total("chats_created")
    answer = ask(classic, streamed=streamed)
    assert (answer.text, answer.finish) == (LONG, "stop")
    assert classic.simulator.total("chats_created") == before + 1
    assert [note["body"].get("action") for note in seen(classic, last=3)][1:] == ["continue", "continue"]


@streaming
def test_what_is_longer_still_says_so(classic: Stack, streamed: bool) -> None:
    answers(classic, LONG, limit=len(LONG) // 6)
    answer = ask(classic, streamed=streamed)
    assert answer.finish == "length"
    assert LONG.startswith(answer.text)
    assert len(answer.text) >= len(LONG) // 2


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
@streaming
def test_max_tokens(house: Stack, field: str, streamed: bool) -> None:
    answers(house, LONG)
    fields: dict[str, Any] = {field: 20}
    answer = ask(house, streamed=streamed, **fields)
    assert answer.finish == "length"
    assert LONG.startswith(answer.text)
    assert 5 <= len(answer.text) <= 60
    assert answer.usage.completion_tokens <= 24


@streaming
def test_max_tokens_end_a_continued_answer(classic: Stack, streamed: bool) -> None:
    answers(classic, LONG, limit=100)
    answer = ask(classic, streamed=streamed, max_tokens=150)
    assert answer.finish == "length"
    assert len(answer.text) > 100


@pytest.mark.parametrize(
    ("stop", "text"),
    [
        ("九", "一二三四五六七八"),
        (["two", "九"], "一二三四五六七八"),
        ("one two", "一二三四五六七八九十，"),
        ("none", LONG),
    ],
)
@streaming
def test_stop(house: Stack, stop: Any, text: str, streamed: bool) -> None:
    answers(house, LONG)
    answer = ask(house, streamed=streamed, stop=stop)
    assert (answer.text, answer.finish) == (text, "stop")


def test_the_upstream_is_closed_where_the_client_stops(house: Stack) -> None:
    answers(house, LONG, delay=0.01)
    ask(house, stop="two", streamed=True)
    until(lambda: house.simulator.total("open_streams") == 0, seconds=2, what="the stream is closed")
    assert ask(house).finish == "stop", "the account is free again"


@streaming
def test_the_platform_ends_by_itself(house: Stack, streamed: bool) -> None:
    answers(house, LONG, times=2)
    answer = ask(house, model=OFFICIAL_MODEL, streamed=streamed, stop=["two"], max_tokens=50)
    assert (answer.text, answer.finish) == ("一二三四五六七八九十，one ", "stop")
    assert asked(house)["body"]["stop"] == ["two"]
    assert ask(house, model=OFFICIAL_MODEL, streamed=streamed, max_tokens=5).finish == "length"
