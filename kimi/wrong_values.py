"""What is wrong with a value that an operator wrote, in the words of this project rather than in a library's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pydantic_core import ErrorDetails

_WHOLE: Final = "must be a whole number"
_NUMBER: Final = "must be a number"
_FLAG: Final = "must be true or false"
_OBJECT: Final = "must be an object"
_CHOICE: Final = "must be {expected}"
_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "missing": "is missing",
        "value_error": "{error}",
        "int_type": _WHOLE,
        "int_from_float": _WHOLE,
        "int_parsing": _WHOLE,
        "int_parsing_size": _WHOLE,
        "float_type": _NUMBER,
        "float_parsing": _NUMBER,
        "finite_number": "must be a finite number",
        "greater_than_equal": "must be at least {ge}",
        "less_than_equal": "must be at most {le}",
        "bool_type": _FLAG,
        "bool_parsing": _FLAG,
        "string_type": "must be a text",
        "string_too_short": "must have {min_length} or more characters",
        "string_too_long": "must have {max_length} or fewer characters",
        "list_type": "must be a list",
        "too_short": "must hold {min_length} or more entries",
        "too_long": "must hold {max_length} or fewer entries",
        "dict_type": _OBJECT,
        "model_type": _OBJECT,
        "enum": _CHOICE,
        "literal_error": _CHOICE,
    }
)
"""By the type of pydantic's error."""


def said_of(details: ErrorDetails) -> str:
    """How a sentence goes on that begins with the name of the field. It repeats nothing of what was written."""
    words = _WORDS.get(details["type"], "is wrong: {msg}")
    return words.format_map({"msg": details["msg"], **details.get("ctx", {})})
