"""Answers that both web dialects give, and what exchange faults ask for."""

from __future__ import annotations

from typing import TypedDict

from simulator.accounts import Account
from simulator.desk import Call
from simulator.exchange import Pair


class PairOptions(TypedDict, total=False):
    """How the next token pair is made."""

    rotate: bool
    lifetime: float | None
    device_id: bool


def pair_options(call: Call) -> PairOptions:
    """What a fault wants of the pair."""
    if call.fault is None:
        return {}
    if call.fault.what == "not_rotated":
        return {"rotate": False}
    if call.fault.what == "short_life":
        return {"lifetime": float(call.fault.args["seconds"])}
    if call.fault.what == "no_device_id":
        return {"device_id": False}
    return {}


def pair_shape(call: Call, pair: Pair) -> dict[str, object]:
    """The pair in one of the shapes in which the connect dialect's exchange was seen."""
    shape = call.world.settings.exchange_shape
    if call.fault is not None and call.fault.what == "shape":
        shape = str(call.fault.args["shape"])
    if shape == "snake":
        return {"access_token": pair.access, "refresh_token": pair.refresh}
    camel = {"accessToken": pair.access, "refreshToken": pair.refresh}
    return {"data": camel} if shape == "wrapped" else dict(camel)


def user(account: Account) -> dict[str, object]:
    """`/api/user`."""
    level = 10 if account.plan == "free" else 30
    return {
        "id": account.sub,
        "name": f"模拟用户 {account.name}",
        "avatar": "",
        "status": "active",
        "region": account.region,
        "membership": {"level": level},
    }
