"""What is written of an account, as the text that Redis holds."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from typing import Any

import orjson

from kimi.accounts import Account, Kind, Region, Sealed
from kimi.errors import Garbled, Unreadable
from kimi.pool.vault import Vault


def pack(account: Account, vault: Vault, known: str = "") -> str:
    """The text for `account`. The address of its proxy is sealed, for there may be a password in it.

    To seal gives another text each time, so that an address stays as it stands in `known`, if it is the same.
    Raises `Unreadable` where that one, or the one of `account` itself, cannot be opened.
    """
    before = proxy_of(known)
    proxy = account.proxy_to_dial()
    is_known = before and vault.open(before) == proxy
    sealed = before if is_known else vault.seal(proxy) if proxy else proxy
    return _dumped(asdict(account) | {"proxy": sealed})


@lru_cache(maxsize=8192)
def unpack(spec: str, vault: Vault) -> Account:
    """The account that `pack` wrote. Fields of a newer release are left out.

    A proxy that cannot be opened stays sealed: whoever dials is told, and all others need not know it. Raises `Garbled`
    where nobody has written it so.
    """
    fields = {name: value for name, value in _fields(spec).items() if name in Account.__dataclass_fields__}
    try:
        fields["kind"] = Kind(fields["kind"])
        fields["region"] = Region(fields["region"])
        fields["models"] = tuple(fields["models"])
        if fields.get("proxy"):
            fields["proxy"] = _opened(fields["proxy"], vault)
        return Account(**fields)
    except (LookupError, TypeError, ValueError) as error:
        raise Garbled(f"spec: {type(error).__name__}: {error}") from error


def proxy_of(spec: str) -> str:
    """The address of the proxy as it stands there; '' for none, and where nobody understands it."""
    return _fields(spec).get("proxy") or ""


def is_web(spec: str) -> bool:
    """See `Kind.is_web`; so is what nobody understands."""
    return _fields(spec).get("kind") != Kind.MOONSHOT


def with_proxy(spec: str, sealed: str) -> str:
    """The same text with that one in its place."""
    return _dumped(orjson.loads(spec) | {"proxy": sealed})


def _opened(proxy: str, vault: Vault) -> str | Sealed:
    try:
        return vault.open(proxy)
    except Unreadable:
        return Sealed(proxy)


def _fields(spec: str) -> dict[str, Any]:
    try:
        fields = orjson.loads(spec)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _dumped(fields: dict[str, Any]) -> str:
    return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS).decode()
