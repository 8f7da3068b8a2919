"""The JSON in what a model wrote: the text as a whole, in a code fence, or with words around it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

from gateway.tools import mending

PATIENCE: Final = 1_000_000
"""So many characters are looked through at the most for the ends of brackets that are never closed."""
_PIECE: Final = 1_000
"""As many as these are worth whatever stands in brackets: nobody answers with more pieces than that."""
_THOUGHT: Final = ("<think>", "</think>")  # some models write what they think into their answer
_FENCE: Final = re.compile(r"\s*(`{3,}|~{3,})")
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
    """All JSON in `text`, the most likely to be meant as the answer first: of several the last that was written."""
    said = _said(text)
    whole = _read(said)
    if whole is not None:
        yield whole
        return
    found = [*_embedded(said), *(read for block in _fenced(said) if (read := _read(block)) is not None)]
    yield from reversed(found)


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
    end = _end(said, 0)
    try:
        orjson.loads(said[:end] if end else said)
    except orjson.JSONDecodeError as error:
        return f"the JSON breaks at its line {error.lineno}, column {error.colno}: {error.msg}"
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
    except ValueError:
        return None


def _fenced(text: str) -> Iterator[str]:
    """What stands in code fences."""
    fence, block = "", ""
    for line in text.splitlines(keepends=True):
        mark = _FENCE.match(line)
        if not fence:
            fence, block = mark[1] if mark else "", ""
        elif mark and mark[1].startswith(fence) and not line[mark.end() :].strip():
            yield block
            fence = ""
        else:
            block += line


def _embedded(text: str) -> Iterator[Found]:
    """What stands between words. Of JSON that is broken, or never ends, no part is the answer."""
    at, patience = 0, PATIENCE
    while patience > 0 and (start := _OPENS.search(text, at)) is not None:
        begins, end = start.start(), _end(text, start.start())
        is_meant = _MEANT.match(text, begins) is not None
        if is_meant and not end:
            return
        found = _read(text[begins:end]) if end else None
        if found is None and is_meant:
            found = _mended(text[begins:end])
        if found is not None:
            yield found
        at = end if is_meant else start.end()
        patience -= _PIECE + (0 if is_meant else (end or len(text)) - begins)


def _end(text: str, start: int) -> int:
    """Where the brackets that open at `start` are closed again; 0 where they never are."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        if token[0] in "{[":
            depth += 1
        elif token[0] in "}]":
            depth -= 1
            if depth == 0:
                return token.end()
    return 0


def _read(text: str) -> Found | None:
    text = text.strip()
    try:
        return Found(text, orjson.loads(text))
    except orjson.JSONDecodeError:
        return None
