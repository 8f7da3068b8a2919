"""What every request brings along: its id, its log entry, its client."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from flask import Request, Response, current_app, request
from werkzeug.exceptions import MethodNotAllowed
from werkzeug.routing import Rule

from gateway.admin.guard import guard, is_below
from gateway.auth import Caller
from gateway.client_address import client_address
from gateway.client_limits import FREE, Place
from gateway.journal import Entry, Journal
from gateway.paths import UNGUARDED
from gateway.problem import Problem, as_it_is
from gateway.server.environ_keys import KNOWN
from gateway.services import Door, Services
from gateway.shares import Share
from gateway.standings import ANTHROPIC, OPENAI, Form, headers, names
from gateway.views.replies import messages_problem_reply, problem_reply
from kimi.aliases import Aliases
from kimi.models import FeatureUnserved, Selection, UnknownModel, select
from kimi.pool import Summary

_SANE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_SANE_HEADERS: Final = re.compile(r"[A-Za-z0-9_, -]{1,1024}")
_NO_ROUTE: Final = "none"
_MESSAGES: Final = "/v1/messages"
_MODELS: Final = "/v1/models"
_EXPOSED: Final = "x-request-id, request-id, retry-after, retry-after-ms, x-should-retry"
_STANDINGS_EXPOSED: Final[Mapping[Form, str]] = {
    form: ", ".join((_EXPOSED, *names(form))) for form in (OPENAI, ANTHROPIC)
}


class Asked(Request):
    """A request, its log entry, and how its surface tells that something went wrong: in OpenAI's shape unless set."""

    entry: Entry
    api = OPENAI
    """Whose API it is for: Anthropic's has paths of its own, and its clients name its version on those it shares."""
    is_of_admin = False
    """Whether it is for the operator's page or its API, which are for no other site."""
    tell: Callable[[Problem], Response] = staticmethod(problem_reply)
    told: Callable[[Problem], Problem] = staticmethod(as_it_is)
    """Puts what goes wrong into the words that the client has for its fields, once they are known."""

    room: Share | None = None
    """What its body takes of the worker's memory, where it is large."""
    place: Place = FREE
    """Its place among those of its key."""
    entered = 0.0

    def takes(self, place: Place, now: float) -> None:
        """Takes note of its place, which it has, or was denied, since `now`; the answer tells how its key stands."""
        self.place, self.entered = place, now

    def teller(self, what: str) -> Callable[[], object]:
        """What tells the worker that it is `KNOWN`, or `SERVED`: others make room then where there is none."""
        told: Callable[[], object] = self.environ.get(what, _untold)
        return told

    def close(self) -> None:
        """Gives back what it has of the worker, however it ended. Flask calls it as soon as there is an answer."""
        super().close()
        if self.room is not None:
            self.room.close()

    def wants(self, model: str, *, stream: bool | None = None) -> None:
        """Takes note of what was understood: `model` is the name that the client gave.

        `stream` is for questions; there is none where a model is named and nothing asked of it.
        """
        self.entry.model, self.entry.stream = model, stream

    def fail(self, problem: Problem) -> Response:
        """The answer that tells of `problem`; the log and the figures know it by the same code."""
        problem = self.told(problem)
        self.entry.outcome = problem.code
        return self.tell(problem)


def present() -> Asked:
    """The request that is being answered. Flask's `request` looks for it anew at every use, which is slow."""
    found: Asked = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - a public method
    return found


def entry() -> Entry:
    """The log entry of the present request."""
    return present().entry


def sender(proxies: int) -> str:
    """The address that the present request comes from, see `client_address`."""
    return client_address(present().environ, proxies)


def authenticate(keys: Door) -> Caller:
    """Finds out who asks. Raises what `keys` raises, `UnknownKey` above all."""
    asked = present()
    caller = keys.caller(asked.environ.get("HTTP_AUTHORIZATION"), asked.environ.get("HTTP_X_API_KEY"))
    asked.entry.client = caller.client
    if caller.is_proven:
        asked.teller(KNOWN)()
    if caller.key is not None:
        asked.entry.key_id = caller.key.id
    return caller


