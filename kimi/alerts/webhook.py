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
import requests

from kimi.alerts.delivery import Undelivered
from kimi.alerts.notes import Note
from kimi.alerts.quiet import quietly

HEADER: Final = "x-kimi-signature"
TIMEOUTS: Final = (4.0, 10.0)
"""Seconds to connect, and between two bytes of the answer."""


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
        headers = {
            "content-type": "application/json",
            "user-agent": "kimi-gateway",
            HEADER: signature(self._secret, int(self._clock()), body),
        }
        try:
            with quietly():
                status = self._post(body, headers)
        except requests.Timeout:
            raise Undelivered("no answer in time") from None
        except requests.RequestException as error:
            # Its text may hold the whole address.
            raise Undelivered(f"no connection ({type(error).__name__})") from None
        if not 200 <= status < 300:
            raise Undelivered(f"HTTP {status}")

    def _post(self, body: bytes, headers: dict[str, str]) -> int:
        """The status of the answer, whose body is not read."""
        with requests.post(
            self._url, data=body, headers=headers, timeout=self._timeouts, allow_redirects=False, stream=True
        ) as answer:
            return answer.status_code
