"""Credentials that somebody has sealed so that no key opens them here, while this process knows what they are."""

from __future__ import annotations

from typing import Final

import orjson

from kimi.accounts import Kind
from kimi.pool.canary import Canary
from kimi.pool.hashes import read
from kimi.pool.store import Store
from kimi.pool.tokens import Credential

_TOKEN: Final = ("refresh",)
_KEY: Final = ("refresh", "access")  # both are the key


def mend(store: Store, name: str, known_as: str, credential: Credential) -> bool:
    """Seals `credential` anew where it stands in an account, of which the secret has the fingerprint `known_as`.

    Only where that cannot be opened and must be the same: an official key stays what it is, and of version 1 a token is
    the configured secret itself. Who does not know that his keys are the right ones changes nothing. Returns whether it
    was done. Raises `StoreUnavailable`, and `Unreadable` in a process with the wrong keys.
    """
    (stored,) = read(store, [f"account:{name}"], ("spec", "fingerprint", "version", *_KEY))
    if stored.get("fingerprint") != known_as:
        return False
    is_web = Kind(orjson.loads(stored["spec"])["kind"]).is_web
    if is_web and (stored["version"] != "1" or credential.version > 1):
        return False
    texts = {field: stored.get(field, "") for field in (_TOKEN if is_web else _KEY)}
    lost = {field: text for field, text in texts.items() if not store.vault.opens(text)}
    if not lost or not Canary(store).look():
        return False
    new = store.vault.seal(credential.refresh)
    words = [word for field, old in lost.items() for word in (field, old, new)]
    return not store.run("reseal", f"account:{name}", name, *words)  # others may have written meanwhile
