"""A request as people read it on a console."""

from __future__ import annotations

from typing import Any
from unicodedata import east_asian_width

import pytest

from gateway.journal_line import line

SERVED: dict[str, Any] = {
    "request_id": "req-1",
    "method": "POST",
    "route": "/v1/chat/completions",
    "status": 200,
    "outcome": "ok",
    "client": 1,
    "model": "kimi",
    "account": "alice",
    "queue_seconds": 0.002,
    "first_event_seconds": 0.8113,
    "total_seconds": 4.2051,
}


def columns(text: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def test_an_answer_is_short() -> None:
    assert " ".join(line(SERVED).split()) == (
        "200 POST /v1/chat/completions kimi alice 4.21 s, first 0.81 s ok client 1"
    )


def test_what_is_worth_a_look_stands_behind_it() -> None:
    said = line(
        SERVED | {"queue_seconds": 2.5, "failovers": ["RateLimited", "Overloaded"], "outcome": "upstream_error"}
    )
    assert said.endswith("upstream_error  queued 2.50 s  after RateLimited, Overloaded  client 1  req-1")


@pytest.mark.parametrize("changed", [{"account": "爱丽丝"}, {"account": None}, {"model": "kimi-thinking"}])
def test_columns_stand_below_each_other(changed: dict[str, Any]) -> None:
    ends = [columns(said.partition(" ok ")[0]) for said in (line(SERVED), line(SERVED | changed))]
    assert ends[0] == ends[1]


def test_what_a_client_made_up_moves_no_cursor() -> None:
    assert "a?[31mb?c" in line(SERVED | {"model": "a\x1b[31mb\nc"})
    assert line(SERVED | {"client": "a\rb"}).endswith("client a?b")
