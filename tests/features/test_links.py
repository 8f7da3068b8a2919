"""Links in a question: each dialect gets them as it reads them, with their true ends."""

from __future__ import annotations

import pytest

from tests.features.asking import ask, asked
from tests.features.kinds import is_classic
from tests.system.stack import Stack

TEXTS = [
    ("Sum up https://example.com/a", ["https://example.com/a"]),
    ("看看https://example.com/a里面写了什么", ["https://example.com/a"]),
    ("看看https://example.com里面写了什么", ["https://example.com"]),
    ("Read https://example.com/a, then https://example.org/b.", ["https://example.com/a", "https://example.org/b"]),
    ("参考（https://example.com/a）。", ["https://example.com/a"]),
    ("in [this page](https://example.com/a_(b)?c=d#e)!", ["https://example.com/a_(b)?c=d#e"]),
    ("<https://example.com/a>", ["https://example.com/a"]),
    ("at http://example.com:8080/a?b=c&d=e%20f;", ["http://example.com:8080/a?b=c&d=e%20f"]),
    ("https://例子.中国/a", ["https://例子.中国/a"]),
    ("https://bücher.example/", ["https://bücher.example/"]),
    ("ftp://example.com/a and example.com", []),
]


@pytest.mark.parametrize(("text", "links"), TEXTS, ids=range(len(TEXTS)))
def test_links_are_read(classic: Stack, text: str, links: list[str]) -> None:
    ask(classic, text)
    assert asked(classic)["read"]["links"] == links


def test_connect_takes_the_text_as_it_is(connect: Stack) -> None:
    ask(connect, "看看 https://example.com/a 里面写了什么")
    assert asked(connect)["prompt"] == "看看 https://example.com/a 里面写了什么"
    assert asked(connect)["read"]["links"] == ["https://example.com/a"]


def test_a_link_switches_search_off_unless_it_is_asked_for(classic: Stack) -> None:
    ask(classic, "Sum up https://example.com/a", model="kimi")
    assert asked(classic)["body"]["use_search"] is False
    ask(classic, "Sum up https://example.com/a", use_search=True)
    assert asked(classic)["body"]["use_search"] is True


def test_the_links_of_earlier_turns_are_read_in_a_folded_history(house: Stack) -> None:
    messages = [
        {"role": "user", "content": "Sum up https://example.com/a"},
        {"role": "assistant", "content": "A page, see https://example.net/answer"},
        {"role": "user", "content": "And https://example.org/b?"},
    ]
    ask(house, messages=messages, model="kimi")
    read = asked(house)["read"]["links"]
    assert read[-1] == "https://example.org/b"
    assert "https://example.com/a" in read
    assert is_classic(house) or read
