"""Getting a fresh credential from the vendor, and reading from it how long it is good."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import structlog

from kimi import claims
from kimi.accounts import Account, Record, Tokens
from kimi.errors import Unreadable
from refresher import schedule

log = structlog.stdlib.get_logger("refresher")

_LONGEST = 7 * 86_400.0
"""An access token is not taken to be good for longer, whatever it says: the refresh token dies meanwhile, unused."""
_SOON = 1.0
_NEVER = 10 * 365 * 86_400.0  # how long a key of the official platform is taken to be good


class Exchanges(Protocol):
    """Turns a refresh token into a pair of tokens."""

    def refresh(self, account: Account, refresh_token: str) -> Tokens:
        """One exchange, never repeated by itself. Raises `KimiError`."""


ListModels = Callable[[Account, str], Sequence[str]]
"""The models that a key of the official platform may use. Raises `KimiError`."""


@dataclass(frozen=True, slots=True)
class Renewed:
    """A fresh credential; `issued`, `expires` and `next_due` are Unix seconds by our own clock."""

    tokens: Tokens
    issued: float
    expires: float
    next_due: float
    models: tuple[str, ...] = ()
    alone: bool = False  # the refresh token came without an access token


class Renewals:
    """One verb for all kinds: web accounts exchange their refresh token, keys are tried on the list of models."""

    def __init__(
        self, exchange: Exchanges, list_models: ListModels, *, clock: Callable[[], float], rng: random.Random
    ) -> None:
        self._exchange = exchange
        self._list_models = list_models
        self._clock = clock
        self._rng = rng
        self._told: set[str] = set()
        self._short_lives: dict[str, int] = {}  # how many in a row, by account

    def renew(self, record: Record) -> Renewed:
        """Ask the vendor for a fresh credential. Raises `KimiError`; what the old one is then worth is unknown."""
        now = self._clock()
        if record.account.kind.is_web:
            tokens = self._exchange.refresh(record.account, record.refresh)
            return self._dated(record, tokens, now) if tokens.access else self._without_access(record, tokens, now)
        models = self._list_models(record.account, record.refresh)
        return Renewed(
            tokens=Tokens(access=record.refresh, refresh=record.refresh),
            issued=now,
            expires=now + _NEVER,
            next_due=schedule.probe_at(now, self._rng),
            models=tuple(models),
        )

    def _dated(self, record: Record, tokens: Tokens, asked: float) -> Renewed:
        """Life begins when we asked, by our clock, however far Kimi's is from it."""
        name = record.account.name
        lifetime = self._lifetime(name, tokens.access, asked)
        expires = asked + lifetime
        due = schedule.due_at(asked, expires, self._rng)
        if not schedule.is_short(lifetime):
            self._short_lives.pop(name, None)
            return Renewed(tokens, asked, expires, due)
        return Renewed(tokens, asked, expires, self._spaced(name, due, asked))

    def _without_access(self, record: Record, tokens: Tokens, asked: float) -> Renewed:
        """A refresh token that came alone is exchanged soon; until then the access token that is there may serve on."""
        name = record.account.name
        say = log.debug if name in self._short_lives else log.warning
        say("the exchange brought no access token, its refresh token is exchanged soon", account=name)
        access = ""
        with suppress(Unreadable):
            access = "" if record.rejected else record.access
        due = self._spaced(name, asked + _SOON, asked)
        return Renewed(Tokens(access, tokens.refresh), record.access_issued, record.access_expires, due, alone=True)

    def _spaced(self, name: str, due: float, asked: float) -> float:
        short = self._short_lives[name] = self._short_lives.get(name, 0) + 1
        return schedule.spaced(due, asked, short)

    def _lifetime(self, name: str, access: str, now: float) -> float:
        found = claims.read(access)
        if found.exp is not None:
            left = found.exp - now
            lifetime = left if found.iat is None else found.exp - found.iat
            if 0 < left < lifetime:  # it was made earlier; otherwise Kimi's clock is behind, and a little is lost
                lifetime = left
            if lifetime > 0:
                return min(lifetime, _LONGEST)
        if name not in self._told:
            self._told.add(name)
            log.warning(
                "access token does not say how long it is good", account=name, assumed=schedule.ASSUMED_LIFETIME
            )
        return schedule.ASSUMED_LIFETIME
