from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.surfaces.messages.ids import inward, outward


@given(st.text(min_size=1, max_size=40) | st.text("abc_-:.0", min_size=1).map("toolu_kimi_{}".format))
def test_every_id_comes_back_from_a_client_as_it_was(call_id: str) -> None:
    told = outward(call_id)
    assert re.fullmatch(r"[a-zA-Z0-9_-]+", told)
    assert inward(told) == call_id


@pytest.mark.parametrize("call_id", ["toolu_01D7FLrfh4GYq7yT1ULFeyMV", "call_0-a", "x"])
def test_ids_that_are_sane_are_left_alone(call_id: str) -> None:
    assert outward(call_id) == inward(call_id) == call_id


@pytest.mark.parametrize("call_id", ["toolu_kimi_", "toolu_kimi_!", "toolu_kimi_a", "toolu_kimi_gICA", "toolu_kimi_é"])
def test_ids_that_only_look_like_ours_are_no_errors(call_id: str) -> None:
    assert isinstance(inward(call_id), str)


def test_ids_of_the_official_platform() -> None:
    assert outward("get_weather:0").startswith("toolu_kimi_")
    assert inward(outward("get_weather:0")) == "get_weather:0"
