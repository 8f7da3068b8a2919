"""A gateway with an admin page on a real Valkey, and operators who use it."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.admin.desk import Desk
from gateway.admin.door import Door
from gateway.admin.making import desk_over
from gateway.backoff import LocalAttempts
from kimi.accounts import State
from kimi.alerts.destinations import Trial as AlertTrial
from kimi.alerts.now import Shown
from kimi.operating.accounts import Accounts
from kimi.operating.trial import Trial
from kimi.pool import Store
from kimi.pool.attempts import OPERATORS, Attempts
from kimi.pool.sessions import Sessions
from tests.gateway.fakes import KEY, Clock, House

ADMIN_KEY = "admin-key"
BEARER = {"Authorization": f"Bearer {ADMIN_KEY}"}


class NoTrials:
    """Answers for every account but those that are not there."""

    def __init__(self, store: Store) -> None:
        self._accounts = Accounts(store)

    def run(self, name: str) -> Trial:
        state = self._accounts.get(name).state
        return Trial(name, ok=state is not State.DEAD, seconds=0.25, message=f"it is {state}", model="kimi")


class Alarm:
    """Something is wrong, and one of two destinations can be told of it."""

    def destinations(self) -> list[str]:
        return ["webhook", "feishu"]

    def active(self) -> list[Shown]:
        return [Shown(rule="low", subject="", since=1_700_000_000.0, message="few accounts can be used")]

    def test(self) -> list[AlertTrial]:
        return [AlertTrial("webhook", ok=True, message="delivered"), AlertTrial("feishu", ok=False, message="HTTP 500")]


def desk_on(store: Store, *, key: str = ADMIN_KEY, clock: Clock | None = None, proxies: int = 0) -> Desk:
    """A desk whose own clock is `clock`, behind so many `proxies`."""
    local = LocalAttempts(OPERATORS, clock or Clock())
    return desk_over(
        store,
        door=Door(key, Sessions(store), Attempts(store, OPERATORS), local, proxies=proxies),
        trials=NoTrials(store),
        alerts=Alarm(),
        setting_keys=(KEY,),
    )


class Office:
    """A whole gateway with a desk, and a browser at it."""

    def __init__(self, store: Store, *, key: str = ADMIN_KEY, proxies: int = 0) -> None:
        self.store = store
        self.clock = Clock()
        self.desk = desk_on(store, key=key, clock=self.clock, proxies=proxies)
        self.house = House(desk=self.desk)
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
