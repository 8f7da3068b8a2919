"""Where a question stands among others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Whose a question is, and which conversation the client says it belongs to.

    `scope` keeps clients apart; without one nothing is ever continued. `name` is the conversation's, for a client that
    has one for it; it `begins` here, or should be known.
    `answer` is an id that the answer has for its client, who may ask behind it what `follows` it. Then all messages
    are new.
    """

    scope: str = ""
    name: str = ""
    begins: bool = False
    answer: str = ""
    follows: str = ""

    @property
    def is_named(self) -> bool:
        """Whether the client may know the conversation by something else than its messages."""
        return bool(self.name or self.follows)
