"""Refresh token in, token pair out.

A kimi exchange spends the refresh token, whatever becomes of the answer: nothing here is ever tried twice, and an
answer that is not plainly a token pair (`kimi.pairs`) raises, so that it cannot be stored over one.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson

from kimi.accounts import Account, Kind, Tokens
from kimi.errors import (
    AccountBanned,
    AccountBusy,
    AccountDead,
    BrokenAnswer,
    KimiError,
    Overloaded,
    RateLimited,
    TokenRejected,
    UpstreamError,
    UpstreamTimeout,
)
from kimi.http import Answer, Endpoints, Http, request
from kimi.pairs import pair
from kimi.upstreams import complaints
from kimi.upstreams.complaints import Complaint
from kimi.upstreams.drift import Drift
from kimi.upstreams.faults import classify

TIMEOUT_SECONDS = 60.0
"""Who leaves before a slow answer comes has lost the login: the server carries the exchange out all the same, and the
token in the answer is nobody's. Servers on the way seldom wait for longer than this."""

_KIMI_PATH = "/api/account.gateway.v1.AuthService/RefreshToken"
_CLASSIC_PATH = "/api/auth/token/refresh"
_FOLLOWED_SECONDS = 5.0  # an answer that sends elsewhere is followed within these: who has to stop waits for one only
_LOST_SECONDS = 600.0  # how long an account is left alone whose exchange is not where it ought to be
# A connection of its own: on a kept one that the server closes just then, nobody would know whether it was spent.
_ONCE = {"Connection": "close"}
_UNCACHED = {"Cache-Control": "no-cache, no-store"}  # the same address for all accounts
_REFUSALS = {400, 401, 403}
# What those can say without meaning that the token is dead.
_NOT_DEAD = (AccountBanned, AccountBusy, Overloaded, RateLimited)
# Kimi's own words for it. Any server on the way may answer 401 with nothing, or with words of its own.
_VERDICT = re.compile(r"auth\.token\..+|unauthenticated|permission_denied|REASON_INVALID_AUTH_TOKEN", re.IGNORECASE)
_STALE = "invalid claims"  # is all that is said of a token that was spent


class Exchange:
    """Exchanges refresh tokens of both web kinds."""

    def __init__(
        self,
        http: Http,
        endpoints: Endpoints,
        drift: Drift | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._endpoints = endpoints
        self._drift = drift or Drift()
        self._clock = clock

    def refresh(self, account: Account, refresh_token: str) -> Tokens:
        """One exchange, never repeated.

        Raises `AccountDead` when the token is refused, `AccountBanned` when the vendor has closed the account,
        `TokenRejected` when it is refused in words that may be somebody else's, `RateLimited` or `Overloaded` when it
        has to wait, and an `UpstreamError` for everything else: no connection, silence, a server's failure, an answer
        that is no token pair (`BrokenAnswer`). Where the new refresh token came alone, the access token is empty.
        """
        if account.kind is Kind.CLASSIC:
            return self._classic(account, refresh_token)
        if account.kind is Kind.KIMI:
            return self._kimi(account, refresh_token)
        raise ValueError(f"account {account.name}: an API key is not exchanged")

    def _kimi(self, account: Account, refresh_token: str) -> Tokens:
        began = self._clock()
        answer = request(
            self._http,
            "POST",
            self._endpoints.exchange(account) + _KIMI_PATH,
            headers={"Content-Type": "application/json", **_ONCE},
            content=orjson.dumps({"refresh_token": refresh_token}),
            proxy=account.proxy_to_dial(),
            timeout=TIMEOUT_SECONDS,
        )
        if answer.status == 404:
            if self._clock() - began > _FOLLOWED_SECONDS:
                raise UpstreamTimeout(f"{_KIMI_PATH} is not found, which took too long to say", sent=False)
            return self._older(account, refresh_token)
        return self._tokens(account, answer, refresh_token)

    def _older(self, account: Account, refresh_token: str) -> Tokens:
        """Some accounts still live on the older path of the web host; a 404 has spent nothing.

        For all others that path is the wrong door: when Kimi moves the exchange, or its address is set wrong, a refusal
        here must not condemn every account there is.
        """
        try:
            return self._classic(account, refresh_token)
        except (AccountDead, AccountBanned, TokenRejected) as error:
            raise BrokenAnswer(f"{_KIMI_PATH} is not found, and {error}", retry_after=_LOST_SECONDS) from None

    def _classic(self, account: Account, refresh_token: str) -> Tokens:
        answer = request(
            self._http,
            "GET",
            self._endpoints.chat(account) + _CLASSIC_PATH,
            headers={"Authorization": f"Bearer {refresh_token}", **_ONCE, **_UNCACHED},
            proxy=account.proxy_to_dial(),
            timeout=TIMEOUT_SECONDS,
        )
        return self._tokens(account, answer, refresh_token)

    def _tokens(self, account: Account, answer: Answer, refresh_token: str) -> Tokens:
        """The tokens in `answer`, or what else it is."""
        if answer.status == 200 and (tokens := self._pair(account, answer.json(), refresh_token)) is not None:
            return tokens
        error = self._failure(account, replace(answer, secret=refresh_token))
        if answer.status == 200 and isinstance(error, BrokenAnswer):
            self._drift.note(account.kind, "exchange", "without.tokens", answer.json())
        raise error

    def _pair(self, account: Account, body: Any, refresh_token: str) -> Tokens | None:
        try:
            tokens = pair(account.kind, body, refresh_token)
        except BrokenAnswer:
            self._drift.note(account.kind, "exchange", "odd.tokens", body)
            raise
        if tokens is not None and not tokens.access:
            self._drift.note(account.kind, "exchange", "without.access", body)
        return tokens

    def _failure(self, account: Account, answer: Answer) -> KimiError:
        complaint = complaints.of_answer(account.kind, answer)
        error = classify(complaint, self._drift)
        if isinstance(error, (*_NOT_DEAD, UpstreamError)) and not isinstance(error, BrokenAnswer):
            return error
        said = " ".join(filter(None, (f"the exchange answered {answer.status}", *complaint.reasons, complaint.message)))
        if answer.status not in _REFUSALS and not isinstance(error, TokenRejected):
            return BrokenAnswer(said, retry_after=error.retry_after)
        return AccountDead(said) if _is_verdict(complaint) else TokenRejected(said)


def _is_verdict(complaint: Complaint) -> bool:
    """Whether Kimi itself says that the token is refused. Whatever is worded otherwise is no word of it."""
    return any(map(_VERDICT.fullmatch, complaint.reasons)) or complaint.message.strip().lower() == _STALE
