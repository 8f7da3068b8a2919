"""Settings that both processes read, from the environment and a `.env` file in the working directory.

The environment wins over the file, an empty value counts as unset, and unknown variables are ignored.
A process derives its own class from `CommonSettings` and reads it with `load`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, ValidationInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from kimi import redis_address
from kimi.accounts import Kind
from kimi.alerts import addresses
from kimi.alerts.notes import Language
from kimi.hosts import is_loopback
from kimi.http import Endpoints
from kimi.pool_name import POOL, pool_name
from kimi.redaction import redact
from kimi.sealing_keys import OF_THE_DEMO, check_keys
from kimi.startup import StartError
from kimi.wrong_values import said_of

DEFAULT_ACCOUNTS_FILE = Path("accounts.yaml")
_UPSTREAMS = ("kimi_web_url", "kimi_auth_url", "kimi_classic_url", "moonshot_url")
_OF_THE_DEMO = "simulator"  # its host in docker-compose.yml


PLAIN_SECRETS: Final = (
    "tokens and keys of accounts stand in Redis in plain text: set TOKEN_ENCRYPTION_KEYS, ./dev secrets key makes a key"
)
"""What is said at the start of a process that leaves them so."""


class SettingsError(StartError):
    """One or more variables are bad; `str()` names each on a line of its own."""


def parts(text: str) -> tuple[str, ...]:
    """Those of a comma- or newline-separated text, stripped, without the empty ones and without repetitions."""
    stripped = (part.strip() for part in text.replace("\n", ",").split(","))
    return tuple(dict.fromkeys(part for part in stripped if part))


def split(value: object) -> object:
    """The `parts` of a text; what is none stays as it is."""
    return parts(value) if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _parse_url(value: str) -> SplitResult:
    if any(character.isspace() or not character.isprintable() for character in value):
        raise ValueError("must not contain spaces or control characters")
    try:
        url = urlsplit(value)
        _ = url.port  # parsed on access only
    except ValueError:
        raise ValueError("is not a valid URL") from None
    return url


def http_url(value: str) -> str:
    """`value` without trailing slashes, if it is the base URL of an HTTP service. Raises `ValueError` otherwise."""
    url = _parse_url(value)
    if url.scheme not in ("http", "https"):
        raise ValueError("must start with http:// or https://")
    if not url.hostname:
        raise ValueError("has no host")
    if url.username is not None or url.password is not None:
        raise ValueError("must not contain a user name or password")
    if url.query or url.fragment:
        raise ValueError("must not contain a query or fragment")
    return value.rstrip("/")


def redis_server(value: str) -> str:
    """`value`, if it says where Redis is, see `kimi.redis_address`, with files that are there. Raises `ValueError`
    otherwise.
    """
    for option, file in redis_address.parse(value).files.items():
        if not (os.access(file, os.R_OK) and Path(file).is_file()):
            raise ValueError(f"has an option {option} whose file is not there, or may not be read by this process")
    return value


def _signing_secret(value: str, info: ValidationInfo) -> str:
    return addresses.webhook_secret(value, wanted=bool(info.data.get("alert_webhook_url")))


def _sealing_keys(value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    check_keys(value)
    if value[:1] == (OF_THE_DEMO,) and not is_played(info.data):
        raise ValueError("begins with the key of the demo, which everybody knows: put one of your own in front of it")
    return value


def is_played(said: Mapping[str, object]) -> bool:
    """Whether the settings `said` name no Kimi but one that is played, on this machine or by the demo's container.

    What is secret there is not worth anything.
    """
    hosts = [urlsplit(str(said.get(name, ""))).hostname or "" for name in _UPSTREAMS]
    return all(host == _OF_THE_DEMO or is_loopback(host) for host in hosts)


HttpBase = Annotated[str, AfterValidator(http_url)]
"""Base URL of an HTTP service, without a trailing slash."""
Port = Annotated[int, Field(ge=1, le=65535)]
"""TCP port to listen on."""
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
"""A length of time of at most a day."""
Words = Annotated[tuple[str, ...], BeforeValidator(split)]
"""Comma- or newline-separated list."""
AlertUrls = Annotated[tuple[str, ...], BeforeValidator(addresses.split)]
"""Addresses of messengers, as `kimi.alerts.addresses` separates them."""
Choice = BeforeValidator(_lower)
"""For `Annotated[Literal[…], Choice]`: case does not matter."""

LogLevel = Literal["debug", "info", "warning", "error", "critical"]
LogFormat = Literal["json", "console"]


class CommonSettings(BaseSettings):
    """What gateway and refresher share. Fields with `repr=False` are never shown, in errors either."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        enable_decoding=False,  # lists are comma-separated, not JSON
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        str_strip_whitespace=True,
        validate_default=True,
    )

    redis_url: Annotated[str, AfterValidator(redis_server)] = Field("redis://127.0.0.1:6379/0", repr=False)
    kimi_pool: Annotated[str, AfterValidator(pool_name)] = POOL
    kimi_accounts_file: Path | None = None  # None: accounts.yaml when it exists
    kimi_kind: Annotated[Kind, Choice] = Kind.KIMI
    kimi_refresh_tokens: str = Field("", repr=False)
    kimi_web_url: HttpBase = "https://www.kimi.com"
    kimi_auth_url: HttpBase = "https://auth.kimi.com"
    kimi_classic_url: HttpBase = "https://kimi.moonshot.cn"
    moonshot_url: HttpBase = "https://api.moonshot.cn/v1"
    kimi_delete_chats: bool = True
    token_encryption_keys: Annotated[Words, AfterValidator(_sealing_keys)] = Field((), repr=False)
    alert_webhook_url: Annotated[str, AfterValidator(addresses.webhook_url)] = Field("", repr=False)
    alert_webhook_secret: Annotated[str, AfterValidator(_signing_secret)] = Field("", repr=False)
    alert_urls: Annotated[AlertUrls, AfterValidator(addresses.messenger_urls)] = Field((), repr=False)
    alert_usable_below: int = Field(1, ge=0, le=100_000)  # 0: any number will do
    alert_refresher_silent_seconds: float = Field(60, ge=10, le=86_400, allow_inf_nan=False)
    alert_repeat_seconds: float = Field(86_400, ge=300, le=2_592_000, allow_inf_nan=False)
    alert_language: Annotated[Language, Choice] = "en"
    log_level: Annotated[LogLevel, Choice] = "info"
    log_format: Annotated[LogFormat, Choice] = "json"

    @property
    def endpoints(self) -> Endpoints:
        """Where each upstream lives, for accounts that do not say otherwise."""
        return Endpoints(
            web=self.kimi_web_url,
            auth=self.kimi_auth_url,
            classic=self.kimi_classic_url,
            moonshot=self.moonshot_url,
        )

    @property
    def leaves_secrets_plain(self) -> bool:
        """Whether secrets worth something are stored as they are."""
        return not self.token_encryption_keys and not is_played(vars(self))


S = TypeVar("S", bound=CommonSettings)


def load(cls: type[S]) -> S:
    """Read and check the settings of a process. Raises `SettingsError` that names every bad variable."""
    try:
        return cls()
    except ValidationError as error:
        raise SettingsError(_report([_line(cls, details) for details in error.errors()])) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f".env cannot be read: {reason}") from None


def _report(lines: list[str]) -> str:
    return "\n".join(["bad settings:", *(f"  {line}" for line in dict.fromkeys(lines))])


def _line(cls: type[CommonSettings], details: ErrorDetails) -> str:
    message = "is not set" if details["type"] == "missing" else said_of(details)
    if not details["loc"]:
        return message
    name = str(details["loc"][0])
    line = f"{name.upper()}: {message}"
    field = cls.model_fields.get(name)
    value = details["input"]
    if field is None or not field.repr or details["type"] == "missing" or not isinstance(value, str):
        return line
    return f"{line}, not {redact(value, limit=100)!r}"
