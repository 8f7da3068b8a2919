"""What a failure does to the account that met it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from kimi import errors
from kimi.accounts import Account, State
from kimi.errors import KimiError
from kimi.pool import Rest

LONGEST_TOLD: Final = 24 * 3600.0
"""A broken header must not lose an account for a year."""
SHORTEST_TOLD: Final = 1.0


@dataclass(frozen=True, slots=True)
class Reaction:
    """What becomes of the account.

    It rests from `first` to `most` seconds, longer by `factor` with each failure of the kind in a row; what the
    upstream says of waiting goes before. With `model_only` the rest concerns nothing but the model that was asked for.
    With `refresh` its token is reported as rejected, with `state` it is out of service until the operator helps.
    """

    first: float = 0.0
    most: float = 0.0
    factor: float = 2.0
    model_only: bool = False
    refresh: bool = False
    state: State | None = None

    def rest(
        self, error: KimiError, account: Account, model: str, told: float | None, dice: random.Random
    ) -> Rest | None:
        """How long `account` is left alone; accounts that fail together do not come back together."""
        if not self.first:
            return None
        return Rest(
            kind=type(error).__name__,
            because=f"{type(error).__name__}: {error}",
            first=self.first * dice.uniform(1.0, 1.25),
            most=self.most * dice.uniform(0.8, 1.0),
            factor=self.factor,
            told=None if told is None else min(max(told, SHORTEST_TOLD), LONGEST_TOLD),
            model=model if self.model_only else "",
            organisation=_known_as(error.organisation, account) if isinstance(error, errors.RateLimited) else "",
        )


def _known_as(organisation: str, account: Account) -> str:
    """What a host of the account's own says of an organisation concerns nobody elsewhere."""
    if not organisation or not account.base_url:
        return organisation
    return hashlib.sha256(f"{account.base_url} {organisation}".encode()).hexdigest()[:16]


NOTHING: Final = Reaction()
STRAY: Final = Reaction(5, 60)
"""For an account that its upstream fails again and again while it answers others."""

TABLE: Mapping[type[KimiError], Reaction] = MappingProxyType(
    {
        errors.AccountError: NOTHING,
        errors.TokenRejected: Reaction(refresh=True),
        errors.AccountDead: Reaction(state=State.DEAD),
        errors.AccountBanned: Reaction(state=State.BANNED),
        errors.AccountBusy: Reaction(5, 30),
        errors.Overloaded: Reaction(5, 60),
        errors.RateLimited: Reaction(20, 300),
        errors.QuotaSpent: Reaction(600, 6 * 3600, factor=3),
        errors.FeatureSpent: Reaction(3600, 6 * 3600, model_only=True),
        errors.ModelRefused: Reaction(3600, 7200, model_only=True),
        errors.ChatGone: NOTHING,
        # The upstream's trouble, which the breaker sees to
        errors.UpstreamError: NOTHING,
        errors.Unreachable: NOTHING,
        errors.UpstreamTimeout: NOTHING,
        errors.UpstreamDown: NOTHING,
        errors.BrokenAnswer: NOTHING,
        # The client's affair
        errors.RequestRefused: NOTHING,
        errors.ContentRefused: NOTHING,
        errors.PromptTooLong: NOTHING,
        errors.RequestInvalid: NOTHING,
        errors.FileRefused: NOTHING,
        errors.ConversationLost: NOTHING,
        errors.AnswerUnread: NOTHING,
        errors.AnswerUnfit: NOTHING,
        errors.CallsUnfit: NOTHING,
        errors.FormUnfit: NOTHING,
        # There was no account
        errors.PoolError: NOTHING,
        errors.AllBusy: NOTHING,
        errors.ConversationBusy: NOTHING,
        errors.NoAccount: NOTHING,
        errors.AwaitingToken: NOTHING,
        errors.Crowded: NOTHING,
        errors.StoreUnavailable: NOTHING,
        errors.Unreadable: NOTHING,
        errors.Garbled: NOTHING,
        errors.Outdated: NOTHING,
        errors.NotKept: NOTHING,
    }
)
"""One reaction for every error. The breaker judges whole upstreams; here it is about single accounts."""
