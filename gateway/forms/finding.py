"""The JSON in what a model wrote: the text as a whole, in a code fence, or with words around it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import orjson

from gateway.schemas.reading import loads
from gateway.tools import mending

PATIENCE: Final = 50_000
"""So many strings and brackets are looked through at the most for what is JSON."""
_PIECE: Final = 100
"""As many as these are worth whatever stands in brackets: nobody answers with more pieces than that."""
_FENCES: Final = 1_000
"""So many marks of fences are looked at."""
_THOUGHT: Final = ("<think>", "</think>")  # some models write what they think into their answer
_FENCE: Final = re.compile(r"^[^\S\n]*(`{3,}|~{3,})(.*)", re.MULTILINE)
_OPENS: Final = re.compile(r"[{\[]")
_MEANT: Final = re.compile(r'\{\s*(?:"(?:[^"\\]++|\\.)*+"\s*:|\})|\[\s*(?:["{\[\]\d-]|true|false|null)', re.DOTALL)
"""What opens JSON, and no remark in brackets."""
_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\]]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Found:
    """JSON, as it was written and what it means."""

    text: str
    value: Any


def candidates(text: str) -> Iterator[Found]:
    """All JSON in `text`, the most likely to be meant as the answer first: of several the last that was written.

    Raises `ValueError` where all of `text` is JSON, and too much of it.
    """
    said = _said(text).strip()
    try:
        value = loads(said)
    except orjson.JSONDecodeError:
        yield from _inside(said)
    except ValueError:
        end, _ = _end(said, 0, PATIENCE)
        if end in (0, len(said)):
            raise
        yield from _inside(said)  # there is more behind the first brackets, so that not all of it is JSON
    else:
        yield Found(said, value)


def _inside(said: str) -> Iterator[Found]:
    for block in reversed([*_fenced(said)]):
        if (read := _read(block)) is not None:
            yield read
    yield from reversed([*_embedded(said)])


def beginning(text: str) -> str:
    """The JSON in a text that breaks off, from where it begins; all of the text where it has not begun."""
    said = _said(text)
    start = _OPENS.search(said)
    return said[start.start() :] if start else text


def fault(text: str) -> str:
    """Why there is no JSON in `text`, in a short sentence."""
    said = beginning(text).strip()
    if not _OPENS.match(said):
        return "there is no JSON in it"
    end, _ = _end(said, 0, PATIENCE)
    try:
        loads(said[:end] if end else said)
    except orjson.JSONDecodeError as error:
        return f"the JSON breaks at its line {error.lineno}, column {error.colno}: {error.msg}"
    except ValueError as error:
        return str(error)
    return "there is no JSON in it"


def _said(text: str) -> str:
    """What is there behind thinking."""
    opens, closes = _THOUGHT
    return text.partition(closes)[2] if text.lstrip().startswith(opens) and closes in text else text


def _mended(text: str) -> Found | None:
    """JSON with mistakes that can be put right without guessing what was meant."""
    try:
        written = json.dumps(mending.read(text, is_whole=True), ensure_ascii=False)
        return Found(written, orjson.loads(written))
    except (ValueError, RecursionError):
        return None


def _fenced(text: str) -> Iterator[str]:
    """What stands in code fences."""
    fence, begins = "", 0
    for mark in islice(_FENCE.finditer(text), _FENCES):
        if not fence:
            fence, begins = mark[1], mark.end() + 1
        elif mark[1].startswith(fence) and not mark[2].strip():
            yield text[begins : mark.start()]
            fence = ""


def _embedded(text: str) -> Iterator[Found]:
    """What stands between words. Of JSON that is broken, or never ends, no part is the answer."""
    at, patience = 0, PATIENCE
    while patience > 0 and (start := _OPENS.search(text, at)) is not None:
        begins = start.start()
        end, seen = _end(text, begins, patience)
        is_meant = _MEANT.match(text, begins) is not None
        if is_meant and not end:
            return
        found = _read(text[begins:end]) if end else None
        if found is None and is_meant:
            found = _mended(text[begins:end])
        if found is not None:
            yield found
        at = end if is_meant else start.end()
        patience -= _PIECE + seen


def _end(text: str, start: int, most: int) -> tuple[int, int]:
    """Where the brackets that open at `start` are closed again; 0 where they never are, or not within `most` tokens.

    And so many tokens were looked at.
    """
    depth = seen = 0
    for seen, token in enumerate(islice(_TOKEN.finditer(text, start), most), 1):
        if token[0] in "{[":
            depth += 1
        elif token[0] in "}]":
            depth -= 1
            if depth == 0:
                return token.end(), seen
    return 0, seen


def _read(text: str) -> Found | None:
    text = text.strip()
    try:
        return Found(text, loads(text))
    except ValueError:
        return None