def seen_by(caller: Caller, services: Services) -> Summary:
    """What `caller` can ask for. Raises `StoreUnavailable` when that was never known."""
    return caller.pool or services.catalogue.lately()


def named_by(caller: Caller, services: Services, name: str, aliases: Aliases) -> Selection:
    """What `name` stands for. What the accounts did not have a moment ago they may have by now.

    Raises `UnknownModel`, also where the key of `caller` does not allow it, `FeatureUnserved` or `StoreUnavailable`.
    """
    if not caller.may_ask_for(name):
        raise UnknownModel(name)
    try:
        return select(name, seen_by(caller, services).routes, aliases)
    except (UnknownModel, FeatureUnserved):
        if caller.pool is not None:
            raise
        return select(name, services.catalogue.now().routes, aliases)


class Entries:
    """Gives every request an id and an entry, answers preflights, and marks every answer."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._journal = Journal(services.metrics, services.counts, services.traces)

    def open(self) -> Response | None:
        """Makes the entry of the present request, and its answer if it is a preflight."""
        asked = present()
        rule, given = asked.url_rule or _other_method(asked), asked.environ.get("HTTP_X_REQUEST_ID", "")
        asked.entry = Entry(
            request_id=given if _SANE_ID.fullmatch(given) else f"req-{self._services.new_id()}",
            method=asked.method,
            route=rule.rule if rule else _NO_ROUTE,
            started=self._services.monotonic(),
            traceparent=asked.environ.get("HTTP_TRACEPARENT"),
        )
        self._journal.begin(asked.entry)
        if _is_of_anthropic(asked):
            asked.api = ANTHROPIC
            asked.tell = partial(messages_problem_reply, request_id=asked.entry.request_id)
        if is_below(asked.path):
            asked.is_of_admin = True
        return _preflight() if asked.method == "OPTIONS" else None

    def mark(self, response: Response) -> Response:
        """The answer to the present request as it goes out."""
        asked = present()
        answered = asked.entry
        response.headers.add("x-request-id", answered.request_id)
        if asked.api is ANTHROPIC:
            response.headers.add("request-id", answered.request_id)
        if asked.is_of_admin:
            guard(response)
        elif asked.path not in UNGUARDED:
            response.headers.add("access-control-allow-origin", "*")
            exposed = _STANDINGS_EXPOSED[asked.api] if asked.place.standings else _EXPOSED
            response.headers.add("access-control-expose-headers", exposed)
        if asked.place.standings:
            age = self._services.monotonic() - asked.entered
            response.headers.extend(headers(asked.api, asked.place.standings, age, self._services.clock()))
        answered.status = response.status_code
        if not answered.streaming:
            self._journal.write(answered, self._services.monotonic())
        return response


def _other_method(asked: Asked) -> Rule | None:
    """The endpoint that is there, but does not take this method."""
    refused = asked.routing_exception
    if not isinstance(refused, MethodNotAllowed) or not refused.valid_methods:
        return None
    routes = current_app.url_map.bind("")
    return routes.match(asked.path, next(iter(refused.valid_methods)), return_rule=True)[0]


def _untold() -> None:
    """In another server than ours."""


def _is_of_anthropic(asked: Asked) -> bool:
    if asked.path.startswith(_MESSAGES):
        return True
    is_shared = asked.url_rule is None or asked.path.startswith(_MODELS)
    return is_shared and "HTTP_ANTHROPIC_VERSION" in asked.environ


def _preflight() -> Response:
    """The answer to a browser that asks whether it may ask; it sends no key with that."""
    asked = request.headers.get("Access-Control-Request-Headers", "")
    response = Response(status=204)
    response.headers["access-control-allow-methods"] = "GET, POST, OPTIONS"
    response.headers["access-control-allow-headers"] = (
        asked if _SANE_HEADERS.fullmatch(asked) else "authorization, content-type, x-api-key"
    )
    response.headers["access-control-max-age"] = "86400"
    return response
