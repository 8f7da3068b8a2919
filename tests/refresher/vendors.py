"""A vendor without HTTP: rotates tokens that work once, and fails as it is told."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence

import jwt

from kimi.accounts import Account, Tokens
from kimi.errors import AccountDead, KimiError

Step = KimiError | Callable[[], object]


def token(typ: str, number: int, *, iat: float | None = None, exp: float | None = None, sub: str = "u") -> str:
    times = {name: value for name, value in (("iat", iat), ("exp", exp)) if value is not None}
    return jwt.encode({"typ": typ, "sub": sub, "jti": str(number), **times}, "0" * 64, algorithm="HS512")


class Vendor:
    """Knows one refresh token an account, and gives a new one for it.

    `script` holds what happens at the next exchanges: an error that is raised, or something that is called first. While
    it `withholds` access tokens, refresh tokens come alone. Where it `dates` them, they say when they were issued.
    """

    def __init__(self, clock: Callable[[], float], *, lifetime: float | None = 900.0, skew: float = 0.0) -> None:
        self.clock = clock
        self.lifetime = lifetime
        self.skew = skew
        self.withholds = False
        self.dates = False
        self.age = 0.0  # of the access tokens that it gives out
        self.script: list[Step] = []
        self.asked: list[str] = []
        self.current: dict[str, str] = {}
        self.models: Sequence[str] = ("kimi-k3",)
        self.running = 0
        self.most_running = 0
        self._numbers = itertools.count(1)
        self._mutex = threading.Lock()

    def refresh(self, account: Account, refresh_token: str) -> Tokens:
        with self._mutex:
            self.asked.append(refresh_token)
            step = self.script.pop(0) if self.script else None
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        try:
            return self._answer(account.name, refresh_token, step)
        finally:
            with self._mutex:
                self.running -= 1

    def _answer(self, name: str, refresh_token: str, step: Step | None) -> Tokens:
        if isinstance(step, KimiError):
            raise step
        if step is not None:
            step()
        with self._mutex:
            if self.current.setdefault(name, refresh_token) != refresh_token:
                raise AccountDead("invalid claims")
            now = self.clock() + self.skew
            number = next(self._numbers)
            self.current[name] = token("refresh", number, iat=now if self.dates else None)
            if self.withholds:
                return Tokens("", self.current[name])
            expires = None if self.lifetime is None else now + self.lifetime
            return Tokens(token("access", number, iat=now - self.age, exp=expires), self.current[name])

    def list_models(self, account: Account, key: str) -> Sequence[str]:
        self.refresh(account, key)
        self.current[account.name] = key
        return self.models
