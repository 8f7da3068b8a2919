"""One POST of JSON, and what can be said of it without its address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import requests
from urllib3.exceptions import HTTPError

from kimi.alerts.delivery import Undelivered
from kimi.alerts.quiet import quietly

TIMEOUTS: Final = (4.0, 10.0)
"""Seconds to connect, and between two bytes of the answer."""
_MOST_BYTES: Final = 65_536


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str] | None = None,
    *,
    timeouts: tuple[float, float] = TIMEOUTS,
    reads: bool = False,
) -> bytes:
    """Returns when a 2xx has come; its body, or the beginning of it, only where that is to be read.

    Raises `Undelivered`, also for redirects, which would take it along.
    """
    try:
        with (
            quietly(),
            requests.post(
                url,
                data=body,
                headers={"content-type": "application/json", "user-agent": "kimi-gateway", **(headers or {})},
                timeout=timeouts,
                allow_redirects=False,
                stream=True,
            ) as answer,
        ):
            if not 200 <= answer.status_code < 300:
                raise Undelivered(f"HTTP {answer.status_code}")
            return bytes(next(answer.iter_content(_MOST_BYTES), b"")) if reads else b""
    except requests.Timeout:
        raise Undelivered("no answer in time") from None
    except (requests.RequestException, HTTPError) as error:  # HTTPError: a host name that cannot be one
        # Its text may hold the whole address.
        raise Undelivered(f"no connection ({type(error).__name__})") from None
