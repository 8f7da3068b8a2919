"""JSON schemas of clients: whether one is a schema at all, and what of a value does not fit it.

The one place that knows the library. Nothing is ever fetched: a `$ref` that leads out of the schema makes it a broken
one. Patterns that go back and forth too long count as not matched, and `format` is a remark to people, as it has been
since draft 2019-09: models and clients read dates in more ways than the standard has.

The library is asked whether something fits where that is known to end soon (`bounds`), and never for all that is wrong:
of schemas with alternatives inside alternatives it would tell more than fits into memory (`faults` looks for it step by
step).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Final, NoReturn

import orjson
from jsonschema_rs import FancyRegexOptions, ReferencingError, ValidationError

from gateway.breathing import breathe
from gateway.errors import BadRequest
from gateway.harmless import is_harmless
from gateway.schemas.bounds import BACKTRACKS, MOST_VALUES, Effort, effort, extent
from gateway.schemas.faults import Faults, Options
from gateway.schemas.recent import Recent

MOST_BYTES: Final = 256 * 1024
"""Of a schema, as compact JSON."""
MOST_COMPLAINTS: Final = 8
DEEPEST: Final = 100
"""So many levels of a value are looked at."""
MOST_WORK: Final = 4_000_000
"""So much may be asked of a value, in the units of `Effort.on`: a seventh of a second of this process at the most."""
_MUCH_WORK: Final = 250_000
_CODE: Final = "invalid_schema"
_LONGEST: Final = 240  # characters of what is said of one place
_KEPT: Final = 256 * 1024 * 1024
"""So many bytes may compiled schemas take at the very most; clients send the same ones with every request."""
_EACH_BYTE: Final = 64  # of a schema
_EACH_PATTERN: Final = 800 * 1024
_LARGEST_PATTERN: Final = 1024 * 1024
"""Bytes of one that is compiled, with all repetitions that it counts (`{1,30}`): 5 ms."""
_ALL_PATTERNS: Final = 32 * _LARGEST_PATTERN
"""Of those of a schema together: where there are more of them, each may have less."""
_LONG: Final = 256 * 1024
"""One that weighs more takes some ms to be read: it has patterns, or 4 KiB."""
_NO_PATTERN: Final = 'not a "regex"'
_MAYBE: Final = ", or one that counts too far, as in `{1,2000}`"
_recent: Final[Recent[Checker]] = Recent(_KEPT)
_IT: Final = "this"  # what stands for a value, however long that is, in a sentence about it


class Checker:
    """A schema that is one. Values have to be what `orjson.loads` gives."""

    __slots__ = ("_effort", "_faults")

    def __init__(self, faults: Faults, effort: Effort) -> None:
        self._faults = faults
        self._effort = effort

    @property
    def patterns(self) -> int:
        """See `Effort.patterns`."""
        return self._effort.patterns

    def fits(self, value: Any) -> bool:
        """Whether all of `value` fits. One that is too deep or too large to be looked at does not."""
        return not self._excess(value) and self._faults.fits(value)

    def complaints(self, value: Any) -> tuple[str, ...]:
        """What of `value` does not fit, in short sentences for whoever wrote it; none where all of it does."""
        excess = self._excess(value)
        if excess:
            return (f"$: {excess}",)
        if self._faults.fits(value):
            return ()
        found = (f"${_short(_steps(fault.path))}: {_short(fault.says)}" for fault in self._faults.of(value))
        return tuple(dict.fromkeys(islice(found, MOST_COMPLAINTS))) or ("$: this does not fit the schema",)

    def _excess(self, value: Any) -> str:
        """Why nobody looks at `value`; empty where that can be done."""
        found = extent(value, DEEPEST)
        if found.levels > DEEPEST:
            return f"this is nested more than {DEEPEST} levels deep"
        if found.values > MOST_VALUES:
            return f"this has more than {MOST_VALUES:,} values"
        work = self._effort.on(found)
        if work > MOST_WORK:
            return "this is too large for a schema with so many cases"
        if work > _MUCH_WORK:  # which is a stretch of its own
            breathe()
        return ""


def checker(schema: Mapping[str, Any], where: str) -> Checker:
    """The checker of `schema`, which is at `where` in the request. Raises `BadRequest` that says where it breaks."""
    try:
        written = orjson.dumps(schema)
    except orjson.JSONEncodeError:
        raise BadRequest("This JSON schema is nested too deep.", code=_CODE, param=where) from None
    if len(written) > MOST_BYTES:
        raise BadRequest(f"A JSON schema can have {MOST_BYTES} bytes at the most.", code=_CODE, param=where)
    try:
        return _compiled(written)
    except ValidationError as error:
        maybe = _MAYBE if error.message.endswith(_NO_PATTERN) else ""
        _refuse(f"{error.message}{maybe}", f"{where}{_short(_steps(error.instance_path))}")
    except ReferencingError as error:
        _refuse(f"{error.message}. Nothing outside of a schema is looked up", where)
    except ValueError as error:
        _refuse(str(error), where)


def _compiled(written: bytes) -> Checker:
    found = _recent.get(written)
    if found is not None:
        return found
    schema = orjson.loads(written)
    asked = effort(schema)
    most = min(_LARGEST_PATTERN, _ALL_PATTERNS // max(asked.patterns, 1))
    limits = FancyRegexOptions(backtrack_limit=BACKTRACKS, size_limit=most, dfa_size_limit=_LARGEST_PATTERN)
    options = Options(validate_formats=False, retriever=_nowhere, mask=_IT, pattern_options=limits)
    made = Checker(Faults(schema, options, time.monotonic), asked)
    weight = len(written) * _EACH_BYTE + asked.patterns * _EACH_PATTERN
    _recent.keep(written, made, weight)
    if weight > _LONG:  # the next of many tools is a stretch of its own
        breathe()
    return made


def _nowhere(_uri: str) -> NoReturn:
    raise LookupError("nothing is fetched")


def _refuse(says: str, where: str) -> NoReturn:
    says = _short(says)
    detail = f": {says}" if is_harmless(says) else ""
    raise BadRequest(f"This is no valid JSON schema{detail}.", code=_CODE, param=where)


def _steps(path: Sequence[str | int]) -> str:
    """A path as programmers write it: `.items[2].price`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


def _short(text: str) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
