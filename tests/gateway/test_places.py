"""What is wrong with a body that was made of another one, told in the words of that."""

from __future__ import annotations

import pytest

from gateway.problem import INVALID, Problem
from gateway.surfaces.places import Places
from tests.timing import within

PLACES = Places({"messages": "input", "messages[1]": "input[4]", "messages[1].content[0].url": "input[4].content[0]"})


@pytest.mark.parametrize(
    ("param", "meant"),
    [
        ("messages", "input"),
        ("messages[1]", "input[4]"),
        ("messages[1].content[2].text", "input[4].content[2].text"),
        ("messages[1].content[0].url", "input[4].content[0]"),
        ("messages[12].role", "input[12].role"),
        ("messages_too", "messages_too"),
        ("top_p", "top_p"),
        ("", ""),
        ("[0]", "[0]"),
    ],
)
def test_the_nearest_field_that_is_known_leads_there(param: str, meant: str) -> None:
    assert PLACES.of(param) == meant


def test_names_of_the_clients_cost_nothing_however_long_they_are() -> None:
    names = "a." * 100_000
    with within(0.5):
        assert PLACES.of(f"messages[1].content[0].{names}") == f"input[4].content[0].{names}"


def test_a_problem_is_told_in_the_clients_words() -> None:
    problem = Problem(status=400, type=INVALID, code="invalid_value", message="`messages` must be.", param="messages")
    told = PLACES.told(problem)
    assert (told.param, told.message, told.code) == ("input", "`input` must be.", "invalid_value")
    nowhere = Problem(status=502, type=INVALID, code="x", message="`messages`")
    assert PLACES.told(nowhere) is nowhere
