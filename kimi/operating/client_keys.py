"""Client keys as an operator sees them: those that were created, and those of the settings beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kimi.pool.client_terms import NO_LIMITS, ClientLimits
from kimi.pool.clients import Client
from kimi.pool.figures import NO_TALLY, Tally

_LONG: Final = 24
"""Characters of a key of the settings whose first few may be shown; a shorter one could be guessed then."""
_SHOWN: Final = 6


def listed(clients: Sequence[Client], settings: Sequence[str], tallies: Mapping[str, Tally]) -> list[dict[str, Any]]:
    """Those of the `settings` in their order, and then `clients`, with `Figures.tally_of_clients`."""
    return [
        *(described_setting(number, key, tallies.get(str(number))) for number, key in enumerate(settings, 1)),
        *(described(client, tallies.get(client.id)) for client in clients),
    ]


def described(client: Client, today: Tally | None = None) -> dict[str, Any]:
    """A key that was created, as JSON has it."""
    return {
        "id": client.id,
        "name": client.name,
        "prefix": f"{client.prefix}…",
        "created": client.created,
        "revoked": client.revoked,
        "origin": "operator",
        "limits": client.limits.described(),
        **_use(today),
    }


def described_setting(number: int, key: str, today: Tally | None = None) -> dict[str, Any]:
    """The key that stands at place `number`, from 1, of `GATEWAY_API_KEYS`. It cannot be edited."""
    return {
        "id": f"settings-{number}",
        "name": str(number),
        "prefix": f"{key[:_SHOWN]}…" if len(key) >= _LONG else "…",
        "created": None,
        "revoked": None,
        "origin": "settings",
        "limits": NO_LIMITS.described(),
        **_use(today),
    }


def in_words(limits: ClientLimits) -> str:
    """Limits in a line, for tables and the audit log; nothing where there are none."""
    known = {name: value for name, value in limits.described().items() if value is not None}
    return ", ".join(f"{name} {' '.join(value) if isinstance(value, list) else value}" for name, value in known.items())


def _use(today: Tally | None) -> dict[str, Any]:
    tally = today or NO_TALLY
    return {"today": tally.described(), "last_used": tally.last_used}
