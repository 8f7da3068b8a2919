"""Where an answer has to end before the upstream ends it."""

from __future__ import annotations

import re
from typing import Final

from gateway.shaping.stops import Stops
from kimi.chat import Limits
from kimi.events import FinishReason, Text, Thinking, ToolCall
from kimi.usage import Counter

Piece = type[Text | Thinking]

# So much a character costs at the most, in thousandths of a token.
_ASCII: Final = 1_250
_OTHER: Final = 2_000
_ACCENTED: Final = 6_000
_ACCENTS: Final = re.compile("[\u00c0-\u024f]")
_TURNS: Final = 32_000
"""By so much what was cheap can become dear once more of it is known, in thousandths of a token."""
_BLOCK: Final = 4096  # bytes of UTF-8 that are kept uncounted


class Budget:
    """Lets as much through as its tokens are enough for.

    Counting costs more than all the rest that is done to a piece, so nothing is counted that is surely within them.
    """

    __slots__ = ("_counter", "_surely", "_tokens", "_uncounted", "spent")

    def __init__(self, tokens: int) -> None:
        self.spent = False
        self._tokens = tokens
        self._counter = Counter()
        self._uncounted = bytearray()  # whatever keeps pieces apart takes ten times as much for short ones
        self._surely = 1000 * tokens - _TURNS  # thousandths of a token that are left, whatever has come

    def take(self, text: str) -> str:
        """As much of `text` as can be had."""
        self._surely -= _most(text)
        if self._surely < 0:
            self._count()
            fits = self._counter.room(text, self._tokens)
            self.spent = fits < len(text)
            text = text[:fits]
            self._counter.add(text)
            self._surely = 1000 * (self._tokens - self._counter.total) - _TURNS
            return text
        self._uncounted += text.encode(errors="surrogatepass")
        if len(self._uncounted) > _BLOCK:
            self._count()
        return text

    def covers(self, text: str) -> bool:
        """Whether the whole of `text` can be had."""
        if _most(text) <= self._surely:
            return True
        self._count()
        return self._counter.room(text, self._tokens) == len(text)

    def _count(self) -> None:
        self._counter.add(self._uncounted.decode(errors="surrogatepass"))
        self._uncounted.clear()


def _most(text: str) -> int:
    """What a text costs at the most, in thousandths of a token."""
    return len(text) * (_ASCII if text.isascii() else _ACCENTED if _ACCENTS.search(text) else _OTHER)


class Gate:
    """Holds an answer to its limits.

    What has been thought counts as well, but does not end it: thinking says the question over again, stops and all.
    """

    __slots__ = ("_budget", "_last", "_limits", "_stops", "reason", "shown")

    def __init__(self, limits: Limits) -> None:
        self.reason: FinishReason | None = None  # why nothing more is let through
        self.shown = 0  # characters of the answer that were let through
        self._limits = limits
        self._stops = Stops(limits.stop)
        self._budget = None if limits.tokens is None else Budget(limits.tokens)
        self._last = ""

    def feed(self, kind: Piece, text: str) -> str:
        """What of `text` can be shown."""
        if kind is Text:
            text = self._stops.feed(text)
            if self._stops.hit:
                self.reason = "stop"
        return self._afford(kind, text)

    def close(self, kind: Piece, text: str) -> str:
        """What can be shown now that `text` was the last of its kind."""
        text = self.feed(kind, text)
        if kind is Text and self.reason is None:
            self._last = self._stops.close()
            text += self._afford(kind, self._last)
        return text

    def pays(self, call: ToolCall) -> bool:
        """Whether a tool call can be had, which is had as a whole or not at all."""
        text = f"{call.name or ''}{call.arguments}"
        if self.reason is None and self._budget is not None and self._budget.take(text) != text:
            self.reason = "length"
        return self.reason is None

    def allows(self, text: str) -> bool:
        """Whether all of `text` can be shown behind the end."""
        if any(stop in self._last + text for stop in self._limits.stop):
            return False
        return self._budget is None or self._budget.covers(text)

    @property
    def stop(self) -> str:
        """The text before which the answer has ended; none where it is its length."""
        return self._stops.hit if self.reason == "stop" else ""

    def _afford(self, kind: Piece, text: str) -> str:
        if self._budget is not None:
            text = self._budget.take(text)
            if self._budget.spent:
                self.reason = "length"
        if kind is Text:
            self.shown += len(text)
        return text
