"""What was said, as a key that tells nothing of it.

Clients send back what they were answered, but not letter for letter: they trim and wrap texts, call the system's words
the developer's, write the arguments of calls anew, and may give them other ids. What they change so does not count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

import gevent
import orjson

from kimi.chat import Message
from kimi.models import Selection

_LARGE: Final = 512 * 1024
"""Characters that are hashed elsewhere, because that holds up all requests of the worker."""
_PIECE: Final = 64 * 1024
"""Characters that are worked on at a time there: no thread goes on meanwhile."""
_EACH: Final = 256
"""Characters that take as long as all that there is to do for a turn or a call of none."""


def beginning(scope: str, selection: Selection) -> bytes:
    """What all conversations of `scope` with one model begin with."""
    return _beginning(scope, selection.base, selection.features)


def after(before: bytes, messages: Sequence[Message]) -> bytes:
    """What `before` becomes when `messages` are said behind it."""
    if _size(messages) < _LARGE:
        return _after(before, messages)
    digest: bytes = gevent.get_hub().threadpool.apply(_after, (before, messages))
    return digest


def named(scope: str, name: str) -> str:
    """The key of a conversation that its client has a name for."""
    return _digest(b"named", (scope, name)).hex()


@lru_cache(maxsize=1_024)
def _beginning(scope: str, base: str, features: frozenset[str]) -> bytes:
    return _digest(b"", (scope, base, *sorted(features)))


def _size(messages: Sequence[Message]) -> int:
    size = _EACH * len(messages)
    for message in messages:
        size += len(message.content)
        for each in message.attachments:
            size += len(each.url)
        for call in message.calls:
            size += _EACH + len(call.arguments)
    return size


def _after(before: bytes, messages: Sequence[Message]) -> bytes:
    for role, turns in groupby(messages, attrgetter("role")):
        for message in (_one(list(turns)),) if role == "assistant" else turns:
            text = _unwrapped(message.content)
            urls = [each.url for each in message.attachments]
            calls = [part for call in message.calls for part in (call.name, _canonical(call.arguments))]
            if text or urls or calls or role == "tool":  # some clients leave out what else is empty
                before = _digest(before, (role, text, *urls, *(("", *calls) if calls else ())))
    return before


def _unwrapped(text: str) -> str:
    """`text` on one line, with one space for all white space in a row and none around it."""
    if len(text) <= _PIECE:
        return " ".join(text.split())
    found: list[str] = []
    is_apart = False
    for start in range(0, len(text), _PIECE):
        piece = text[start : start + _PIECE]
        words = " ".join(piece.split())
        if words and found and (is_apart or piece[0].isspace()):
            found.append(" ")
        if words:
            found.append(words)
        is_apart = piece[-1].isspace()
    return "".join(found)


def _one(turns: Sequence[Message]) -> Message:
    """An answer, which clients of Responses send back in as many turns as it has items."""
    if len(turns) == 1:
        return turns[0]
    return Message(
        "assistant",
        " ".join([turn.content for turn in turns]),
        tuple([each for turn in turns for each in turn.attachments]),
        tuple([call for turn in turns for call in turn.calls]),
    )


def _canonical(arguments: str) -> str:
    """Arguments, however a client writes them: JavaScript knows no difference between 1.0 and 1."""
    try:
        return orjson.dumps(_whole_numbers(orjson.loads(arguments)), option=orjson.OPT_SORT_KEYS).decode()
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
        return " ".join(arguments.split())


def _whole_numbers(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: _whole_numbers(inner) for key, inner in value.items()}
        case list():
            return [_whole_numbers(inner) for inner in value]
    return value


def _digest(before: bytes, parts: Iterable[str]) -> bytes:
    digest = hashlib.sha256(before)
    for part in parts:
        encoded = part.encode(errors="surrogatepass")
        digest.update(b"%d:" % len(encoded))
        digest.update(encoded)
    return digest.digest()
