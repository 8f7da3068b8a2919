"""Accounts as a worker copies them from the pool."""

from __future__ import annotations

from dataclasses import replace

from kimi.accounts import Account
from kimi.pool.changes import Copy
from tests.kimi.pool.pools import web

NOW = 1_000.0


def copy_of(account: Account | str, **changes: object) -> Copy:
    """An account of kind `kimi` that can be leased at `NOW` and fifteen minutes longer."""
    known = web(account) if isinstance(account, str) else account
    plain = Copy(
        account=known,
        routes=("kimi",),
        configured=True,
        serves=True,
        stored_token=f"access-{known.name}",
        version=2,
        expires=NOW + 900,
        cool_until=0.0,
        strikes=0,
        strike_kind="",
        struck=0.0,
        refused={},
    )
    return replace(plain, **changes)  # type: ignore[arg-type]
