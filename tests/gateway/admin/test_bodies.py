"""What operators read of bodies that are wrong."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.admin.accounts import Added, Exported
from gateway.admin.actions import Edited
from gateway.admin.keys import EditedKey, NewKey
from kimi.wrong_values import said_of


@pytest.mark.parametrize("body", [Added, Edited, EditedKey, Exported, NewKey])
@pytest.mark.parametrize("value", [None, True, 1, 1.5, "x", [], [[]], {}, {"a": 1}])
def test_no_field_of_a_body_is_answered_in_words_of_pydantic(body: Any, value: object) -> None:
    for name in body.model_fields:
        try:
            body.model_validate({name: value})
        except ValidationError as error:
            words = [said_of(each) for each in error.errors() if each["type"] != "extra_forbidden"]
            assert all(each.startswith(("must ", "is missing")) for each in words)
