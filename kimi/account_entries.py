"""One account as an operator writes it: its fields, their bounds and defaults, and what is wrong with them. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from kimi import claims, credentials
from kimi.accounts import Account, ConfiguredAccount, Kind, Region
from kimi.redaction import redact, writable
from kimi.settings import http_url
from kimi.wrong_values import said_of

_PROXY_SCHEMES: Final = ("http", "https", "socks5", "socks5h")


class EntryError(ValueError):
    """An account cannot be used as it is written; `complaints` says everything that is wrong, without any secret."""

    def __init__(self, *complaints: str) -> None:
        super().__init__("; ".join(complaints))
        self.complaints = complaints


def _name(value: str) -> str:
    if not value or len(value) > 64:
        raise ValueError("must have 1 to 64 characters")
    if not value.isprintable() or "{" in value or "}" in value:  # braces mean something in Redis keys
        raise ValueError("must not contain control characters or braces")
    return value


def _proxy(value: str) -> str:
    try:
        url = urlsplit(value)
        usable = url.scheme in _PROXY_SCHEMES and bool(url.hostname) and url.port != 0
    except ValueError:  # the port is parsed on access
        usable = False
    if not usable or any(character.isspace() for character in value):
        raise ValueError("must be the URL of a proxy, as in socks5h://host:1080")
    return value


MOST_CONCURRENCY: Final = 10_000
MOST_RATE: Final = 1_000_000
# A lease takes STRIDE / weight of its account's turn (kimi/pool/lua/shared/places.lua): of less it would be endless.
LEAST_WEIGHT: Final = 0.001
MOST_WEIGHT: Final = 1_000_000
MOST_PRIORITY: Final = 1_000
Concurrency = Annotated[int, Field(ge=1, le=MOST_CONCURRENCY)]
Rate = Annotated[int, Field(ge=1, le=MOST_RATE)]
RateOrNone = Annotated[int, Field(ge=0, le=MOST_RATE)]
"""0 is no limit."""
Weight = Annotated[float, Field(ge=LEAST_WEIGHT, le=MOST_WEIGHT, allow_inf_nan=False)]
Priority = Annotated[int, Field(ge=-MOST_PRIORITY, le=MOST_PRIORITY)]
_CONFIG: Final = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True, hide_input_in_errors=True)


class _Limits(BaseModel):
    """What of an account can be edited while it is in use; what is not to change is null."""

    model_config = _CONFIG

    max_concurrency: Concurrency | None = None
    requests_per_minute: RateOrNone | None = None
    weight: Weight | None = None
    priority: Priority | None = None


class _Entry(BaseModel):
    """What every kind of account has."""

    model_config = _CONFIG

    name: Annotated[str, AfterValidator(_name)]
    kind: Kind
    max_concurrency: Concurrency = 1
    requests_per_minute: Rate | None = None
    weight: Weight = 1.0
    priority: Priority = 0
    proxy: Annotated[str, AfterValidator(_proxy)] | None = Field(None, repr=False)
    base_url: Annotated[str, AfterValidator(http_url)] | None = None


class _Classic(_Entry):
    refresh_token: Annotated[str, BeforeValidator(credentials.refresh_token)] = Field(repr=False)


class _Kimi(_Classic):
    region: Literal["cn", "global"] = "cn"


class _Moonshot(_Entry):
    max_concurrency: Concurrency = 50
    api_key: Annotated[str, BeforeValidator(credentials.api_key)] = Field(repr=False)
    models: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(default_factory=list)


_ENTRIES: Final[Mapping[Kind, type[_Entry]]] = {Kind.KIMI: _Kimi, Kind.CLASSIC: _Classic, Kind.MOONSHOT: _Moonshot}
FIELDS: Final = frozenset(name for entry in _ENTRIES.values() for name in entry.model_fields)
"""What any kind of account has."""


def read(raw: object) -> ConfiguredAccount:
    """The account in a decoded mapping; a field that is null counts as absent. Raises `EntryError`."""
    if not isinstance(raw, Mapping):
        raise EntryError("must be a mapping with name, kind, and refresh_token or api_key")
    given = {writable(str(key)): value for key, value in raw.items() if value is not None}
    try:
        kind = Kind(given.get("kind", Kind.KIMI))
    except ValueError:
        raise EntryError(f"kind must be one of {', '.join(Kind)}") from None
    try:
        entry = _ENTRIES[kind].model_validate({**given, "kind": kind})
    except ValidationError as error:
        raise EntryError(*(_complaint(details, kind) for details in error.errors())) from None
    fields = entry.model_dump()
    secret = fields.pop("refresh_token" if kind.is_web else "api_key")
    region, models = Region(fields.pop("region", Region.CN)), tuple(fields.pop("models", ()))
    return ConfiguredAccount(Account(**fields, region=region, models=models), secret)


def limited(account: Account, changes: Mapping[str, object]) -> Account:
    """`account` with those of its limits changed for which `changes` has a value; 0 requests a minute is no limit.

    Raises `EntryError`.
    """
    try:
        given = _Limits.model_validate(changes).model_dump(exclude_none=True)
    except ValidationError as error:
        raise EntryError(*(_complaint(details, account.kind) for details in error.errors())) from None
    if given.get("requests_per_minute") == 0:
        given["requests_per_minute"] = None
    return replace(account, **given)


def bare(kind: Kind, given: object) -> ConfiguredAccount:
    """The account behind a credential that stands alone. Raises `credentials.CredentialError`.

    Its name comes from the login (the token's `sub`), so that a new token of the same login is the same account.
    """
    secret = credentials.refresh_token(given) if kind.is_web else credentials.api_key(given)
    login = (claims.read(secret).sub if kind.is_web else None) or secret
    name = f"{kind}-{hashlib.sha256(login.encode()).hexdigest()[:8]}"
    return read({"name": name, "kind": kind, "refresh_token" if kind.is_web else "api_key": secret})


def _complaint(details: ErrorDetails, kind: Kind) -> str:
    name, *inner = details["loc"]
    field = redact(str(name), limit=64) + "".join(f"[{part}]" for part in inner)
    if details["type"] == "extra_forbidden":
        return f"{field} is not for kind {kind}" if name in FIELDS else f"{field} is not a field of an account"
    return f"{field} {said_of(details)}"
