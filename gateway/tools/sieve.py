"""Finds calls in a text that comes in pieces."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.code_spans import CodeSpans
from gateway.tools.markers import Mark, mark_at, may_begin, torn

LONGEST: Final = 1024 * 1024
"""Characters of a call's arguments that are kept."""
LONGEST_SPAN: Final = 512
"""Characters of a line behind a call in which it is looked for the end of code that has begun before it."""
_SPECIAL: Final = re.compile(r"`+|~+|\n|<(?=[/cr|]|\Z)")
_SPAN: Final = re.compile(r"`+|\n")


@dataclass(frozen=True, slots=True)
class Written:
    """A call as the model wrote it.

    One that is not `is_closed` has been ended by something else, or is longer than what is kept of it.
    """

    head: str
    body: str
    is_closed: bool


Found = str | Written


class Sieve:
    """Takes calls, and all of their marks, out of a text; the rest is passed on at once.

    No more is held back than what may be the beginning of a mark, and a call until it is whole. Code is left alone.
    What is found does not depend on how the text is cut, and the work not on what stands in it: every character is
    looked at a few times at the most.

    Where it `only_hides` a call is no call: its arguments are text, and nothing but marks is taken out.
    """

    __slots__ = (
        "_at",
        "_body",
        "_code",
        "_head",
        "_knows",
        "_mark",
        "_only_hides",
        "_run",
        "_size",
        "_waiting",
    )

    def __init__(self, knows: Callable[[str], bool], *, only_hides: bool = False) -> None:
        self._knows = knows
        self._only_hides = only_hides
        self._code = CodeSpans()
        self._run = ""  # backticks or tildes at the end of what came, which may go on
        self._waiting = ""  # what has come and is not understood yet
        self._at = 0  # so much of it is
        self._mark: Mark | None = None  # that we are in
        self._head: str | None = None  # of the call whose arguments are coming
        self._body: list[str] = []
        self._size = 0

    @property
    def is_waiting(self) -> bool:
        """Whether something is held back."""
        return bool(self._waiting or self._mark)

    def feed(self, text: str) -> list[Found]:
        """What is found now that `text` has come; pieces of text are in it as they can be shown."""
        if not (self.is_waiting or self._run or "<" in text or "`" in text or "~" in text):
            self._code.lines(text)
            return [text] if text else []
        return self._read(text, is_last=False)

    def close(self) -> list[Found]:
        """What is found in what was held back, now that the text has ended."""
        return self._read("", is_last=True)

    def _read(self, text: str, *, is_last: bool) -> list[Found]:
        self._waiting += text
        self._at = 0
        found: list[Found] = []
        while self._step(found, is_last=is_last):
            pass
        self._waiting = self._waiting[self._at :]
        return found

    def _step(self, found: list[Found], *, is_last: bool) -> bool:
        """Understands some of what is there; whether it makes sense to go on."""
        if self._mark is None:
            return self._in_text(found, is_last=is_last)
        if self._head is None:
            return self._in_head(self._mark, found, is_last=is_last)
        return self._in_body(self._mark, self._head, found, is_last=is_last)

    def _in_text(self, found: list[Found], *, is_last: bool) -> bool:
        """Text up to the next mark."""
        text, start = self._waiting, self._at
        end = len(text)
        if self._run and start < end and text[start] != self._run[0]:
            self._code.run(self._run)
            self._run = ""
        known = start
        for special in _SPECIAL.finditer(text, start):
            at = special.start()
            self._code.text(text[known:at])
            known = at
            if special[0] != "<":
                self._learn(special, is_last=is_last)
                known = special.end()
            elif self._meets(text, at, is_last=is_last):
                end = at
                break
        self._code.text(text[known:end])
        if end > start:
            found.append(text[start:end])
        self._at = end
        if self._mark is None:
            return False
        self._at += self._mark.length
        return True

    def _meets(self, text: str, at: int, *, is_last: bool) -> bool:
        """Whether a mark stands here, or nobody knows yet."""
        if self._code.within and not self._code.is_doubtful:
            return False
        if not is_last and may_begin(text, at):
            return True
        mark = mark_at(text, at, self._knows) or (torn(text, at) if is_last else None)
        if mark is None:
            return False
        if self._code.inline:
            is_closed = _is_closed(text, at, self._code.inline, is_last=is_last)
            if is_closed is None:
                return True
            if is_closed:
                self._code.is_sure = True
                return False
            self._code.inline = 0
        self._code.text(text[at : at + mark.length])
        self._mark = mark
        return True

    def _learn(self, special: re.Match[str], *, is_last: bool) -> None:
        if special[0] == "\n":
            self._code.newline()
        elif special.end() == len(self._waiting) and not is_last:
            self._run += special[0]
        else:
            self._code.run(self._run + special[0])
            self._run = ""

    def _in_head(self, mark: Mark, found: list[Found], *, is_last: bool) -> bool:
        """What stands between the beginning of a mark and what it opens."""
        text, at = self._waiting, self._at
        head = "" if mark.head is None else _matched(mark.head, text, at)
        end = at + len(head)
        behind = text[end : end + len(mark.separator)]
        is_there = behind == mark.separator
        if not is_there and not is_last and mark.separator.startswith(behind):
            return False
        if mark.opens and behind and not is_there and behind[0] not in mark.instead:
            self._mark = None
            return True
        self._at = end + (len(mark.separator) if is_there else 0)
        if self._only_hides or not mark.opens:
            self._mark = None
        elif mark.separator == ">" and is_there and head.endswith("/"):
            found.append(Written(head[:-1], "", is_closed=True))
            self._mark = None
        else:
            self._head = head
        return True

    def _in_body(self, mark: Mark, head: str, found: list[Found], *, is_last: bool) -> bool:
        """The arguments, up to the mark that ends them."""
        text, at = self._waiting, self._at
        end = None if mark.ends is None else mark.ends.search(text, at)
        if end is None and not is_last:
            self._at = max(at, len(text) - mark.tail + 1)
            self._keep(text[at : self._at])
            return False
        self._at = len(text) if end is None else end.start()
        self._keep(text[at : self._at])
        is_closed = end is not None and end[0] == mark.closer and self._size <= LONGEST
        found.append(Written(head, "".join(self._body), is_closed))
        self._mark, self._head, self._body, self._size = None, None, [], 0
        return end is not None

    def _keep(self, text: str) -> None:
        if text and self._size < LONGEST:
            self._body.append(text[: LONGEST - self._size])
        self._size += len(text)


def _matched(pattern: re.Pattern[str], text: str, at: int) -> str:
    match = pattern.match(text, at)
    return match[0] if match else ""


def _is_closed(text: str, at: int, ticks: int, *, is_last: bool) -> bool | None:
    """Whether so many backticks end the line's code behind this place; None where that has still to come."""
    end = at + LONGEST_SPAN
    for found in _SPAN.finditer(text, at, end):
        if found[0] == "\n":
            return False
        if found.end() == len(text) and not is_last:
            return None
        if len(found[0]) == ticks:
            return True
    return False if is_last or len(text) >= end else None
