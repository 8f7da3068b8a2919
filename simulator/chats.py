"""Chats as the web dialects keep them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from random import Random
from typing import Any

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


def short_id(rng: Random) -> str:
    """An id of the classic dialect: 20 characters `[0-9a-z]`."""
    return "".join(rng.choices(_LETTERS, k=20))


def long_id(rng: Random) -> str:
    """An id of the connect dialect."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


@dataclass(slots=True)
class Turn:
    """One message of a chat; for the classic dialect one segment."""

    id: str
    role: str
    text: str = ""
    parent_id: str = ""
    status: str = "MESSAGE_STATUS_GENERATING"
    sources: list[dict[str, str]] = field(default_factory=list)
    files: tuple[str, ...] = ()  # the names of those that came with it and were read


@dataclass(slots=True)
class Chat:
    """A chat and its turns, oldest first."""

    id: str
    name: str
    created: float
    kimiplus_id: str = "kimi"
    turns: list[Turn] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)  # pieces that an answer stopped by `length` has not sent
    limit: int | None = None  # characters after which its answers stop so

    def turn(self, turn_id: str) -> Turn | None:
        """The turn of that id, if it is in this chat."""
        return next((turn for turn in self.turns if turn.id == turn_id), None)

    def before(self, turn_id: str) -> list[Turn]:
        """What was said on the way to that turn, with it, oldest first."""
        way: list[Turn] = []
        turn = self.turn(turn_id)
        while turn is not None:
            way.insert(0, turn)
            turn = self.turn(turn.parent_id)
        return way

    def shown(self) -> dict[str, Any]:
        """The chat, for the control API."""
        turns = [
            {"id": turn.id, "role": turn.role, "text": turn.text, "files": list(turn.files)} for turn in self.turns
        ]
        return {"id": self.id, "name": self.name, "kimiplus_id": self.kimiplus_id, "turns": turns}
