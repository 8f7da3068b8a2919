"""One account on its way into the pool, whoever wrote it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kimi.accounts import Account
from kimi.pool.canary import Canary
from kimi.pool.specs import pack, proxy_of
from kimi.pool.store import Store
from kimi.pool.tokens import Credential

_REWRITTEN: Final = "rewritten"  # by others, between the reading and the writing


def enter(
    store: Store,
    account: Account,
    known_as: str,
    credential: Credential,
    *,
    origin: str,
    limits: Sequence[int] = (),
) -> str:
    """Brings one account into the pool, or up to date; the outcome in the script's words.

    `known_as` is the fingerprint of its configured secret, `credential` what is known to have become of that.
    `limits` are those of accounts that have an owner.
    Raises `StoreUnavailable`, and `Unreadable` where the address of its proxy cannot be opened, or the one that stands
    there while nobody knows whether this process has the right keys.
    """
    while True:
        written = _written(store, account.name) if account.proxy else ""
        outcome: str = store.run(
            "sync",
            account.name,
            _packed(store, account, written),
            origin,
            known_as,
            store.vault.seal(credential.refresh),
            account.max_concurrency,
            account.requests_per_minute or 0,
            account.weight,
            account.priority,
            account.line,
            credential.version,
            written,
            *limits,
        )
        if outcome != _REWRITTEN:
            return outcome


def _packed(store: Store, account: Account, known: str) -> str:
    """The text for `account`, to go with what is `known` of it. A proxy that the right keys do not open is lost."""
    is_lost = not store.vault.opens(proxy_of(known)) and Canary(store).look()
    return pack(account, store.vault, "" if is_lost else known)


def _written(store: Store, name: str) -> str:
    """What was written of an account, as it stands there; '' where it is not known."""
    with store.guarded() as redis:
        spec, written = redis.hmget(store.key("account", name), "spec", "written")
    return written or spec or ""
