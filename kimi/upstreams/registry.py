"""All dialects at once."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from kimi.accounts import Kind
from kimi.files.web import Resolver, resolve
from kimi.upstreams import Upstream
from kimi.upstreams.classic import Classic
from kimi.upstreams.connect import Connect
from kimi.upstreams.line import Line
from kimi.upstreams.moonshot import Moonshot


def build(line: Line, resolver: Resolver = resolve) -> Mapping[Kind, Upstream]:
    """One upstream a kind of account. `resolver` looks up what they name themselves."""
    return MappingProxyType(
        {Kind.KIMI: Connect(line), Kind.CLASSIC: Classic(line, resolver), Kind.MOONSHOT: Moonshot(line)}
    )
