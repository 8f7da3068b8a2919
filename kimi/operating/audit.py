"""Who has changed what, for whoever asks afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kimi.pool import Store
from kimi.redaction import redact, redact_name

MOST: Final = 10_000
"""About so many entries are kept, the latest."""
ROUTINE: Final = frozenset({"test", "refresh", "test alert"})
"""What changes nothing, and may be done by a program every minute: it takes a fifth of the entries at most."""
_LONGEST: Final = 1_000
_LONGEST_SUBJECT: Final = 4_100


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

        Whatever looks like a secret is left out. Routine pushes out older routine, and nothing else.
        """
        words = {"who": who, "action": action, "detail": detail, "address": address}
        entry = {name: redact(word, _LONGEST) for name, word in words.items()}
        entry["subject"] = redact_name(subject, _LONGEST_SUBJECT)
        entries, routine = self._store.key("audit"), self._store.key("audit:routine")
        with self._store.guarded() as redis:
            written = redis.xadd(entries, entry, maxlen=self._most, approximate=True)
            if action in ROUTINE:
                over = redis.rpush(routine, written) - self._most // 5
                if over > 0 and (gone := redis.lpop(routine, over)):
                    redis.xdel(entries, *gone)

    def entries(self, before: str | None = None, limit: int = 100) -> list[AuditEntry]:
        """The latest `limit` entries, of those `before` the entry of that id, the latest first."""
        newest = f"({before}" if before else "+"
        with self._store.guarded() as redis:
            found = redis.xrevrange(self._store.key("audit"), newest, "-", count=limit)
        return [AuditEntry(id=entry, at=int(entry.partition("-")[0]) / 1000, **words) for entry, words in found]
