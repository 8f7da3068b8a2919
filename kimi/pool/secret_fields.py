"""Which fields of Redis's hashes hold secrets, and what stands in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from kimi.pool.specs import is_web, proxy_of, with_proxy

VAULT: Final = "vault"
"""The hash that holds none of an account."""
CANARY: Final = "canary"
"""The field of it that shows whether a process has the right keys."""
PREVIOUS: Final = ("previous", "previous2", "previous3", "previous4")
"""Those of the refresh tokens before the stored one, newest first; none of them counts behind one that is empty."""
_WHOLE: Final = ("access", "refresh", *PREVIOUS, CANARY)
_SPECS: Final = ("spec", "written")  # of which the proxy is a secret
SECRETS: Final = (*_WHOLE, *_SPECS)
"""The fields that hold them."""

Fields = Mapping[str, str]
"""Those of one hash, without the empty ones."""


def secrets_of(fields: Fields) -> Iterable[str]:
    """All that are in a hash, each of them once."""
    whole = [fields[name] for name in _WHOLE if name in fields]
    proxies = [proxy_of(fields[name]) for name in _SPECS if name in fields]
    return dict.fromkeys(secret for secret in (*whole, *proxies) if secret)


def things_of(fields: Fields) -> list[set[str]]:
    """The same as an operator counts them, each with all texts that it stands in.

    What a refresh token has taken the place of goes with it, and a key of the official platform stands there twice.
    """
    of_one = ("refresh", *PREVIOUS) if _is_web(fields) else ("refresh", *PREVIOUS, "access")
    credential = {fields[name] for name in of_one if name in fields}
    others = [{secret} for secret in secrets_of(fields) if secret not in credential]
    return [credential, *others] if credential else others


def changes_of(fields: Fields, new: Mapping[str, str]) -> list[str]:
    """Field, old text and new text of each that is to change: `new` is what takes the place of which secret."""
    words = []
    for name, text in fields.items():
        if name in _WHOLE and text in new:
            words += [name, text, new[text]]
        elif name in _SPECS and (proxy := proxy_of(text)) in new:
            words += [name, text, with_proxy(text, new[proxy])]
    return words


def _is_web(fields: Fields) -> bool:
    return is_web(fields.get("spec", ""))
