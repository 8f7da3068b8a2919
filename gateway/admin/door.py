"""Who may come in to the admin page's API: whoever sends the admin key, or signed in with it."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from gateway.auth import offered
from gateway.backoff import Attempts
from gateway.client_address import client_address, neighbourhood
from gateway.errors import CsrfFailed, TooManyWrongAdminKeys, WrongAdminKey
from gateway.server.environ_keys import SERVED
from gateway.views.requests import Asked, present
from kimi.errors import StoreUnavailable
from kimi.pool.attempts import Pause

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

COOKIE: Final = "kimi_admin"
CSRF: Final = "HTTP_X_CSRF_TOKEN"
_OUR_COOKIE: Final = re.compile(rf"(?:^|;) *+{COOKIE}=([\w-]++)", re.ASCII)
"""Ours among the cookies of a host: to understand all that can be sent takes 30 ms, and anybody can send them."""
_OURS: Final = frozenset({None, "same-origin", "none"})
"""What a browser says of requests that the page makes, or its user. `same-site` is another port of this host, too."""
_SAFE: Final = frozenset({"GET", "HEAD"})


class Sessions(Protocol):
    """Those who are signed in; see `kimi.pool.sessions.Sessions`."""

    def open(self, token: str, proof: str) -> float: ...

    def find(self, token: str) -> tuple[str, float] | None: ...

    def close(self, token: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in until `expires`, in Unix seconds; `csrf` shows that a request is of the page itself."""

    token: str = field(repr=False)
    expires: float

    @property
    def csrf(self) -> str:
        """Only who has the token can tell it, so that it needs to be kept nowhere."""
        return _mac(self.token, "csrf")


@dataclass(frozen=True, slots=True)
class Operator:
    """Who asks, as the audit log shows him; `session` where he is signed in."""

    who: str
    address: str
    session: Session | None = None


class Door:
    """Lets operators in, through so many trusted `proxies`.

    `local` counts wrong keys while Redis, which does it for all workers, is away.
    """

    def __init__(self, key: str, sessions: Sessions, attempts: Attempts, local: Attempts, *, proxies: int = 0) -> None:
        self._key = key
        self._digest = _digest(key)
        self._sessions = sessions
        self._attempts = attempts
        self._local = local
        self._proxies = proxies

    def operator(self) -> Operator:
        """Who sends the present request.

        Raises `WrongAdminKey`, `CsrfFailed`, `TooManyWrongAdminKeys` or `StoreUnavailable`.
        """
        asked = present()
        environ, address = asked.environ, self._address(asked)
        keys = list(offered(environ.get("HTTP_AUTHORIZATION"), environ.get("HTTP_X_API_KEY")))
        if keys:
            self._try_bearer(keys, address)
            found = Operator("admin api", address)
        else:
            session = self._session(asked)
            _check_origin(asked)
            if asked.method not in _SAFE and not _equal(environ.get(CSRF, ""), session.csrf):
                raise CsrfFailed
            found = Operator("admin page", address, session)
        asked.entry.client = "admin"
        asked.teller(SERVED)()
        return found

    def sign_in(self, key: str) -> tuple[Operator, Session]:
        """Signs in with `key`. Raises `WrongAdminKey`, `CsrfFailed`, `TooManyWrongAdminKeys` or `StoreUnavailable`."""
        asked = present()
        _check_origin(asked)
        right, address = self._fits(key), self._address(asked)
        _judge(self._attempts.attempt([neighbourhood(address)], counts=not right), address, right=right)
        token = secrets.token_urlsafe(32)
        session = Session(token, self._sessions.open(token, self._proof(token)))
        return Operator("admin page", address, session), session

    def sign_out(self, session: Session) -> None:
        """Ends `session`. Raises `StoreUnavailable`."""
        self._sessions.close(session.token)

    def is_open(self, session: Session) -> bool:
        """Whether it is signed in as yet, which it is taken to be while nobody can say."""
        try:
            return self._found(session.token) is not None
        except StoreUnavailable:
            return True

    def _session(self, asked: Asked) -> Session:
        cookie = _OUR_COOKIE.search(asked.environ.get("HTTP_COOKIE", ""))
        session = self._found(cookie[1]) if cookie else None
        if session is None:
            raise WrongAdminKey
        return session

    def _found(self, token: str) -> Session | None:
        found = self._sessions.find(token)
        if found is None or not _equal(found[0], self._proof(token)):  # the key is another one by now
            return None
        return Session(token, found[1])

    def _try_bearer(self, keys: list[str], address: str) -> None:
        right, near = any(self._fits(key) for key in keys), [neighbourhood(address)]
        try:
            pauses = self._attempts.attempt(near, counts=not right)
        except StoreUnavailable:
            pauses = self._local.attempt(near, counts=not right)
        _judge(pauses, address, right=right)

    def _address(self, asked: Asked) -> str:
        return client_address(asked.environ, self._proxies)

    def _fits(self, key: str) -> bool:
        return hmac.compare_digest(_digest(key), self._digest)

    def _proof(self, token: str) -> str:
        """What the holder of `token` has shown. Without the token nobody can try keys on it."""
        return _mac(token, self._key)


def _judge(pauses: Sequence[Pause], address: str, *, right: bool) -> None:
    """Raises `TooManyWrongAdminKeys` or `WrongAdminKey`. Whoever goes on guessing is logged once for each pause."""
    (pause,) = pauses
    if pause.begins:
        log.warning("too many wrong admin keys", address=address, seconds=pause.seconds)
    if pause.seconds > 0:
        raise TooManyWrongAdminKeys(retry_after=pause.seconds)
    if not right:
        raise WrongAdminKey


def _check_origin(asked: Asked) -> None:
    """Raises `CsrfFailed` where a browser says that another site sends this."""
    if asked.environ.get("HTTP_SEC_FETCH_SITE") not in _OURS:
        raise CsrfFailed


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()


def _mac(key: str, text: str) -> str:
    return hmac.new(key.encode(errors="surrogatepass"), text.encode(errors="surrogatepass"), "sha256").hexdigest()


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(_digest(one), _digest(other))
