from __future__ import annotations

import pytest

from gateway.shaping.citations import MOST_LINES, Citations
from gateway.shaping.markdown import link
from kimi.events import Annotation, Source

MOON = Source("1", "https://moon.example/a", "The moon")
TIDES = Source("2", "https://tides.example/", "潮汐")


def knowing(*sources: Source) -> Citations:
    citations = Citations()
    citations.learn(sources)
    return citations


@pytest.mark.parametrize(
    ("label", "url", "expected"),
    [
        ("1", "https://a.example/b?c=d&e#f", "[1](https://a.example/b?c=d&e#f)"),
        ("1", "https://a.example/b_(c)", "[1](https://a.example/b_%28c%29)"),
        ("1", "https://a.example/a b`|<>", "[1](https://a.example/a%20b%60%7C%3C%3E)"),
        ("1", "https://例子.example/月亮", "[1](https://例子.example/月亮)"),
        ("a [b] `c` \\ <d> | e", "https://a.example", r"[a \[b\] \`c\` \\ \<d> \| e](https://a.example)"),
        ("月亮：《潮汐》", "https://a.example", "[月亮：《潮汐》](https://a.example)"),
        ("1", "https://a.example/\ue3a8\ud800", "[1](https://a.example/%EE%8E%A8%3F)"),
    ],
)
def test_a_link_holds_whatever_its_parts_are(label: str, url: str, expected: str) -> None:
    assert link(label, url) == expected


def test_pages_are_numbered_as_they_are_cited() -> None:
    citations = knowing(MOON, TIDES)
    assert citations.cite(["2"], 10) == "[1](https://tides.example/)"
    assert citations.cite(["1", "x", "2", "1"], 50) == "[2](https://moon.example/a)[1](https://tides.example/)"
    assert citations.cite(["x"], 90) == ""
    assert citations.notes(1_000) == [
        Annotation(10, 37, "https://tides.example/", "潮汐"),
        Annotation(50, 77, "https://moon.example/a", "The moon"),
        Annotation(77, 104, "https://tides.example/", "潮汐"),
    ]


def test_only_what_is_shown_is_spoken_of() -> None:
    citations = knowing(MOON)
    end = len(citations.cite(["1"], 0))
    assert citations.notes(end - 1) == []
    assert len(citations.notes(end)) == 1


def test_keys_can_lead_to_one_page_and_titles_can_come_later() -> None:
    citations = knowing(Source("1", MOON.url), Source("a:1", MOON.url, "  The\n moon "), Source("b", MOON.url))
    assert citations.cite(["1", "a:1"], 0) == "[1](https://moon.example/a)"
    assert citations.notes(100) == [Annotation(0, 27, MOON.url, "The moon")]


@pytest.mark.parametrize(
    "url", ["", "javascript:alert(1)", "data:,x", "https://", "moon.example", "https://a.example/" + "x" * 5_000]
)
def test_what_is_no_address_on_the_web_is_no_page(url: str) -> None:
    citations = knowing(Source("1", url, "title"))
    assert citations.cite(["1"], 0) == citations.lines() == ""


def test_lines_list_what_was_cited_first_and_say_where_they_stand() -> None:
    citations = knowing(MOON, TIDES, Source("3", "https://c.example"))
    citations.cite(["2"], 0)
    lines = citations.lines()
    assert lines == (
        "\n\n[1] [潮汐](https://tides.example/)  \n"
        "[2] [The moon](https://moon.example/a)  \n"
        "[3] [https://c.example](https://c.example)"
    )
    citations.note_lines(100)
    cited, *listed = citations.notes(1_000)
    assert cited.start == 0
    text = " " * 100 + lines
    assert [text[note.start : note.end] for note in listed] == [
        "[潮汐](https://tides.example/)",
        "[The moon](https://moon.example/a)",
        "[https://c.example](https://c.example)",
    ]


def test_pages_that_are_not_shown_belong_to_the_end() -> None:
    citations = knowing(MOON, TIDES)
    citations.cite(["2"], 0)
    citations.note_rest(50)
    assert citations.notes(50)[1:] == [Annotation(50, 50, MOON.url, "The moon")]


def test_there_are_not_more_lines_than_somebody_reads() -> None:
    citations = knowing(*(Source(str(n), f"https://a.example/{n}", "t" * 300) for n in range(60)))
    lines = citations.lines().strip().split("\n")
    assert len(lines) == MOST_LINES
    assert max(map(len, lines)) < 250
    assert knowing().lines() == ""
