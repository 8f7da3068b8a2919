"""Clients that bring Kimi refresh tokens along instead of a client key, and are served by the accounts of those."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final, Protocol

from gateway.auth import PASSTHROUGH, PRIVATE, Caller, offered
from gateway.errors import BadRequest, TokenRefused, TooManyNewTokens, TooManyWrongKeys, UnknownKey
from gateway.guesses import Guard
from gateway.newcomers import AT_ONCE, MINUTE, Newcomers
from gateway.services import Door
from gateway.undecided import Undecided
from kimi import claims, credentials
from kimi.accounts import ConfiguredAccount, Kind, State
from kimi.credentials import CredentialError
from kimi.errors import StoreUnavailable
from kimi.models import Selection
from kimi.pool import Summary
from kimi.pool.fingerprints import fingerprint
from kimi.pool.private import Adoption, Known, private_account, private_routes

MOST_TOKENS: Final = 100
"""So many one client may bring along."""
AT_FIRST: Final = 16
"""So many of them are asked for first, other ones each time: Redis has to look at every one."""
MOST_ASKED: Final = 48
"""So many are asked for where nobody of those can be had."""


def along_own(selection: Selection, accounts: Sequence[str], usable: int, pick: Callable[[int], int]) -> Selection:
    """`selection` along a client's own `accounts`, by name: the first `usable` of them before those without a token.

    `pick` draws a number below the one that it is given.
    """
    turned = [*_turned(accounts[:usable], pick), *_turned(accounts[usable:], pick)]
    first, others = turned[:AT_FIRST], turned[AT_FIRST:MOST_ASKED]
    routes = selection.routes
    return replace(selection, routes=private_routes(routes, first), otherwise=private_routes(routes, others))


def _turned(names: Sequence[str], pick: Callable[[int], int]) -> Sequence[str]:
    start = pick(len(names)) // AT_FIRST * AT_FIRST if names else 0
    return [*names[start:], *names[:start]]


class Adopts(Protocol):
    """Where accounts of clients are kept, see `kimi.pool.PrivateAccounts`. Any method may raise `StoreUnavailable`."""

    def notice(self, members: Iterable[ConfiguredAccount]) -> dict[str, Known]: ...

    def adopt(self, member: ConfiguredAccount) -> Adoption: ...


def refresh_tokens(text: str) -> tuple[str, ...]:
    """The refresh tokens in comma-separated `text`; what no token of Kimi can be is left out.

    Of more than `MOST_TOKENS` parts one more is looked at: who sends thousands would hold up all others.
    """
    found = []
    for each in islice(credentials.split(text), MOST_TOKENS + 1):
        try:
            token = credentials.refresh_token(each)
        except CredentialError:
            continue
        if claims.is_token(token):  # each costs an exchange
            found.append(token)
    return tuple(dict.fromkeys(found))


@dataclass(slots=True)
class Looked:
    """What has become of tokens: `known` by the names of their accounts, `operators` are those that are not theirs.

    `elsewhere` are those of another pool, of which nobody knows here what has become; `problems` are why others could
    not be adopted just now.
    """

    known: dict[str, Known]
    operators: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    problems: list[Exception] = field(default_factory=list)


class Strangers:
    """Takes tokens into the pool that nobody has configured, as accounts of `kind`. `monotonic` is in seconds."""

    def __init__(self, pool: Adopts, kind: Kind, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._kind = kind
        self._newcomers = Newcomers(monotonic)
        self._undecided = Undecided()

    def accounts(self, tokens: Sequence[str], guard: Guard) -> dict[str, Known]:
        """What has become of `tokens`, by the names of their accounts; some that are not known are adopted.

        One that cannot be adopted just now is left out while others of them are known and alive. Raises `TokenRefused`,
        `TooManyNewTokens`, `StoreUnavailable` and what `guard` raises where there are no others.
        """
        looked = self.look(tokens, guard)
        problems = list(looked.problems)
        if looked.operators:
            problems.append(TokenRefused("This token belongs to the operator of this gateway: ask for a key."))
        if looked.elsewhere:
            problems.append(
                TokenRefused(
                    "Another gateway has this token already: log in to Kimi again and send a new one as the key."
                )
            )
        if problems and all(each.is_dead for each in looked.known.values()):
            raise problems[0]
        return looked.known

    def look(self, tokens: Sequence[str], guard: Guard) -> Looked:
        """What has become of `tokens`; of those that nobody knows some are adopted, as far as `guard` lets the sender.

        Those that he brought before and that were not good are counted first. Raises `BadRequest` for too many at once,
        and `StoreUnavailable` where nothing is known of any.
        """
        if len(tokens) > MOST_TOKENS:
            raise BadRequest(f"There are more than {MOST_TOKENS} refresh tokens at once.")
        members = [private_account(token, self._kind) for token in tokens]
        known = self._pool.notice(members)
        new = [member for member in members if member.account.name not in known]
        looked = Looked(known)
        if new:
            try:
                guard.hold([member.secret for member in new[:AT_ONCE]])
                self._tell_dead(guard)
                for member in new[:AT_ONCE]:
                    self._adopt(member, guard.sender(), looked)
            except (TooManyWrongKeys, TooManyNewTokens, StoreUnavailable) as problem:
                looked.problems.append(problem)
        return looked

    def count_refused(self, guard: Guard, keys: Iterable[str]) -> None:
        """None of `keys` was good. Those that were new count each, by what was noted of them, and not once more.

        Raises as `_tell_dead` does.
        """
        if not self._tell_dead(guard):
            guard.wrong(keys)

    def _tell_dead(self, guard: Guard) -> bool:
        """Tells `guard` once of each token of its sender that has turned out to be dead; whether there was one.

        Raises `StoreUnavailable` and what `guard` raises; what was not told of then is told of the next time.
        """
        sender, told = guard.sender(), False
        left, waiting = self._undecided.pop(sender), list[ConfiguredAccount]()
        try:
            known = self._pool.notice(left) if left else {}
            while left:
                member = left.pop()
                found = known.get(member.account.name)
                if found is not None and found.is_dead:
                    told = True
                    guard.wrong([member.secret])
                elif found is not None and not found.usable:
                    waiting.append(member)
        finally:
            for member in (*left, *waiting):
                self._undecided.note(sender, member)
        return told

    def _adopt(self, member: ConfiguredAccount, sender: str | None, looked: Looked) -> None:
        self._newcomers.take(sender)
        try:
            outcome = self._pool.adopt(member)
        except StoreUnavailable:
            self._newcomers.give_back(sender)
            raise
        match outcome:
            case Adoption.CONFIGURED:
                looked.operators.append(member.secret)
                return
            case Adoption.ELSEWHERE:
                looked.elsewhere.append(member.secret)
                return
            case Adoption.FULL:
                raise TooManyNewTokens(retry_after=MINUTE)
            case Adoption.LATER:
                looked.problems.append(TooManyNewTokens(retry_after=1.0))
                return
        self._undecided.note(sender, member)
        found = self._pool.notice([member])
        if not found:  # Redis has just gone away, and memory does not have it so far
            raise StoreUnavailable("what has become of a new token is not known yet")
        looked.known.update(found)


class PassThrough:
    """Lets in who has a client key, and who brings refresh tokens. New ones are tried as far as `guard` allows it.

    It is told here of tokens that cannot serve; of all other wrong keys whoever asks this has to tell it.
    """

    def __init__(self, keys: Door, strangers: Strangers, guard: Guard) -> None:
        self._keys = keys
        self._strangers = strangers
        self._guard = guard

    def caller(self, authorization: str | None, api_key: str | None) -> Caller:
        """As `ClientKeys.caller`; one who brings tokens has those that may serve as accounts of his own.

        Raises `UnknownKey` where all of them are dead, and what `Strangers.accounts` raises.
        """
        try:
            return self._keys.caller(authorization, api_key)
        except UnknownKey:
            tokens = [token for each in offered(authorization, api_key) for token in refresh_tokens(each)]
            if not tokens:
                raise
        try:
            return _private(tokens, self._living(tokens))
        except TokenRefused:
            self._strangers.count_refused(self._guard, offered(authorization, api_key))
            raise

    def _living(self, tokens: Sequence[str]) -> Sequence[Known]:
        """Those that may serve, see `caller`."""
        living = [each for each in self._strangers.accounts(tokens, self._guard).values() if not each.is_dead]
        if not living:
            raise TokenRefused(
                "Kimi does not accept the refresh token any more: log in to Kimi again and send the new one as the key."
            )
        return living


def _private(tokens: Sequence[str], living: Sequence[Known]) -> Caller:
    whose = "\n".join(sorted({fingerprint(token) for token in tokens}))
    return Caller(
        client=PASSTHROUGH,
        scope=f"{PRIVATE}{hashlib.sha256(whose.encode()).hexdigest()[:32]}",
        accounts=tuple(each.name for each in sorted(living, key=lambda each: not each.usable)),
        pool=Summary(sum(each.usable for each in living), frozenset(route for each in living for route in each.routes)),
        is_proven=any(each.state is State.ACTIVE for each in living),  # Kimi has taken it, be it long ago
    )
