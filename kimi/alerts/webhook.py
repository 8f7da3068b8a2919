"""Alerts as signed JSON to an address of the operator's own."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Final
from urllib.parse import urlsplit

import orjson

from kimi.alerts.notes import Note
from kimi.alerts.posting import TIMEOUTS, post

HEADER: Final = "x-kimi-signature"


def signature(secret: str, at: int, body: bytes) -> str:
    """What the header holds: when it was signed (Unix seconds), and HMAC-SHA256 over that, a dot and the body."""
    digest = hmac.new(secret.encode(), b"%d.%s" % (at, body), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class Webhook:
    """Posts each note. Any 2xx says that it has arrived; redirects are not followed, since they would take it along."""

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        clock: Callable[[], float] = time.time,
        timeouts: tuple[float, float] = TIMEOUTS,
    ) -> None:
        self._url = url
        self._secret = secret
        self._clock = clock
        self._timeouts = timeouts
        self.name = f"webhook {urlsplit(url).hostname}"
        self.id = hashlib.sha256(url.encode()).hexdigest()[:12]

    def deliver(self, note: Note) -> None:
        """Raises `Undelivered`."""
        body = orjson.dumps(asdict(note))
        signed = {HEADER: signature(self._secret, int(self._clock()), body)}
        post(self._url, body, signed, timeouts=self._timeouts)
