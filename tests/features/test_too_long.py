"""Questions that are longer than the model reads."""

from __future__ import annotations

import re

import pytest
from openai import BadRequestError

from tests.features.asking import ask, complaint, seen
from tests.features.kinds import OFFICIAL_MODEL
from tests.system.stack import Stack


@pytest.mark.parametrize("model", ["kimi", OFFICIAL_MODEL])
def test_a_question_that_is_too_long_is_refused_before_any_account_is_asked(house: Stack, model: str) -> None:
    before = [seen(house, endpoint, last=1) for endpoint in ("chat", "create")]
    with pytest.raises(BadRequestError) as refused:
        ask(house, "长" * 800_000, model=model)
    assert complaint(refused.value)[:2] == (400, "context_length_exceeded")
    assert refused.value.response.headers["x-should-retry"] == "false"
    limit, size = map(int, re.findall(r"(\d+) (?:tokens|characters)", str(refused.value)))
    assert size > limit >= 200_000
    assert [seen(house, endpoint, last=1) for endpoint in ("chat", "create")] == before
