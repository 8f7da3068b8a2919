"""Texts at which an answer that comes in pieces has to end."""

from __future__ import annotations

from collections.abc import Sequence


class Stops:
    """Lets a text through up to the first of `stops` that becomes complete; of two at once, up to the longer one.

    `hit` is that one.
    No more is held back than what such a text may begin with.
    """

    __slots__ = ("_heads", "_held", "_stops", "hit")

    def __init__(self, stops: Sequence[str]) -> None:
        self.hit = ""
        self._stops = stops
        self._heads = {stop[0] for stop in stops}
        self._held = ""

    def feed(self, text: str) -> str:
        """What can be shown now that `text` has come."""
        if not self._held and not self._concerned(text):
            return text
        text = self._held + text
        self._held = ""
        first: tuple[int, int, str] | None = None
        shown = len(text)
        for stop in self._stops:
            at = text.find(stop)
            if at >= 0:
                found = (at + len(stop), at, stop)
                first = min(first or found, found)
            elif first is None:
                shown = min(shown, _beginning(stop, text))
        if first is not None:
            self.hit = first[2]
            return text[: first[1]]
        self._held = text[shown:]
        return text[:shown]

    def close(self) -> str:
        """What was held back, now that the text has ended."""
        rest, self._held = self._held, ""
        return rest

    def _concerned(self, text: str) -> bool:
        # A loop, because `any` costs several times as much and this is asked for every piece.
        for head in self._heads:  # noqa: SIM110
            if head in text:
                return True
        return False


def _beginning(stop: str, text: str) -> int:
    """Where the end of `text` begins that `stop` may go on from; its length where there is no such end."""
    at = text.find(stop[0], max(0, len(text) - len(stop) + 1))
    while at >= 0:
        if stop.startswith(text[at:]):
            return at
        at = text.find(stop[0], at + 1)
    return len(text)
