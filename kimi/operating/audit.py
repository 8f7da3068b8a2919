"""Who has changed what, for whoever asks afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kimi.errors import redact
from kimi.pool import Store

MOST: Final = 10_000
"""About so many entries are kept, the latest."""
_LONGEST: Final = 1_000


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Something that was done: `at` in Unix seconds, `address` is where the operator sat, where that is known."""

    id: str
    at: float
    who: str
    address: str
    action: str
    subject: str
    detail: str


class Audit:
    """Writes entries and reads them. Every method may raise `StoreUnavailable`."""

    def __init__(self, store: Store, *, most: int = MOST) -> None:
        self._store = store
        self._most = most

    def note(self, who: str, action: str, subject: str, detail: str = "", address: str = "") -> None:
        """`who` ("admin page", "admin api", "command line") has done that to `subject`.

        Whatever looks like a secret is left out.
        """
        words = {"who": who, "action": action, "subject": subject, "detail": detail, "address": address}
        entry = {name: redact(word, _LONGEST) for name, word in words.items()}
        with self._store.guarded() as redis:
            redis.xadd(self._store.key("audit"), entry, maxlen=self._most, approximate=True)

    def entries(self, before: str | None = None, limit: int = 100) -> list[AuditEntry]:
        """The latest `limit` entries, of those `before` the entry of that id, the latest first."""
        newest = f"({before}" if before else "+"
        with self._store.guarded() as redis:
            found = redis.xrevrange(self._store.key("audit"), newest, "-", count=limit)
        return [AuditEntry(id=entry, at=int(entry.partition("-")[0]) / 1000, **words) for entry, words in found]
