"""Links in a user's words, wrapped the way the classic dialect needs them to read what stands behind.

The hard part is where a link ends: at Chinese text, which follows without a space, at the bracket or the quote that it
stands in, before the full stop of its sentence. Everything here takes time in proportion to the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from kimi.upstreams.link_hosts import SPACELESS, WITHOUT_SPACES, host_end, reach

_OPEN, _CLOSE = '<url id="" type="url" status="" title="" wc="">', "</url>"

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)
_START = re.compile(r"<url\b[^<>]*>|(?<![A-Za-z0-9+])https?://", re.IGNORECASE)
_USER = re.compile(r"[\w.~%!$&*+=:-]++@", re.ASCII)
_PORT = re.compile(r":\d{1,5}+(?!\d)", re.ASCII)
# Letters of scripts that are written with spaces may stand in a path, those of the others are the text behind it, if
# they are not the value of a field (`?q=天气`): nobody ends a link with an equals sign.
_RUN = re.compile(
    rf"(?:[?&][A-Za-z0-9_.%-]{{1,64}}+=[{WITHOUT_SPACES}]*+|[\-.~:/?#\[\]@!$&'()*+,;=%]|[^\W{SPACELESS}])*+"
)
_BRACKET_OR_LINK = re.compile(r"[()\[\]]|(?<=[,;)\]])https?://", re.IGNORECASE)
_BRACKET_OR_LINE = re.compile(r"[()\[\]\n]")
_OPENERS = {")": "(", "]": "["}
_UP_TO_SPACE = re.compile(r"[^\s<>]*+")
_TRAILING = ".,;:!?'*"
_EMPHASIS = "_~"


def wrap(text: str) -> str:
    """`text` with every http(s) link in its tag. What is in one already and code in fences stay as they are."""
    if "://" not in text:
        return text
    return "".join(part if is_code else _Part(part).wrapped() for part, is_code in _parts(text))


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """`text` in pieces, each with whether it is fenced code; a fence that nothing closes lasts to the end."""
    start, fence = 0, ""
    for line in _FENCE.finditer(text):
        marks, behind = line[1], line[2]
        if not fence and (marks[0] == "~" or "`" not in behind):
            yield text[start : line.start()], False
            start, fence = line.start(), marks
        elif fence and marks.startswith(fence) and not behind.strip():
            yield text[start : line.end()], True
            start, fence = line.end(), ""
    yield text[start:], bool(fence)


class _Part:
    """A text without fenced code. What is looked up again and again is found out once, for all its links."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._run = (0, 0)

    def wrapped(self) -> str:
        text, pieces = self._text, []
        done = position = 0
        last_close = text.rfind(_CLOSE)
        while (found := _START.search(text, position)) is not None:
            start, position = found.span()
            if text[start] == "<":
                if position <= last_close:
                    position = text.index(_CLOSE, position)
                continue
            host = self._authority_end(position)
            if host is None:
                continue
            position = self._end(start, host)
            pieces += [text[done:start], _OPEN, text[start:position], _CLOSE]
            done = position
        return "".join([*pieces, text[done:]])

    def _authority_end(self, start: int) -> int | None:
        """Where user, host and port end that begin at `start`; `None` where there is no host."""
        end = host_end(self._text, reach(_USER, self._text, start))
        return None if end is None else reach(_PORT, self._text, end)

    def _end(self, start: int, host: int) -> int:
        """Where the link at `start` ends, whose host and port end at `host`."""
        text, told = self._text, self._told_end(start)
        if told is not None:
            return max(host, told)
        if text[host : host + 1] not in {"/", "?", "#"}:
            return host
        before = text[start - 1 : start]
        link = text[host : self._balanced(host)]
        return host + len(link.rstrip(_TRAILING + (before if before in _EMPHASIS else "")))

    def _told_end(self, start: int) -> int | None:
        """The end as `<link>` and `[text](link)` tell it, where the link may hold any letters; `None` outside."""
        text = self._text
        if text.startswith("<", start - 1):
            end = reach(_UP_TO_SPACE, text, start)
            return end if text.startswith(">", end) else None
        if start < 2 or not text.startswith("](", start - 2):
            return None
        closer = self._closers.get(start - 1)
        return None if closer is None else reach(_UP_TO_SPACE, text, start, closer)

    def _balanced(self, start: int) -> int:
        """Where what may stand in a link ends, or before that the next link or a bracket without its other half."""
        end = self._run_end(start)
        position = start
        while (stop := _BRACKET_OR_LINK.search(self._text, position, end)) is not None:
            closer = self._closers.get(stop.start(), end)
            if closer >= end:
                return stop.start()
            position = closer + 1
        return end

    def _run_end(self, start: int) -> int:
        if not self._run[0] <= start < self._run[1]:
            self._run = (start, reach(_RUN, self._text, start))
        return self._run[1]

    @cached_property
    def _closers(self) -> dict[int, int]:
        """The closing bracket of each opening one of the same line."""
        found: dict[int, int] = {}
        stack: list[tuple[int, str]] = []
        for bracket in _BRACKET_OR_LINE.finditer(self._text):
            opener = _OPENERS.get(bracket[0])
            if bracket[0] == "\n":
                stack.clear()
            elif opener is None:
                stack.append((bracket.start(), bracket[0]))
            elif stack and stack[-1][1] == opener:
                found[stack.pop()[0]] = bracket.start()
        return found
