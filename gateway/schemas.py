"""JSON schemas of clients: whether one is a schema at all, and what of a value does not fit it.

The one place that knows the library. Nothing is ever fetched: a `$ref` that leads out of the schema makes it a broken
one. Patterns that go back and forth too long count as not matched, and `format` is a remark to people, as it has been
since draft 2019-09: models and clients read dates in more ways than the standard has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NoReturn

import orjson
from jsonschema_rs import FancyRegexOptions, ReferencingError, ValidationError, validator_for

from gateway.errors import BadRequest
from gateway.problems import is_harmless

if TYPE_CHECKING:
    from jsonschema_rs import Validator

MOST_BYTES: Final = 256 * 1024
"""Of a schema, as compact JSON."""
MOST_COMPLAINTS: Final = 8
_LONGEST: Final = 240  # characters of what is said of one place
_REMEMBERED: Final = 256  # schemas; clients send the same ones with every request
_PATTERNS: Final = FancyRegexOptions(backtrack_limit=20_000, size_limit=1024 * 1024, dfa_size_limit=1024 * 1024)
_IT: Final = "this"  # what stands for a value, however long that is, in a sentence about it

Path = Sequence[str | int]


class Checker:
    """A schema that is one."""

    __slots__ = ("_validator",)

    def __init__(self, validator: Validator) -> None:
        self._validator = validator

    def complaints(self, value: Any) -> tuple[str, ...]:
        """What of `value` does not fit, in short sentences for whoever wrote it; none where all of it does.

        `value` has to be what `orjson.loads` gives.
        """
        try:
            errors = list(islice(self._validator.iter_errors(value), MOST_COMPLAINTS))
        except ValueError:  # it is nested deeper than the library goes
            return ("$: this is nested too deep",)
        return tuple(dict.fromkeys(_sentence(error) for error in errors))


def checker(schema: Mapping[str, Any], where: str) -> Checker:
    """The checker of `schema`, which stands at `where` in the request. Raises `BadRequest` that says where it breaks."""
    try:
        written = orjson.dumps(schema)
    except orjson.JSONEncodeError:
        raise BadRequest("This JSON schema is nested too deep.", code=_CODE, param=where) from None
    if len(written) > MOST_BYTES:
        raise BadRequest(f"A JSON schema can have {MOST_BYTES} bytes at the most.", code=_CODE, param=where)
    try:
        return _compiled(written)
    except ValidationError as error:
        _refuse(error.message, f"{where}{_steps(error.instance_path)}")
    except ReferencingError as error:
        _refuse(f"{error.message}. Nothing outside of a schema is looked up", where)
    except ValueError as error:
        _refuse(str(error), where)


_CODE: Final = "invalid_schema"


@lru_cache(maxsize=_REMEMBERED)
def _compiled(schema: bytes) -> Checker:
    return Checker(
        validator_for(
            schema.decode(), validate_formats=False, retriever=_nowhere, mask=_IT, pattern_options=_PATTERNS
        )
    )


def _nowhere(_uri: str) -> NoReturn:
    raise LookupError("nothing is fetched")


def _refuse(says: str, where: str) -> NoReturn:
    says = _short(says)
    detail = f": {says}" if is_harmless(says) else ""
    raise BadRequest(f"This is no valid JSON schema{detail}.", code=_CODE, param=where)


def _sentence(error: ValidationError) -> str:
    error = _inmost(error)
    return f"${_steps(error.instance_path)}: {_short(error.message)}"


def _inmost(error: ValidationError) -> ValidationError:
    """Of alternatives that all do not fit, what is wrong with the one that comes closest: that errs deepest inside."""
    branches: Iterable[Sequence[ValidationError]] = getattr(error.kind, "context", ())
    inner = [_inmost(branch[0]) for branch in branches if branch]
    deepest = max(inner, key=lambda each: len(each.instance_path), default=error)
    return deepest if len(deepest.instance_path) > len(error.instance_path) else error


def _steps(path: Path) -> str:
    """A path as programmers write it: `.items[2].price`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


def _short(text: str) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
