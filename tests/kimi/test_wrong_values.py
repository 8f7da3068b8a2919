"""What operators read of values that are wrong."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from kimi.accounts import Kind
from kimi.wrong_values import said_of


class Body(BaseModel):
    text: str


Names = Annotated[list[str], Field(min_length=1, max_length=100)]


def said(type_: Any, value: object) -> str:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(type_).validate_python(value)
    return said_of(caught.value.errors()[0])


@pytest.mark.parametrize(
    ("type_", "value", "words"),
    [
        (int, "many", "must be a whole number"),
        (int, 1.5, "must be a whole number"),
        (int, "9" * 5_000, "must be a whole number"),
        (float, "many", "must be a number"),
        (bool, "perhaps", "must be true or false"),
        (Literal["a", "b"], "c", "must be 'a' or 'b'"),
        (Kind, "c", "must be 'kimi', 'kimi-classic' or 'moonshot'"),
        (Names, [], "must hold 1 or more entries"),
        (Names, ["a"] * 101, "must hold 100 or fewer entries"),
        (Body, [], "must be an object"),
        (Body, {}, "is missing"),
    ],
)
def test_it_is_said_in_words_of_ours(type_: Any, value: object, words: str) -> None:
    assert said(type_, value) == words
