"""Refresh token in, token pair out: the rules of both exchanges."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from simulator import tokens
from simulator.accounts import Account
from simulator.kinds import Kind
from simulator.reasons import Refusal
from simulator.tokens import Holder
from simulator.world import World

_REMEMBERED = 200  # refresh tokens remembered per account


@dataclass(frozen=True, slots=True)
class Pair:
    """What an exchange hands out."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)


@contextmanager
def counted(world: World, account: Account | None, token: str) -> Iterator[None]:
    """Count one attempt, and whether the same token's exchange is running already."""
    if account is None:
        yield
        return
    account.counts.exchanges += 1
    jti = _jti(token)
    if world.exchanging[jti]:
        account.counts.concurrent += 1
    world.exchanging[jti] += 1
    try:
        yield
    finally:
        world.exchanging[jti] -= 1
        if not world.exchanging[jti]:
            del world.exchanging[jti]


def exchange(
    world: World,
    account: Account | None,
    token: str,
    *,
    classic: bool,
    rotate: bool = True,
    lifetime: float | None = None,
    device_id: bool = True,
) -> Pair:
    """Carry an exchange out. Raises Refusal."""
    if account is None or not _may(account, classic=classic):
        raise Refusal("invalid_token")
    claims = tokens.read(token) or {}
    if claims.get("typ") != "refresh" or claims["exp"] <= world.clock():
        raise Refusal("invalid_token")
    _check_unspent(world, account, str(claims["jti"]))
    if account.state != "ok":
        raise Refusal(account.state)
    account.counts.exchanged += 1
    holder = account.holder if device_id else replace(account.holder, device_id=None)
    return _hand_out(world, account, token, holder, rotate=rotate, lifetime=lifetime)


def _may(account: Account, *, classic: bool) -> bool:
    if classic:
        return account.kind is Kind.CLASSIC or account.classic_exchange
    return account.kind is Kind.KIMI


def _check_unspent(world: World, account: Account, jti: str) -> None:
    if jti in account.live_refresh or (account.adopts and jti not in account.spent_at):
        return
    spent = account.spent_at.get(jti)
    if spent is None:
        raise Refusal("invalid_token")
    if world.clock() - spent > world.settings.grace_seconds:
        account.counts.reused += 1
        raise Refusal("invalid_token")


def _hand_out(
    world: World, account: Account, token: str, holder: Holder, *, rotate: bool, lifetime: float | None
) -> Pair:
    settings, now = world.settings, world.clock()
    life = settings.access_lifetime if lifetime is None else lifetime
    access = tokens.issue(holder, "access", now=now, lifetime=life)
    account.access = _jti(access)
    account.last_access = access
    account.adopts = False
    if not rotate:
        account.live_refresh[_jti(token)] = None
        return Pair(access, token)
    refresh = tokens.issue(holder, "refresh", now=now, lifetime=settings.refresh_lifetime)
    if account.kind is Kind.KIMI or settings.classic_strict:
        account.live_refresh.pop(_jti(token), None)
        account.spent_at.setdefault(_jti(token), now)
    account.live_refresh[_jti(refresh)] = None
    account.last_refresh = refresh
    for memory in (account.live_refresh, account.spent_at):
        while len(memory) > _REMEMBERED:
            del memory[next(iter(memory))]
    return Pair(access, refresh)


def revoke(account: Account, *, access: bool = False, refresh: bool = False) -> None:
    """Kill tokens as a login elsewhere does."""
    if access:
        account.access = "revoked"
    if refresh:
        account.live_refresh.clear()
        account.adopts = False


def _jti(token: str) -> str:
    return str((tokens.read(token) or {}).get("jti", token))
