"""Readers of all dialects, over messages that nobody should send."""

from __future__ import annotations

from collections.abc import Callable

from kimi.accounts import Kind
from kimi.errors import KimiError
from kimi.upstreams import envelopes
from kimi.upstreams.classic_reader import Reader as Classic
from kimi.upstreams.connect_reader import Reader as Connect
from kimi.upstreams.drift import Drift
from kimi.upstreams.moonshot_reader import Reader as Moonshot
from kimi.upstreams.reading import Reader, batches
from tests.kimi.replay import Recorded, broken

READERS: dict[Kind, Callable[[], Reader]] = {
    Kind.KIMI: lambda: Connect(Drift()),
    Kind.CLASSIC: lambda: Classic(Drift()),
    Kind.MOONSHOT: lambda: Moonshot(Drift()),
}


def framed(kind: Kind, message: bytes) -> bytes:
    return envelopes.encode(message) if kind is Kind.KIMI else b"data: %b\n\n" % message


def ended(kind: Kind, *messages: bytes) -> KimiError:
    """How an answer of these messages ends."""
    stream = b"".join(framed(kind, message) for message in messages)
    return broken(batches(Recorded(stream).chunks(), READERS[kind]()))[1]
