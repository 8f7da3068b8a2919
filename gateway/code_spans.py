"""Where code is in a text of Markdown that comes in pieces, as CommonMark has it, but for code over several lines."""

from __future__ import annotations

import re
from typing import Final

_FENCE: Final = 3  # backticks or tildes
_LEAD: Final = re.compile(r"[ \t>*+\-\d.)]{0,16}")
"""What may stand before a fence: blanks, and the signs of lists and quotations."""


class CodeSpans:
    """Knows whether what comes next is code. Hears of runs of backticks or tildes, of ends of lines, and of the rest.

    Who does not tell of the rest takes the first run of a line for one that begins it, and tells of the ends of lines
    where there `has_run` one.
    """

    __slots__ = ("_fence", "_is_opening", "_lead", "inline", "is_sure")

    def __init__(self) -> None:
        self.inline = 0  # so many backticks opened the code in this line, if it is closed there
        self.is_sure = False  # it is, as somebody who has looked further knows
        self._fence = ""  # what opened the block of code that this is
        self._is_opening = False  # that block, in this line
        self._lead: str | None = ""  # the line so far, as long as a fence may follow

    @property
    def within(self) -> bool:
        """Whether this is code."""
        return bool(self._fence or self.inline)

    @property
    def has_run(self) -> bool:
        """Whether something stands in this line that is no lead of a fence."""
        return self._lead is None

    @property
    def is_doubtful(self) -> bool:
        """Whether this may also turn out to be none, because nothing closes it."""
        return bool(self.inline) and not self.is_sure

    def newline(self) -> None:
        """A line has ended, and the code in it."""
        self.inline = 0
        self.is_sure = self._is_opening = False
        self._lead = ""

    def lines(self, said: str) -> None:
        """Something without any run has come, which may have several lines."""
        _, end, rest = said.rpartition("\n")
        if end:
            self.newline()
        self.text(rest)

    def text(self, said: str) -> None:
        """Something else has come in this line."""
        if self._lead is not None and said:
            lead = self._lead + said
            self._lead = lead if _LEAD.fullmatch(lead) else None

    def run(self, run: str) -> None:
        """So many backticks open code, or close what as many have opened; at the beginning of a line a block."""
        leads, self._lead = self._lead is not None, None
        if self._is_opening and run[0] == self._fence[0]:
            # Behind a fence there can be no backticks. Tildes on both sides of words adorn them: 好的~~~
            self.inline, self._fence, self._is_opening = len(self._fence) if run[0] == "`" else 0, "", False
            if run[0] == "~":
                return
        if self._fence:
            self._fence = "" if leads and run.startswith(self._fence) else self._fence
        elif self.inline:
            self.inline = 0 if run == "`" * self.inline else self.inline
            self.is_sure = self.is_sure and bool(self.inline)
        elif leads and len(run) >= _FENCE:
            self._fence, self._is_opening = run, True
        elif run[0] == "`":
            self.inline = len(run)
