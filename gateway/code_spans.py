"""Where code is in a text of Markdown that comes in pieces."""

from __future__ import annotations

from typing import Final

_FENCE: Final = 3  # backticks


class CodeSpans:
    """Knows whether what comes next is code. Hears of every run of backticks and of every end of a line."""

    __slots__ = ("_fence", "inline")

    def __init__(self) -> None:
        self._fence = 0  # so many backticks opened the block of code that this is
        self.inline = 0  # so many opened the code in this line

    @property
    def within(self) -> bool:
        """Whether this is code."""
        return bool(self._fence or self.inline)

    def newline(self) -> None:
        """A line has ended, and the code in it."""
        self.inline = 0

    def run(self, length: int) -> None:
        """So many backticks open code, or close what as many have opened."""
        if self._fence:
            self._fence = 0 if length >= self._fence else self._fence
        elif self.inline:
            self.inline = 0 if length == self.inline else self.inline
        elif length >= _FENCE:
            self._fence = length
        else:
            self.inline = length
