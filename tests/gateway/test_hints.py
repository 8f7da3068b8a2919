"""What a client would like: thinking and search, in all their spellings."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.surfaces.hints import effort, search


@pytest.mark.parametrize(
    ("body", "wished"),
    [
        ({}, None),
        ({"reasoning_effort": None, "reasoning": None, "thinking": None, "enable_thinking": None}, None),
        ({"reasoning_effort": ""}, None),
        ({"reasoning_effort": "none"}, "none"),
        ({"reasoning_effort": "minimal"}, "none"),
        ({"reasoning_effort": "low"}, "low"),
        ({"reasoning_effort": " Medium "}, "medium"),
        ({"reasoning_effort": "high"}, "high"),
        ({"reasoning_effort": "xhigh"}, "max"),
        ({"reasoning_effort": "max"}, "max"),
        ({"reasoning": {"effort": "high", "summary": "auto"}}, "high"),
        ({"reasoning": {}}, None),
        ({"reasoning": {"enabled": False}}, "none"),
        ({"reasoning_effort": "low", "reasoning": {"effort": "high"}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "medium"),
        ({"thinking": {"type": "disabled"}}, "none"),
        ({"thinking": {"type": "auto"}}, None),
        ({"thinking": {}}, None),
        ({"thinking": True}, "medium"),
        ({"thinking": "false"}, "none"),
        ({"enable_thinking": "true"}, "medium"),
        ({"thinking": {"type": "enabled"}, "reasoning_effort": "high"}, "high"),
        ({"thinking": {"type": "disabled"}, "reasoning_effort": "high"}, "none"),
        ({"thinking": True, "enable_thinking": False}, "none"),
    ],
)
def test_a_wish_to_think(body: dict[str, Any], wished: str | None) -> None:
    assert effort(body) == wished


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({}, None),
        ({"use_search": None, "web_search_options": None}, None),
        ({"use_search": True}, True),
        ({"use_search": "true"}, True),
        ({"use_search": "False"}, False),
        ({"web_search_options": {}}, True),
        ({"web_search_options": {"search_context_size": "low"}}, True),
        ({"use_search": False, "web_search_options": {}}, False),
    ],
)
def test_a_wish_to_search(body: dict[str, Any], wanted: bool | None) -> None:
    assert search(body) is wanted


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"reasoning_effort": "enormous"}, "reasoning_effort"),
        ({"reasoning_effort": 3}, "reasoning_effort"),
        ({"reasoning": "high"}, "reasoning"),
        ({"reasoning": {"effort": ["high"]}}, "reasoning.effort"),
        ({"reasoning": {"enabled": "perhaps"}}, "reasoning.enabled"),
        ({"thinking": "perhaps"}, "thinking"),
        ({"thinking": []}, "thinking"),
        ({"thinking": {"type": "sometimes"}}, "thinking.type"),
        ({"thinking": {"type": True}}, "thinking.type"),
        ({"enable_thinking": {}}, "enable_thinking"),
        ({"use_search": "perhaps"}, "use_search"),
        ({"web_search_options": True}, "web_search_options"),
        ({"web_search_options": []}, "web_search_options"),
    ],
)
def test_what_is_no_wish_is_refused_by_its_name(body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        assert (effort(body), search(body)) is None
    assert caught.value.param == param


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.sampled_from(["high", "enabled", "none"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "effort", "x"]), inner),
    max_leaves=4,
)
FIELDS = ("reasoning_effort", "reasoning", "thinking", "enable_thinking", "use_search", "web_search_options")


@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_nothing_is_worse_than_a_bad_request(body: dict[str, Any]) -> None:
    params: list[str] = []
    try:
        effort(body), search(body)
    except BadRequest as refused:
        params.append(refused.param or "")
    assert all(param.partition(".")[0] in body for param in params)
