from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import BadRequest
from gateway.surfaces.limits import limits
from kimi.chat import Limits


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, Limits()),
        ({"max_tokens": None, "max_completion_tokens": None, "stop": None}, Limits()),
        ({"max_tokens": 7}, Limits(7)),
        ({"max_completion_tokens": 7}, Limits(7)),
        ({"max_tokens": 9, "max_completion_tokens": 7}, Limits(7)),
        ({"max_tokens": " 12 "}, Limits(12)),
        ({"max_tokens": 12.0}, Limits(12)),
        ({"max_tokens": 10**9}, Limits(10**9)),
        ({"stop": "END"}, Limits(stop=("END",))),
        ({"stop": ["a", "\n", "a", ""]}, Limits(stop=("a", "\n"))),
        ({"stop": ""}, Limits()),
        ({"stop": []}, Limits()),
        ({"stop": [str(n) for n in range(16)]}, Limits(stop=tuple(str(n) for n in range(16)))),
    ],
)
def test_where_an_answer_has_to_end(body: dict[str, Any], expected: Limits) -> None:
    assert limits(body) == expected


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True, "", "many", "1.5", "-3", "٣", [], {}, float("inf")])
def test_a_bad_number_of_tokens_is_refused(name: str, value: object) -> None:
    with pytest.raises(BadRequest) as caught:
        limits({name: value})
    assert caught.value.param == name


@pytest.mark.parametrize("value", [3, {}, [1], ["a", None], True, [str(n) for n in range(17)], "x" * 257])
def test_a_bad_stop_is_refused(value: object) -> None:
    with pytest.raises(BadRequest) as caught:
        limits({"stop": value})
    assert caught.value.param == "stop"
