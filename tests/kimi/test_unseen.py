"""What nobody sees, wherever words of others are shown."""

from __future__ import annotations

import pytest

from gateway.shaping.markdown import link
from kimi.redaction import redact
from kimi.upstreams.sources import source

HIDDEN = ("\x1b", "\x7f", "\x9b", "\u00ad", "\u061c", "\u200b", "\u200f", "\u202e", "\u2066", "\ufeff", "\U000e0041")
JOINED = "\N{MAN}\u200d\N{WOMAN}"


@pytest.mark.parametrize("hidden", HIDDEN, ids=ascii)
def test_what_nobody_sees_is_shown_nowhere(hidden: str) -> None:
    assert redact(f"a{hidden}b") == "a\ufffdb"
    assert link(f"a{hidden}b", "https://a.example/") == "[ab](https://a.example/)"
    assert hidden not in link("a", f"https://a.example/{hidden}b")
    assert source("1", f"https://a.example/{hidden}b", "a") is None


def test_what_joins_letters_is_part_of_a_text_and_of_no_address() -> None:
    assert link(JOINED, "https://a.example/") == f"[{JOINED}](https://a.example/)"
    assert source("1", f"https://a.example/{JOINED}", "a") is None
