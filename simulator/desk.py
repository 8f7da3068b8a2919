"""Where every call arrives: who calls, which fault strikes, what is remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import orjson
from flask import Response, current_app, request

from simulator import memory, strikes
from simulator.accounts import Account
from simulator.faults import Fault
from simulator.kinds import Kind
from simulator.reasons import Refusal
from simulator.replies import refuse
from simulator.world import World

WEB = (Kind.KIMI, Kind.CLASSIC)


@dataclass(slots=True, kw_only=True)
class Call:
    """One request, once it is known whose it is."""

    world: World
    endpoint: str
    dialect: Kind
    token: str = field(repr=False)
    raw: bytes = field(repr=False)
    account: Account | None
    fault: Fault | None
    remembered: dict[str, Any]

    @property
    def owner(self) -> Account:
        """The account, where the desk has let it in."""
        if self.account is None:
            raise Refusal("invalid_token")
        return self.account

    @property
    def org(self) -> str:
        """The organisation of whoever calls, as far as it is known."""
        return self.account.org if self.account else ""

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises Refusal when it is none."""
        try:
            body = orjson.loads(self.raw or b"{}")
        except orjson.JSONDecodeError as error:
            raise Refusal("invalid", "the body is no JSON") from error
        if not isinstance(body, dict):
            raise Refusal("invalid", "the body is no JSON object")
        return body

    def objects(self, name: str) -> list[dict[str, Any]]:
        """A list of objects of the body; empty when it is left out. Raises Refusal."""
        found = self.json().get(name) or []
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise Refusal("invalid", name)
        return found

    def number(self, name: str, default: int) -> int:
        """A whole number of the body, under its snake_case or its camelCase name. Raises Refusal."""
        try:
            return int(field_of(self.json(), name) or default)
        except (TypeError, ValueError) as error:
            raise Refusal("invalid", name) from error


def field_of(body: Mapping[str, Any], name: str) -> Any:
    """A field under its snake_case or its camelCase name."""
    if name in body:
        return body[name]
    first, *more = name.split("_")
    return body.get(first + "".join(word.capitalize() for word in more))


def world_now() -> World:
    """The world of the running application."""
    found: World = current_app.extensions["simulator"]
    return found


def guarded(
    endpoint: str, dialect: Kind, *, kinds: tuple[Kind, ...] | None = None, open_door: bool = False, bulk: bool = False
) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """A view that gets its `Call` first.

    `open_door` leaves checking the caller to the view, `bulk` the reading of a body that may be large.
    A path with `<sub>` in it says itself whose it is.
    """

    def wrap(view: Callable[..., Response]) -> Callable[..., Response]:
        @wraps(view)
        def run(**kwargs: str) -> Response:
            call = _arrive(endpoint, dialect, bulk=bulk, sub=kwargs.get("sub"))
            answer = strikes.before(call)
            if answer is None:
                answer = _serve(call, view, kwargs, None if open_door else kinds or (dialect,))
                answer = strikes.after(call, answer)
            call.remembered["status"] = answer.status_code
            return answer

        return run

    return wrap


def _arrive(endpoint: str, dialect: Kind, *, bulk: bool, sub: str | None) -> Call:
    world = world_now()
    raw = b"" if bulk else request.get_data()
    token = bearer() or (_refresh_token(raw) if endpoint == "exchange" else "")
    account = world.by_token(token) if sub is None else world.by_sub(sub)
    name, org = (account.name, account.org) if account else (None, None)
    fault = world.faults.take(name, org, endpoint, dialect, raw)
    remembered = memory.remember(world, account, endpoint, dialect, raw)
    if fault is not None:
        remembered["fault"] = fault.what
    return Call(
        world=world,
        endpoint=endpoint,
        dialect=dialect,
        token=token,
        raw=raw,
        account=account,
        fault=fault,
        remembered=remembered,
    )


def _serve(
    call: Call, view: Callable[..., Response], kwargs: dict[str, str], kinds: tuple[Kind, ...] | None
) -> Response:
    try:
        if kinds is not None:
            call.account = call.world.authenticate(call.token, kinds)
        return view(call, **kwargs)
    except Refusal as refusal:
        return refuse(call.dialect, refusal.reason, refusal.note, org=call.org)


def bearer() -> str:
    """The token of the Authorization header."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _refresh_token(raw: bytes) -> str:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(body, dict):
        return ""
    return str(body.get("refresh_token") or body.get("refreshToken") or "")
