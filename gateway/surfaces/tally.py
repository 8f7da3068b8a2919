"""How many tokens an answer took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Final

from gateway.breathing import breathe
from kimi.chat import Message
from kimi.context import LARGEST, tokens
from kimi.events import Event, Finish, Text, Thinking, ToolCall, Usage
from kimi.usage import Counter


class Tally:
    """Counts what passes; the upstream's own figures win where it gives them."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._messages = messages
        self._counter = Counter()
        self._given: Usage | None = None
        self.add_text: Final = self._counter.add
        """Counts a text of the answer, for whoever has it at hand."""

    def add(self, events: Iterable[Event]) -> None:
        """Counts `events`."""
        for event in events:
            if type(event) is Text or type(event) is Thinking:
                self.add_text(event.text)
            elif isinstance(event, ToolCall):
                self.add_text((event.name or "") + event.arguments)
            elif isinstance(event, Finish):
                self._given = event.usage or self.usage  # nothing follows, and both the client and the log ask

    @property
    def usage(self) -> Usage:
        """The count so far."""
        return self._given or Usage(prompt=self.prompt, completion=self.completion)

    @property
    def completion(self) -> int:
        """The tokens of the answer so far, by estimate."""
        return self._counter.total

    @cached_property
    def prompt(self) -> int:
        """The tokens of the prompt, as far as anybody knows before the upstream says it.

        Others have their turn while those of a long one are counted.
        """
        return tokens(self._messages, LARGEST, breathe)
