"""A gateway with an admin page on a real Valkey, and operators who use it."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.admin.backoff import LocalAttempts
from gateway.admin.desk import Desk
from gateway.admin.door import Door
from kimi.pool import Store
from kimi.pool.sessions import Attempts, Sessions
from tests.gateway.fakes import Clock, House

ADMIN_KEY = "admin-key"
BEARER = {"Authorization": f"Bearer {ADMIN_KEY}"}


def desk_on(store: Store, *, key: str = ADMIN_KEY, clock: Clock | None = None) -> Desk:
    """A desk whose own clock is `clock`."""
    return Desk(door=Door(key, Sessions(store), Attempts(store), LocalAttempts(clock or Clock())))


class Office:
    """A whole gateway with a desk, and a browser at it."""

    def __init__(self, store: Store, *, key: str = ADMIN_KEY) -> None:
        self.store = store
        self.clock = Clock()
        self.house = House(desk=desk_on(store, key=key, clock=self.clock))
        self.browser: FlaskClient = self.house.client
        self.csrf = ""

    def api(self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any) -> TestResponse:
        """What the API answers to a program with the admin key."""
        return self.house.app.test_client(use_cookies=False).open(
            f"/admin/api{path}", method=method, headers={**BEARER, **(headers or {})}, **options
        )

    def page(self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any) -> TestResponse:
        """What the API answers to the page, once somebody has signed in there."""
        return self.browser.open(
            f"/admin/api{path}", method=method, headers={"x-csrf-token": self.csrf, **(headers or {})}, **options
        )

    def sign_in(self, key: str = ADMIN_KEY, **options: Any) -> TestResponse:
        reply = self.browser.post("/admin/api/session", json={"key": key}, **options)
        if reply.status_code == 200:
            self.csrf = reply.get_json()["csrf"]
        return reply
