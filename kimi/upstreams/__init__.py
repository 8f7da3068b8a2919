"""One adapter a dialect behind one small Protocol."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Protocol, runtime_checkable

from kimi.accounts import Account
from kimi.chat import Chat, Upload
from kimi.events import Batch
from kimi.files import Blob


class Upstream(Protocol):
    """Something that answers a chat.

    `stream` yields batches: each is what one read of the answer has brought, in its order. An empty one is a sign of
    life: bytes came, and nothing in them was for the reader (heartbeats, search progress, titles). None says that
    nothing came for a moment, so that whoever reads can look after other things. What is long comes in several batches.
    A chat that is made or gone on with before the answer is asked for is announced in a batch of its own.

    The last event of the last batch is the only `Finish`, and comes once the connection has ended or is waited for no
    longer; all else that its read has brought comes in a batch before. Running out without a `Finish` cannot happen: a
    truncated or empty answer raises `BrokenAnswer`. Every other trouble is raised as one of `kimi.errors`; what its
    read has brought before is handed over first, and the error raised at the next step.

    Nothing is asked and nothing raised before the first step. Closing the generator closes the connection.
    """

    def stream(self, chat: Chat, account: Account, token: str) -> Generator[Batch]: ...


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

    def upload(self, blob: Blob, account: Account, token: str, alive: Callable[[], object]) -> Upload:
        """Give `blob` to the account; returns once the upstream has read it. Each sign of life is passed on by `alive`.

        Raises `FileRefused` for one that it does not read, else `KimiError`.
        """
