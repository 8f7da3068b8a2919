"""Search: asked for by name or field, sources as annotations and as lines, marks as links; research."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from openai import APIStatusError, OpenAI

from tests.features.asking import answers, ask, asked
from tests.features.kinds import is_classic, streaming
from tests.system.stack import KEY, Stack

FIRST, SECOND = "https://example.com/a", "https://example.org/b?q=1&r=2"
LINE = re.compile(r"https?://\S+")


def searches(house: Stack) -> bool:
    """Whether the newest question asked for a search, in the words of its dialect."""
    body = asked(house)["body"]
    if is_classic(house):
        return bool(body["use_search"])
    return bool(body["tools"])


@pytest.mark.parametrize(
    ("model", "fields", "wanted"),
    [
        ("kimi", {}, False),
        ("kimi-search", {}, True),
        ("kimi", {"use_search": True}, True),
        ("kimi", {"use_search": "true"}, True),
        ("kimi", {"web_search_options": {}}, True),
        ("kimi", {"web_search_options": {"search_context_size": "low"}}, True),
        ("kimi-search", {"use_search": False}, False),
    ],
)
def test_search_is_asked_for(house: Stack, model: str, fields: dict[str, Any], wanted: bool) -> None:
    ask(house, model=model, **fields)
    assert searches(house) == wanted


@streaming
def test_sources_are_annotated_where_they_stand(house: Stack, streamed: bool) -> None:
    answers(house, "月亮 🌕 很远。The moon is far away.")
    answer = ask(house, model="kimi-search", streamed=streamed)
    assert answer.text.startswith("月亮 🌕")
    for mark in ("[^", "\ue3a0", "web_search:", "99^"):
        assert mark not in answer.text
    links = [(text, url) for text, url in answer.cited if text.startswith("[")]
    assert ("[1](https://example.com/a)", FIRST) in links
    assert {url for _, url in answer.cited} == {FIRST, SECOND}
    assert all(url in text or text.strip() for text, url in answer.cited), answer.cited
    titles = {note["url_citation"]["url"]: note["url_citation"]["title"] for note in answer.annotations}
    assert titles[FIRST] == "甲 Alpha 🌍"
    assert all(note["type"] == "url_citation" for note in answer.annotations)


@streaming
def test_sources_are_asked_for_where_they_are_not_told(classic: Stack, streamed: bool) -> None:
    answers(classic, "The moon is far away.", cards=False)
    answer = ask(classic, model="kimi-search", streamed=streamed)
    said, _, lines = answer.text.partition("The moon is far away.")
    assert said == "", "the marks were gone before anybody knew what they mean"
    assert FIRST in lines
    assert {url for _, url in answer.cited} == {FIRST, SECOND}


@streaming
def test_sources_are_listed_at_the_end(house: Stack, streamed: bool) -> None:
    answers(house, "The moon.", marks=False)
    text = ask(house, model="kimi-search", streamed=streamed).text
    said, _, lines = text.partition("The moon.")
    assert said == ""
    assert FIRST in lines
    assert SECOND in lines
    assert "甲 Alpha 🌍" in lines


@streaming
def test_silent_leaves_the_lines_out_but_not_the_annotations(house: Stack, streamed: bool) -> None:
    answers(house, "The moon.", marks=False)
    answer = ask(house, model="kimi-search-silent", streamed=streamed)
    assert answer.text == "The moon."
    assert {url for _, url in answer.cited} == {FIRST, SECOND}
    assert all(
        note["url_citation"]["start_index"] == note["url_citation"]["end_index"] == len("The moon.")
        for note in answer.annotations
    )


def test_annotations_come_with_the_last_delta(house: Stack) -> None:
    with OpenAI(base_url=f"{house.url}/v1", api_key=KEY, max_retries=0) as client:
        stream: Any = client.chat.completions.create(
            model="kimi-search", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        deltas = [chunk.choices[0].delta.model_extra for chunk in stream if chunk.choices]
    annotated = [number for number, delta in enumerate(deltas) if "annotations" in (delta or {})]
    assert len(annotated) == 1
    assert annotated[0] >= len(deltas) - 2


@streaming
def test_marks_beside_a_file_stay_what_they_are_without_a_search(house: Stack, streamed: bool) -> None:
    """A text may speak of itself."""
    answers(house, "Footnotes look like [^note^] and `a[^1]`.")
    assert ask(house, streamed=streamed).text == "Footnotes look like [^note^] and `a[^1]`."


@streaming
def test_research(classic: Stack, streamed: bool) -> None:
    classic.simulator.settings(research_silence=1.5)
    answers(classic, "Found out.", marks=False)
    begun = time.monotonic()
    answer = ask(classic, model="kimi-research-silent", streamed=streamed)
    assert answer.text == "Found out."
    assert time.monotonic() - begun >= 1.5
    note = asked(classic)
    assert note["body"]["use_research"] is True
    usage = classic.simulator.control("GET", f"requests?endpoint=research&account={note['account']}&last=1")
    assert usage[0]["time"] <= note["time"], "the allowance was looked at before"


def test_the_silence_of_a_research_is_bridged(classic: Stack) -> None:
    classic.simulator.fault("stall", texts=1, seconds=2.5)
    with classic.chat("hi", model="kimi-research", stream=True) as response:
        body = b"".join(response.iter_content(None))
    assert body.count(b"\n:") >= 2, "comments"


def guest(house: Stack, research: int) -> dict[str, Any]:
    """An account of a client's own, of which nobody else sees what it has used up."""
    minted: dict[str, Any] = house.simulator.mint("kimi-classic", research=research)[0]
    return minted


def test_research_goes_to_an_account_that_has_some_left(classic: Stack) -> None:
    spent, other = guest(classic, 0), guest(classic, 3)
    key = f"{spent['refresh_token']},{other['refresh_token']}"
    for _ in range(2):
        assert ask(classic, model="kimi-research", key=key).finish == "stop"
        assert asked(classic)["account"] == other["name"]


def test_research_that_is_used_up_is_told(classic: Stack) -> None:
    key = guest(classic, 0)["refresh_token"]
    with pytest.raises(APIStatusError) as refused:
        ask(classic, model="kimi-research", key=key)
    assert refused.value.status_code in (429, 503)
    assert refused.value.response.headers["retry-after"]
    assert ask(classic, key=key).finish == "stop", "all else goes on"
