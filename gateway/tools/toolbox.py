"""What a process has for tools: its trigger, and the dice for the ids of calls."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from gateway.tools import ids, telling
from gateway.tools.calling import Calling
from gateway.tools.seal import Seal
from kimi.chat import Chat
from kimi.events import Event


class Toolbox:
    """Tells models of tools and finds their calls. Workers with the same `secret` understand each other's tags."""

    __slots__ = ("_dice", "_seal")

    def __init__(self, secret: bytes, dice: random.Random) -> None:
        self._seal = Seal(secret, dice)
        self._dice = dice

    @property
    def trigger(self) -> str:
        """What this process tells models to write."""
        return self._seal.own

    def told(self, chat: Chat) -> Chat:
        """`chat` with everything about tools in words."""
        return telling.told(chat, self._seal.own)

    def calling(self, chat: Chat) -> Callable[[Sequence[Event]], Sequence[Event]] | None:
        """Finds the calls in the answer to `chat`, as it was told; None where nobody would call."""
        if chat.tools is None:
            return None
        return Calling(chat.tools, self._seal.own, self._seal.knows, self._new_id).feed

    def _new_id(self, number: int) -> str:
        return ids.new(number, self._dice)
