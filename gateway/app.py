"""The application, put together from its collaborators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import structlog
from flask import Flask, Request, Response
from flask.sessions import NullSession, SessionInterface
from werkzeug.exceptions import NotFound
from werkzeug.routing import MapAdapter, Rule

from gateway import firsts
from gateway.absent import sentence
from gateway.admin import assembly
from gateway.explaining import describe
from gateway.paths import CanonicalPaths
from gateway.services import Services
from gateway.settings import GatewaySettings
from gateway.views import billing, chat, completions, docs, health, messages, models, responses, tokens
from gateway.views.requests import Asked, Entries, present

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class _NoSessions(SessionInterface):
    """There are none, so that one that holds nothing does for all requests."""

    _none = NullSession()

    def open_session(self, _app: Flask, _request: Request) -> NullSession:
        return self._none


class Gateway(Flask):
    """The application, and what the worker that runs it tells it and asks of it. It writes no URLs of its own."""

    request_class = Asked
    session_interface = _NoSessions()

    def __init__(self, services: Services) -> None:
        super().__init__("gateway", static_folder=None)
        self.drain = services.drain
        self.settle = services.settle
        self._entries = Entries(services)

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Looks for the endpoint by path and method alone. A `Host` that is none is refused all the same."""
        if request is None:
            return super().create_url_adapter(None)
        return _Routes(self._plain, self.url_map, request.host, "/", "", "http", request.path, request.method)

    def preprocess_request(self) -> Response | None:
        """What comes before every view; Flask's way there asks each blueprint for more."""
        return self._entries.open()

    def process_response(self, response: Response) -> Response:
        """What comes behind every view. There are no sessions to be kept."""
        return self._entries.mark(response)

    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        """Nothing has to be torn down behind a request, and nobody listens."""

    def do_teardown_appcontext(self, exc: BaseException | None = None) -> None:
        """The same for what Flask has around it."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Nothing here is asynchronous, so nothing is asked whether it is."""
        return func

    @cached_property
    def _plain(self) -> Mapping[tuple[str, str], Rule]:
        """The endpoints whose paths have no parameters, by method and path."""
        rules = [rule for rule in self.url_map.iter_rules() if not rule.arguments]
        return {(method, rule.rule): rule for rule in rules for method in rule.methods or ()}


class _Routes(MapAdapter):
    """Finds endpoints without parameters at one glance.

    werkzeug's search leaves a cycle behind each time, and those were all that a request left to the garbage collector.
    """

    def __init__(self, plain: Mapping[tuple[str, str], Rule], *args: Any) -> None:
        super().__init__(*args)
        self._plain = plain

    def match(self, *args: Any, **options: Any) -> Any:
        """What `MapAdapter.match` returns. Raises `HTTPException` where there is nothing."""
        is_flask = not args and options == {"return_rule": True}
        rule = self._plain.get((self.default_method, self.path_info)) if is_flask else None
        return super().match(*args, **options) if rule is None else (rule, {})


def create_app(settings: GatewaySettings, services: Services) -> Gateway:
    """A gateway that serves with `services`. Nothing is started and nothing is contacted."""
    app = Gateway(services)
    app.url_map.merge_slashes = False  # paths are canonical already, and no client follows a redirect with a body
    app.register_blueprint(chat.blueprint(settings, services))
    app.register_blueprint(completions.blueprint(settings, services))
    app.register_blueprint(messages.blueprint(settings, services))
    app.register_blueprint(models.blueprint(settings, services))
    app.register_blueprint(responses.blueprint(settings, services))
    app.register_blueprint(billing.blueprint(services))
    app.register_blueprint(tokens.blueprint(settings, services))
    app.register_blueprint(health.blueprint(settings, services))
    app.register_blueprint(docs.blueprint())
    assembly.register(app, settings, services)
    firsts.begin(services.metrics, {rule.rule for rule in app.url_map.iter_rules()})
    app.register_error_handler(Exception, _on_error)
    app.wsgi_app = CanonicalPaths(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _on_error(error: Exception) -> Response:
    """Whatever went wrong, in the shape that the client knows."""
    asked = present()
    entry = asked.entry
    problem = describe(error, entry.request_id)
    if isinstance(error, NotFound):
        problem = replace(problem, message=sentence(asked.path) or problem.message)
    if problem.status == 500:
        log.error("a request met an error of ours", request_id=entry.request_id, exc_info=error)
    elif problem.status > 500:
        log.warning("a request failed", request_id=entry.request_id, reason=f"{type(error).__name__}: {error}")
    return asked.fail(problem)
