"""Pages are named by whoever answers: they can neither leave their link nor make a text grow without end."""

from __future__ import annotations

import re

import pytest

from gateway.shaping.citations import LINKED, MOST_PAGES, Citations
from gateway.shaping.markdown import link
from gateway.shaping.marks import Marks
from kimi.events import Source

LONG = "https://a.example/" + "x" * 4_000
WHOLE = re.compile(r"\[(?:\\.|[^\\\[\]\n\r])*\]\([^\s()<>\"`\\|]*\)")
"""A link that is one, and nothing behind it."""
NASTY = (
    "](javascript:alert(1))",
    "a](https://evil.example) [b",
    "a\n\n# forged\n\n[1] x",
    "a\r- b\u2028c\x85d",
    "\\](x)",
    "\\",
    "`code` <script>alert(1)</script> ![i](x)",
    "| a | b |",
    "\x1b]0;owned\x07\x9b2J",
    "\u202egnp.exe\u2066\u200b\ufeff",
    "a\x00b\ud800",
)


@pytest.mark.parametrize("nasty", NASTY)
def test_a_link_is_one_link_whatever_is_said_of_its_page(nasty: str) -> None:
    for made in (link(nasty, f"https://a.example/{nasty}"), link(nasty, nasty), link("", nasty)):
        assert WHOLE.fullmatch(made), made
        assert not re.search("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]", made)


@pytest.mark.parametrize("nasty", NASTY)
def test_a_title_forges_no_line(nasty: str) -> None:
    citations = Citations()
    citations.learn([Source("1", "https://a.example/", nasty), Source("2", "https://b.example/", "b")])
    _, _, *lines = citations.lines().splitlines()

    assert len(lines) == 2 and lines[0].startswith("[1] [") and lines[1].startswith("[2] [")
    assert all(WHOLE.fullmatch(line[4:].rstrip(" ")) for line in lines)


def test_marks_do_not_blow_a_text_up() -> None:
    citations = Citations()
    citations.learn([Source("1", LONG)])
    marks = Marks(citations.cite)
    shown = sum(len(marks.feed("[^1^]" * 1_000)) for _ in range(20))

    assert len(LONG) < shown <= LINKED and len(citations.notes(shown)) <= LINKED // len(LONG)


def test_one_mark_does_not_either() -> None:
    citations = Citations()
    citations.learn([Source(str(number), f"{LONG}{number}"[:4_096]) for number in range(900)])
    shown = Marks(citations.cite).feed("\ue3a0cite" + "".join(f"\ue3a3{number}" for number in range(200)) + "\ue3a8")

    assert 0 < len(shown) <= LINKED


def test_no_more_pages_are_known_than_anybody_reads() -> None:
    citations = Citations()
    for start in range(0, 50_000, 1_000):
        citations.learn([Source(str(n), f"https://a.example/{n}") for n in range(start, start + 1_000)])
        citations.learn([Source(f"k{n}", "https://a.example/0") for n in range(start, start + 1_000)])
    citations.note_rest(0)

    assert len(citations.notes(0)) == MOST_PAGES
    assert citations.cite(["49999"], 0) == ""
