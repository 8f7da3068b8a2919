"""A client with a key of its own, whose requests are counted on a real Valkey, and a gateway with a scripted pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.auth import ClientKeys
from gateway.client_keys import CreatedKeys
from gateway.client_limits import Turnstile
from kimi.events import Finish, Text, Usage
from kimi.pool import Store
from kimi.pool.client_terms import limits_from
from tests.gateway.clients import Line
from tests.gateway.fakes import KEY, House
from tests.kimi.pool.pools import Clock

HI = [{"role": "user", "content": "hi"}]
SURFACES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": HI},
    "/v1/completions": {"prompt": "hi"},
    "/v1/responses": {"input": "hi"},
    "/v1/messages": {"messages": HI, "max_tokens": 9},
    "/chat/kimi": {"message": "hi"},
}
ANSWER = (Text("Hello"), Finish("stop", Usage(3, 4)))


@dataclass
class Scene:
    """A gateway and a client of it with a key of its own."""

    line: Line
    clock: Clock
    house: House
    key: str

    @property
    def client(self) -> FlaskClient:
        return self.house.client

    def ask(self, path: str = "/v1/chat/completions", *script: Any, model: str = "kimi", **body: Any) -> TestResponse:
        """A question that is answered so, if it comes to that."""
        self.house.pool.scripts = [list(script or ANSWER)]
        sent = {**SURFACES[path], "model": model, **body}
        return self.client.post(path, json=sent, headers={"Authorization": f"Bearer {self.key}"})

    @property
    def running(self) -> int:
        """How many places are taken."""
        return sum(
            self.line.store.redis.zcard(name)
            for name in self.line.store.redis.scan_iter(self.line.store.key("client", "*", "running"))
        )


def scene(store: Store, clock: Clock, **limits: Any) -> Scene:
    """A scene whose key has these limits."""
    line = Line(store)
    house = House(CreatedKeys(ClientKeys([KEY]), line.clients), gate=Turnstile(line))
    return Scene(line, clock, house, line.clients.create("shop", limits_from(limits)).key)
