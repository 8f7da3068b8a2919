"""Clients that bring Kimi refresh tokens along instead of a client key, and are served by the accounts of those."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, Protocol

from gateway.auth import PASSTHROUGH, Caller, offered
from gateway.errors import BadRequest, TokenRefused, TooManyNewTokens, TooManyWrongKeys, UnknownKey
from gateway.guesses import OPEN, Guard
from gateway.services import Door
from kimi import claims, credentials
from kimi.accounts import ConfiguredAccount, Kind
from kimi.credentials import CredentialError
from kimi.errors import StoreUnavailable
from kimi.pool import Summary
from kimi.pool.members import fingerprint
from kimi.pool.private import Adoption, Known, private_account

NEW_A_MINUTE: Final = 30
"""So many tokens that are not known are taken by a worker: each costs Kimi an exchange, and anybody can make one up."""
MOST_TOKENS: Final = 100
"""So many one client may bring along."""
_MINUTE: Final = 60.0


class Adopts(Protocol):
    """Where accounts of clients are kept, see `kimi.pool.PrivateAccounts`. Any method may raise `StoreUnavailable`."""

    def notice(self, members: Iterable[ConfiguredAccount]) -> dict[str, Known]: ...

    def adopt(self, member: ConfiguredAccount) -> Adoption: ...


def refresh_tokens(text: str) -> tuple[str, ...]:
    """The refresh tokens in comma-separated `text`; what no token of Kimi can be is left out."""
    found = []
    for each in credentials.split(text):
        try:
            token = credentials.refresh_token(each)
        except CredentialError:
            continue
        if claims.is_token(token):  # each costs an exchange
            found.append(token)
    return tuple(dict.fromkeys(found))


class Strangers:
    """Takes tokens into the pool that nobody has configured, as accounts of `kind`. `monotonic` is in seconds."""

    def __init__(self, pool: Adopts, kind: Kind, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._kind = kind
        self._monotonic = monotonic
        self._taken: deque[float] = deque(maxlen=NEW_A_MINUTE)

    def accounts(self, tokens: Sequence[str], hold: Callable[[], None]) -> dict[str, Known]:
        """What has become of `tokens`, by the names of their accounts; those that are not known are adopted.

        Before that `hold` is called. One that cannot be adopted just now is left out while others of them are known and
        alive. Raises `TokenRefused`, `TooManyNewTokens`, `StoreUnavailable` and what `hold` raises where there are no
        others.
        """
        members = [private_account(token, self._kind) for token in tokens]
        known = self._pool.notice(members)
        problems: list[Exception] = []
        new = [member for member in members if member.account.name not in known]
        try:
            if new:
                hold()
        except TooManyWrongKeys as problem:
            problems.append(problem)
            new = []
        for member in new:
            try:
                found = self._look(member)
            except (TooManyNewTokens, StoreUnavailable) as problem:
                problems.append(problem)
                continue
            if found is None:
                problems.append(TokenRefused("This token belongs to the operator of this gateway: ask for a key."))
            else:
                known[found.name] = found
        if problems and all(each.is_dead for each in known.values()):
            raise problems[0]
        return known

    def look(self, token: str, hold: Callable[[], None]) -> Known | None:
        """What has become of `token`, which is adopted if nobody knows it; None where it is the operator's.

        Before that `hold` is called. Raises `TooManyNewTokens`, `StoreUnavailable` and what `hold` raises.
        """
        member = private_account(token, self._kind)
        known = self._pool.notice([member]).get(member.account.name)
        if known is not None:
            return known
        hold()
        return self._look(member)

    def _look(self, member: ConfiguredAccount) -> Known | None:
        if not self._adopt(member):
            return None
        known = self._pool.notice([member]).get(member.account.name)
        if known is None:  # Redis has just gone away, and memory does not have it so far
            raise StoreUnavailable("what has become of a new token is not known yet")
        return known

    def _adopt(self, member: ConfiguredAccount) -> bool:
        """False where the operator has it already."""
        self._count()
        match self._pool.adopt(member):
            case Adoption.CONFIGURED:
                return False
            case Adoption.FULL:
                raise TooManyNewTokens(retry_after=_MINUTE)
            case Adoption.LATER:
                raise TooManyNewTokens(retry_after=1.0)
        return True

    def _count(self) -> None:
        now = self._monotonic()
        if len(self._taken) == NEW_A_MINUTE and (left := self._taken[0] + _MINUTE - now) > 0:
            raise TooManyNewTokens(retry_after=left)
        self._taken.append(now)


class PassThrough:
    """Lets in who has a client key, and who brings refresh tokens. New ones are tried as far as `guard` allows it."""

    def __init__(self, keys: Door, strangers: Strangers, guard: Guard = OPEN) -> None:
        self._keys = keys
        self._strangers = strangers
        self._guard = guard

    def caller(self, authorization: str | None, api_key: str | None) -> Caller:
        """As `ClientKeys.caller`; one who brings tokens has those that may serve as accounts of his own.

        Raises `UnknownKey` where all of them are dead, and what `Strangers.accounts` and the guard raise.
        """
        try:
            return self._keys.caller(authorization, api_key)
        except UnknownKey:
            sent = list(offered(authorization, api_key))
            tokens = [token for each in sent for token in refresh_tokens(each)]
            if not tokens:
                raise
        if len(tokens) > MOST_TOKENS:
            raise BadRequest(f"There are more than {MOST_TOKENS} refresh tokens in the key.")
        found = self._strangers.accounts(tokens, partial(self._guard.hold, sent))
        living = [each for each in found.values() if not each.is_dead]
        if not living:
            raise TokenRefused(
                "Kimi does not accept the refresh token any more: log in to Kimi again and send the new one as the key."
            )
        return _private(tokens, living)


def _private(tokens: Sequence[str], living: Sequence[Known]) -> Caller:
    whose = "\n".join(sorted({fingerprint(token) for token in tokens}))
    return Caller(
        client=PASSTHROUGH,
        scope=f"private:{hashlib.sha256(whose.encode()).hexdigest()[:32]}",
        accounts=tuple(each.name for each in living),
        pool=Summary(sum(each.usable for each in living), frozenset(route for each in living for route in each.routes)),
    )
