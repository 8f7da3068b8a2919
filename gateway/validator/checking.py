"""Answers the questions of a worker: whether a schema is one at all, and what of a value does not fit it.

The one place that knows the library. Nothing is ever fetched: a `$ref` that leads out of the schema makes it a broken
one. Patterns that go back and forth too long count as not matched, and `format` is a remark to people, as it has been
since draft 2019-09: models and clients read dates in more ways than the standard has.

The library is asked whether something fits, and never for all that is wrong: of schemas with alternatives inside
alternatives it would tell more than fits into memory (`faults` looks for it step by step).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from typing import Final, NoReturn, TypedDict

from jsonschema_rs import FancyRegexOptions, ReferencingError, ValidationError

from gateway.validator.faults import Faults, Options
from gateway.validator.frames import Wanted

MOST_COMPLAINTS: Final = 8
_LONGEST: Final = 240  # characters of what is said of one place
_KEPT: Final = 256  # schemas; clients send the same ones with every request
_LARGEST_PATTERN: Final = 16 * 1024 * 1024
"""Bytes of one that is compiled, with all repetitions that it counts (`{1,30}`)."""
_BACKTRACKS: Final = 100_000
"""So often a pattern may go back to try another way through one text: 2 ms."""
_NO_PATTERN: Final = 'not a "regex"'
_MAYBE: Final = ", or one that counts too far, as in `{1,2000}`"
_IT: Final = "this"  # what stands for a value, however long that is, in a sentence about it


class Wrong(TypedDict):
    """Why a schema is none, and where."""

    says: str
    place: str


def answer(wanted: Wanted, schema: bytes, value: bytes) -> Sequence[str] | Wrong:
    """What is `wanted`. `schema` and `value` are JSON."""
    try:
        faults = _compiled(schema)
    except ValidationError as error:
        maybe = _MAYBE if error.message.endswith(_NO_PATTERN) else ""
        return Wrong(says=_short(f"{error.message}{maybe}"), place=_short(_steps(error.instance_path)))
    except ReferencingError as error:
        return Wrong(says=_short(f"{error.message}. Nothing outside of a schema is looked up"), place="")
    except ValueError as error:
        return Wrong(says=_short(str(error)), place="")
    if wanted is Wanted.READING:
        return ()
    it = json.loads(value)
    if faults.fits(it):
        return ()
    found = (f"${_short(_steps(fault.path))}: {_short(fault.says)}" for fault in faults.of(it))
    most = MOST_COMPLAINTS if wanted is Wanted.COMPLAINTS else 0
    return tuple(dict.fromkeys(islice(found, most))) or ("$: this does not fit the schema",)


@lru_cache(_KEPT)
def _compiled(schema: bytes) -> Faults:
    limits = FancyRegexOptions(
        backtrack_limit=_BACKTRACKS, size_limit=_LARGEST_PATTERN, dfa_size_limit=_LARGEST_PATTERN
    )
    return Faults(
        json.loads(schema),
        Options(validate_formats=False, retriever=_nowhere, mask=_IT, pattern_options=limits),
    )


def _nowhere(_uri: str) -> NoReturn:
    raise LookupError("nothing is fetched")


def _steps(path: Sequence[str | int]) -> str:
    """A path as programmers write it: `.items[2].price`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


def _short(text: str) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
