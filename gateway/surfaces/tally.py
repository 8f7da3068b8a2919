"""How many tokens an answer took."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from kimi.chat import Event, Finish, Message, Text, Thinking, ToolCall, Usage
from kimi.usage import Counter, prompt_tokens


class Tally:
    """Counts what passes; the upstream's own figures win where it gives them."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._messages = messages
        self._counter = Counter()
        self._given: Usage | None = None

    def add(self, events: Sequence[Event]) -> None:
        """Counts `events`."""
        for event in events:
            match event:
                case Text(text) | Thinking(text):
                    self._counter.add(text)
                case ToolCall(name=name, arguments=arguments):
                    self._counter.add((name or "") + arguments)
                case Finish(usage=usage):
                    self._given = usage

    @property
    def usage(self) -> Usage:
        """The count so far."""
        return self._given or Usage(prompt=self._prompt, completion=self._counter.total)

    @cached_property
    def _prompt(self) -> int:
        return prompt_tokens(self._messages)
