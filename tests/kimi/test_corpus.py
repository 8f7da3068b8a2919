"""Inputs that fuzzing has found: what broke a decoder once, and the fewest that go all ways through it."""

from __future__ import annotations

import pytest

from fuzz.corpus import LONGEST, kept
from fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_what_was_found_is_read_as_it_has_to_be(name: str) -> None:
    check = TARGETS[name].load().check
    inputs = kept(name)
    assert len(inputs) >= 20
    for data in inputs:
        check(data)


@pytest.mark.parametrize("name", TARGETS)
def test_it_is_small(name: str) -> None:
    assert all(len(data) <= LONGEST for data in kept(name)) and len(kept(name)) <= 200
