"""What an operator can set of the gateway, read from the environment and `.env`."""

from __future__ import annotations

import os
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from gateway.key_strength import refusal, weakness, weaknesses
from kimi import aliases
from kimi.accounts import Kind
from kimi.accounts_file import client_keys
from kimi.hosts import is_loopback
from kimi.settings import DEFAULT_ACCOUNTS_FILE, CommonSettings, HttpBase, Port, Seconds, Words, is_played, split

MOST_BODY_MB: Final = 256
BODIES: Final = 2 * MOST_BODY_MB * 1024 * 1024
"""Bytes of large bodies that a worker has at a time, of requests whose answers have not begun: half for one owner."""

# What OpenTelemetry takes for a header of its own: a name, and printable ASCII without quotes, semicolons, backslashes.
_HEADER = re.compile(r"[!#-'*+\-.0-9A-Z^-z|~]+[ \t]*=[ !#-+\--:<-\[\]-~]*")


def _networks(value: object) -> object:
    parts = split(value)
    try:
        return tuple(ip_network(part) for part in parts) if isinstance(parts, tuple) else parts
    except ValueError as error:
        raise ValueError(f"has to be a list of networks like 10.0.0.0/8: {error}") from None


def _aliases(value: object) -> object:
    parts = split(value)
    return aliases.parse(parts) if isinstance(parts, tuple) else parts


def _model(name: str) -> str:
    if not aliases.NAME.fullmatch(name):
        raise ValueError("has to be the name of a model, as in kimi-k3")
    return name


def _keys(keys: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    of_file = _keys_of_file(info.data.get("kimi_accounts_file"))
    keys = tuple(dict.fromkeys((*keys, *of_file)))
    if not keys:
        raise ValueError("has to hold at least one client key; several are separated by commas")
    if any(not key.isascii() or not key.isprintable() or " " in key for key in keys):
        raise ValueError("holds a key that no client could send: use ASCII letters, digits and signs, no spaces")
    _refuse_where_public(weaknesses(keys, of_file, is_played=is_played(info.data)), info)
    return keys


def _keys_of_file(path: Path | None) -> tuple[str, ...]:
    return client_keys(path or DEFAULT_ACCOUNTS_FILE)


def _admin_key(key: str | None, info: ValidationInfo) -> str | None:
    if key is not None and (not key.isascii() or not key.isprintable() or " " in key):
        raise ValueError("holds what no client could send: use ASCII letters, digits and signs, no spaces")
    if key in info.data.get("gateway_api_keys", ()):
        raise ValueError("is a key of clients as well, each of whom could do what an operator can: choose another one")
    _refuse_where_public(None if key is None else weakness(key), info)
    return key


def _host(host: str) -> str:
    if not (host := host.strip()):
        raise ValueError("has to name an address to listen at")
    return host


def _another_port(port: int | None, info: ValidationInfo) -> int | None:
    if port is not None and port == info.data.get("gateway_port"):
        raise ValueError("is GATEWAY_PORT as well: choose another one")
    return port


def _refuse_where_public(told: str | None, info: ValidationInfo) -> None:
    host = info.data.get("gateway_host")  # none where it is refused itself
    if told and host is not None and not is_loopback(host):
        raise ValueError(refusal(told, f"GATEWAY_HOST={host}"))


def _web_only(value: object, info: ValidationInfo) -> object:
    if value and info.data.get("kimi_kind") is Kind.MOONSHOT:
        raise ValueError("takes refresh tokens of the web chat, which accounts of KIMI_KIND=moonshot do not have")
    return value


def _headers(text: str) -> str:
    # OpenTelemetry writes what it cannot read into the log, and it may be a secret.
    if any(each.strip() and not _HEADER.fullmatch(each.strip()) for each in text.split(",")):
        raise ValueError(
            "has to hold pairs like name=value, separated by commas; what stands in a value beside letters, digits and "
            "most signs is percent-encoded"
        )
    return text


Keys = Annotated[Words, AfterValidator(_keys)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(_networks)]
Aliases = Annotated[aliases.Aliases, BeforeValidator(_aliases)]
Headers = Annotated[str, AfterValidator(_headers)]
Limit = Annotated[float, Field(ge=0, le=3_600, allow_inf_nan=False)]


class GatewaySettings(CommonSettings):
    """Settings of the gateway; durations are in seconds."""

    gateway_host: Annotated[str, AfterValidator(_host)] = "127.0.0.1"
    gateway_port: Port = 6867
    gateway_metrics_port: Annotated[Port | None, AfterValidator(_another_port)] = None
    gateway_workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=512)
    gateway_api_keys: Keys = Field((), repr=False)
    gateway_admin_key: Annotated[str | None, AfterValidator(_admin_key)] = Field(default=None, repr=False)
    gateway_trusted_proxies: int = Field(default=0, ge=0, le=16)
    gateway_passthrough: Annotated[bool, AfterValidator(_web_only)] = False
    gateway_queue_seconds: Limit = 15
    gateway_drain_seconds: Limit = 60
    gateway_max_connections: int = Field(default=4_096, ge=16, le=65_536)
    gateway_max_body_mb: float = Field(default=32, gt=0, le=MOST_BODY_MB, allow_inf_nan=False)
    gateway_heartbeat_seconds: Seconds = 10
    kimi_first_byte_seconds: Seconds = 60
    kimi_idle_seconds: Seconds = 120
    kimi_total_seconds: Seconds = 1800
    kimi_research_seconds: Seconds = 3600
    kimi_continuations: int = Field(default=3, ge=0, le=20)
    kimi_conversation_seconds: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 1800
    kimi_first_turn_seconds: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)] = 3
    kimi_allow_private_urls: Networks = ()
    kimi_file_reuse_seconds: Annotated[float, Field(ge=0, le=2_592_000, allow_inf_nan=False)] = 86_400
    kimi_model_aliases: Aliases = Field(default_factory=dict)
    kimi_claude_model: Annotated[str, AfterValidator(_model)] = "kimi"
    otel_exporter_otlp_endpoint: HttpBase | None = None
    otel_exporter_otlp_traces_endpoint: HttpBase | None = None
    otel_exporter_otlp_headers: Headers = Field("", repr=False)
    otel_service_name: str = "kimi-gateway"

    @property
    def bind(self) -> list[str]:
        """The addresses to listen at, as gunicorn writes them: that of clients first."""
        host = self.gateway_host.strip("[]")
        host = f"[{host}]" if ":" in host else host
        return [f"{host}:{port}" for port in (self.gateway_port, self.gateway_metrics_port) if port]

    def weak_keys(self) -> dict[str, str]:
        """The variables that hold weak keys, each with what is wrong with those."""
        of_file = _keys_of_file(self.kimi_accounts_file)
        told = {
            "GATEWAY_API_KEYS": weaknesses(self.gateway_api_keys, of_file, is_played=is_played(vars(self))),
            "GATEWAY_ADMIN_KEY": weakness(self.gateway_admin_key) if self.gateway_admin_key else None,
        }
        return {variable: why for variable, why in told.items() if why}

    @property
    def max_body_bytes(self) -> int:
        """The largest request body that is read."""
        return int(self.gateway_max_body_mb * 1024 * 1024)
