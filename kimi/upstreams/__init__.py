"""One adapter a dialect behind one small Protocol."""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol, runtime_checkable

from kimi.accounts import Account
from kimi.chat import Chat, Event, Upload
from kimi.files import Blob


class Upstream(Protocol):
    """Something that answers a chat.

    `stream` yields typed events until exactly one `Finish`, and `Alive` whenever it goes to wait for more of them.
    Closing the generator closes the connection; running out without a `Finish` cannot happen: a truncated or empty
    answer raises `BrokenAnswer`. Every other trouble is raised as one of `kimi.errors`, before or after events.
    """

    def stream(self, chat: Chat, account: Account, token: str) -> Generator[Event]: ...


@runtime_checkable
class KeepsChats(Protocol):
    """An upstream that stores a chat for every request, which has to be deleted when it was answered."""

    def delete_chat(self, chat_id: str, account: Account, token: str) -> None:
        """Delete one chat. A chat that is gone already is no error. Raises `KimiError`."""


@runtime_checkable
class Cancels(Protocol):
    """An upstream that goes on with an answer whose reader has left, until it is told to stop."""

    def cancel(self, chat_id: str, segment_id: str, account: Account, token: str) -> None:
        """Stop the answer that was announced as `Answering`. One that has ended is no error. Raises `KimiError`."""


@runtime_checkable
class KnowsAllowance(Protocol):
    """An upstream that can say when a plan that is used up begins anew."""

    def resets_in(self, account: Account, token: str) -> float | None:
        """Seconds until then; `None` where nobody tells. Raises `KimiError`."""


@runtime_checkable
class TakesFiles(Protocol):
    """An upstream that reads files."""

    def upload(self, blob: Blob, account: Account, token: str) -> Generator[Event, None, Upload]:
        """Give `blob` to the account. Yields signs of life, and returns once the upstream has read it.

        Raises `FileRefused` for one that it does not read, else `KimiError`.
        """
