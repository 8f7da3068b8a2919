"""JSON schemas of clients: whether one is a schema at all, and what of a value does not fit it.

A process of its own looks at both, see `gateway.validator`: what that takes nobody can tell beforehand. It has half a
second of a processor for each, and this worker goes on meanwhile.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final

import orjson

from gateway.errors import BadRequest
from gateway.harmless import is_harmless
from gateway.schemas.line import PATIENCE, Line
from gateway.schemas.reading import excess
from gateway.validator.frames import Wanted
from kimi.errors import Crowded

MOST_BYTES: Final = 256 * 1024
"""Of a schema, as compact JSON."""
_CODE: Final = "invalid_schema"
_NAME: Final = 16  # bytes that tell one schema from all others
checks: Final = Line()


class Checker:
    """A schema that is one. Values have to be what JSON can say."""

    __slots__ = ("_is_too_much", "_schema", "name")

    def __init__(self, schema: bytes) -> None:
        self._schema = schema
        self.name = blake2b(schema, digest_size=_NAME).digest()
        self._is_too_much = False

    def fits(self, value: Any) -> bool:
        """Whether all of `value` fits. One that is too deep or too large to be looked at does not.

        Raises `Crowded` where nobody could look at it soon.
        """
        return not self._found(Wanted.FITTING, value)

    def complaints(self, value: Any) -> tuple[str, ...]:
        """What of `value` does not fit, in short sentences for whoever wrote it; none where all of it does.

        Raises `Crowded`.
        """
        return self._found(Wanted.COMPLAINTS, value)

    def _found(self, wanted: Wanted, value: Any) -> tuple[str, ...]:
        nobody = excess(value)
        if nobody:
            return (f"$: {nobody}",)
        found = None if self._is_too_much else checks.ask(wanted, self._schema, _written(value), self.name)
        if found is None:
            self._is_too_much = True  # for other values of this answer as well
            return ("$: this is too large for a schema with so many cases",)
        return tuple(found)


def checker(schema: Mapping[str, Any], where: str) -> Checker:
    """The checker of `schema`, which is at `where` in the request.

    Raises `BadRequest` that says where it breaks, and `Crowded` where nobody could look at it soon.
    """
    try:
        written = orjson.dumps(schema)
    except orjson.JSONEncodeError:
        raise BadRequest("This JSON schema is nested too deep.", code=_CODE, param=where) from None
    if len(written) > MOST_BYTES:
        raise BadRequest(f"A JSON schema can have {MOST_BYTES} bytes at the most.", code=_CODE, param=where)
    found = Checker(written)
    can_be_read = checks.can_be_read.get(found.name)
    if can_be_read is None:
        wrong = checks.ask(Wanted.READING, written, b"", found.name)
        if wrong:
            _refuse(wrong["says"], f"{where}{wrong['place']}")
        can_be_read = wrong is not None
    if not can_be_read:
        raise BadRequest("This JSON schema takes too long to be read.", code=_CODE, param=where)
    return found


def known(schema: Mapping[str, Any]) -> Checker:
    """The checker of `schema`, which has been read with its request and is not once more."""
    return Checker(orjson.dumps(schema))


def read_all(schemas: Iterable[tuple[Mapping[str, Any], str]], *, patience: float = PATIENCE) -> None:
    """Reads the schemas of one request, each with its place. Raises what `checker` does.

    `Crowded` it raises as well where that takes longer than `patience` seconds for all of them.
    """
    ends = time.monotonic() + patience
    for schema, where in schemas:
        if time.monotonic() > ends:
            raise Crowded("the schemas of a request take too long to be read", retry_after=patience)
        checker(schema, where)


def _written(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:  # of numbers and characters that only Python has
        return json.dumps(value).encode()


def _refuse(says: str, where: str) -> None:
    detail = f": {says}" if is_harmless(says) else ""
    raise BadRequest(f"This is no valid JSON schema{detail}.", code=_CODE, param=where)
