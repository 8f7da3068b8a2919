"""Whether the upstreams can be reached from here. No token goes out with that."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from kimi.accounts import Account
from kimi.errors import Unreadable, UpstreamError
from kimi.http import Endpoints, Http
from kimi.operating.checks import Finding, ok, problem, warning
from kimi.operating.checks_redis import agreed

PATIENCE_SECONDS: Final = 5.0
SKEW_SECONDS: Final = 60.0
"""The vendor's clock tells when tokens expire; so many seconds are left for that."""
MOST: Final = 20
"""Ways that are tried; accounts may have a proxy each."""
_AT_ONCE: Final = 10


@dataclass(frozen=True, slots=True)
class Way:
    """To an upstream, through a proxy or not."""

    origin: str
    proxy: str | None = field(default=None, repr=False)  # may carry a password

    @property
    def name(self) -> str:
        """Without credentials."""
        host = urlsplit(self.origin).netloc
        return host if self.proxy is None else f"{host} through {self.proxy.rpartition('@')[2].rpartition('/')[2]}"


def ways(accounts: Iterable[Account], endpoints: Endpoints) -> list[Way]:
    """Those that `accounts` use to chat and to exchange their tokens, each once.

    What no key opens is left out: it is for others to say.
    """
    found: dict[Way, None] = {}
    for account in accounts:
        with suppress(Unreadable):
            proxy = account.proxy_to_dial()
            urls = (endpoints.chat(account), endpoints.exchange(account))
            found |= {Way(_origin(url), proxy): None for url in urls}
    return list(found)


def reach(way: Way, http: Http, now: Callable[[], float], monotonic: Callable[[], float]) -> list[Finding]:
    """Whether there is an answer, whatever it is, and whether our clock agrees with it."""
    check, began = f"upstream {way.name}", monotonic()
    try:
        with http.stream(
            "GET", way.origin, headers={"Connection": "close"}, proxy=way.proxy, timeout=PATIENCE_SECONDS
        ) as reply:
            for _ in reply.arriving():
                pass
            status, date = reply.status, reply.headers.get("Date")
    except UpstreamError as error:
        return [problem(check, str(error), _advice(way, str(error)))]
    findings = [ok(check, f"answers with {status} in {(monotonic() - began) * 1000:.0f} ms")]
    theirs = _moment(date)
    if theirs is not None:
        findings.append(agreed(f"clock, {urlsplit(way.origin).netloc}", theirs - now(), SKEW_SECONDS))
    return findings


def all_of(found: list[Way], http: Http, now: Callable[[], float], monotonic: Callable[[], float]) -> list[Finding]:
    """Every way, several at once; a clock that is wrong is told once."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        tried = list(pool.map(partial(reach, http=http, now=now, monotonic=monotonic), found[:MOST]))
    findings = list({finding.check: finding for findings in tried for finding in findings}.values())
    if len(found) > MOST:
        findings.append(
            warning("upstreams", f"{len(found) - MOST} more ways were not tried", "`accounts test` tries single ones")
        )
    return findings


def _advice(way: Way, error: str) -> str:
    if way.proxy is not None:
        return "look at the proxy of the accounts that go this way, and whether it lets them through"
    if "gaierror" in error:
        return (
            "this machine cannot resolve the name: look at its DNS (/etc/resolv.conf), and at KIMI_WEB_URL and its like"
        )
    if "SSL" in error:
        return "the certificate is not accepted: look at the clock, and at whatever opens TLS on the way"
    return "look at the firewall and the routes of this machine, or give the accounts a proxy"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/"


def _moment(date: str | None) -> float | None:
    try:
        moment = parsedate_to_datetime(date or "")
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
