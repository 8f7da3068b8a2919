"""Credentials that somebody has sealed so that no key opens them here, while this process knows what they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from kimi.pool.canary import Canary
from kimi.pool.hashes import read
from kimi.pool.specs import is_web
from kimi.pool.store import Store
from kimi.pool.tokens import Credential

_TOKEN: Final = ("refresh",)
_KEY: Final = ("refresh", "access")  # both are the key


class Known(NamedTuple):
    """A configured secret by its fingerprint, and what is known to have become of it."""

    known_as: str
    credential: Credential


def mend(store: Store, known: Mapping[str, Known]) -> list[str]:
    """Seals the credentials of accounts anew, which are `known` by their names; the names of those that it did so.

    Only where one cannot be opened and must be the same: an official key stays what it is, and of version 1 a token is
    the configured secret itself. Who does not know that his keys are the right ones changes nothing; and who does seals
    with the one that all others have, or two with a first key of their own would mend in turns. Raises
    `StoreUnavailable`, and `Unreadable` in a process with the wrong keys.
    """
    rows = read(store, [f"account:{name}" for name in known], ("spec", "fingerprint", "version", *_KEY))
    return [name for name, row in zip(known, rows, strict=True) if _is_mended(store, name, row, known[name])]


def _is_mended(store: Store, name: str, stored: Mapping[str, str], known: Known) -> bool:
    if stored.get("fingerprint") != known.known_as:
        return False
    is_of_web = is_web(stored.get("spec", ""))
    if is_of_web and (stored.get("version") != "1" or known.credential.version > 1):
        return False
    texts = {field: stored.get(field, "") for field in (_TOKEN if is_of_web else _KEY)}
    lost = {field: text for field, text in texts.items() if not store.vault.opens(text)}
    new = Canary(store).seal(known.credential.refresh) if lost else None
    if new is None:
        return False
    words = [word for field, old in lost.items() for word in (field, old, new)]
    return not store.run("reseal", f"account:{name}", name, *words)  # others may have written meanwhile
