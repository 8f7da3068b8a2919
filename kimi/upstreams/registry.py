"""All dialects at once."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from kimi.accounts import Kind
from kimi.http import Endpoints, Http
from kimi.upstreams import Upstream
from kimi.upstreams.classic import Classic
from kimi.upstreams.connect import Connect
from kimi.upstreams.drift import Drift
from kimi.upstreams.moonshot import Moonshot
from kimi.upstreams.reading import IDLE_SECONDS, PATIENCE_SECONDS


def build(
    http: Http,
    endpoints: Endpoints,
    *,
    drift: Drift | None = None,
    idle: float = IDLE_SECONDS,
    patience: float = PATIENCE_SECONDS,
) -> Mapping[Kind, Upstream]:
    """One upstream a kind of account.

    A stream may be silent for `idle` seconds, any other call may take `patience`.
    """
    drift = drift or Drift()
    return MappingProxyType(
        {
            Kind.KIMI: Connect(http, endpoints, drift, idle=idle, patience=patience),
            Kind.CLASSIC: Classic(http, endpoints, drift, idle=idle, patience=patience),
            Kind.MOONSHOT: Moonshot(http, endpoints, drift, idle=idle, patience=patience),
        }
    )
