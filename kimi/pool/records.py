"""Accounts as they are read from Redis."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile

import orjson

from kimi.accounts import Origin, Record, State
from kimi.errors import Garbled
from kimi.pool.secret_fields import PREVIOUS
from kimi.pool.specs import unpack
from kimi.pool.vault import Vault

_ORIGINS = {"operator": Origin.OPERATOR, "passthrough": Origin.CLIENT}  # all others are the configuration's


def record_of(values: Mapping[str, str], due: float | None, vault: Vault) -> Record:
    """The record behind an account's hash. Raises `Garbled` where that is not understood."""
    try:
        return _record_of(values, due, vault)
    except (LookupError, TypeError, ValueError) as error:
        raise Garbled(f"{type(error).__name__}: {error}") from error


def _record_of(values: Mapping[str, str], due: float | None, vault: Vault) -> Record:
    return Record(
        account=unpack(values["spec"], vault),
        state=State(values["state"]),
        reason=values["reason"],
        version=int(values["version"]),
        stored_refresh=values["refresh"],
        stored_access=values["access"],
        stored_previous=tuple(takewhile(bool, (values.get(field, "") for field in PREVIOUS))),
        opened=vault.open,
        access_issued=int(values["issued"]) / 1000,
        access_expires=int(values["expires"]) / 1000,
        rejected=values["rejected"] == "1",
        alone=values.get("alone") == values["version"],
        failures=int(values["failures"]),
        in_flight=int(values["in_flight"]),
        cool_until=int(values["cool_until"]) / 1000,
        cool_reason=values["cool_reason"],
        due=None if due is None else due / 1000,
        models=tuple(orjson.loads(values["models"])),
        fingerprint=values["fingerprint"],
        configured=values["present"] == "1",
        origin=_ORIGINS.get(values["origin"], Origin.FILE),
        edited=values.get("written", values["spec"]) != values["spec"],
    )
