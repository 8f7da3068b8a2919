"""What can go wrong in the gateway itself: mostly what a client did wrong before any account was asked."""

from __future__ import annotations

from typing import Final


class RequestError(Exception):
    """The client's request cannot be served as it is. The text is written for the client."""


class BadRequest(RequestError):
    """Something in the body is missing or not what it has to be; `param` says where."""

    def __init__(self, message: str, *, code: str = "invalid_value", param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.param = param


class AccountMissing(BadRequest):
    """An operator names an account that there is not."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="account_not_found", param="name")


class KeyMissing(BadRequest):
    """An operator names a client key that there is not."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="key_not_found", param="id")


class UnknownKey(RequestError):
    """No client key came, or none that is known."""


class TokenRefused(UnknownKey):
    """Refresh tokens came in place of a client key, and none of them can serve. The text says why."""

    code: Final = "invalid_api_key"
    param: Final = None


class TokenUndecided(Exception):
    """Nobody can say yet whether a refresh token is good."""


class TooManyNewTokens(RequestError):
    """More refresh tokens that nobody knows came than are taken at a time; `retry_after` is in seconds."""

    def __init__(self, *, retry_after: float) -> None:
        super().__init__("too many refresh tokens that are not known yet")
        self.retry_after = retry_after


class AdminOff(RequestError):
    """The admin page and its API are off."""


class WrongAdminKey(RequestError):
    """Neither the admin key came nor the cookie of somebody who is signed in."""


class CsrfFailed(RequestError):
    """Somebody is signed in, but nothing shows that the page itself sent this."""


class TooManyWrongKeys(RequestError):
    """Wrong keys came from this address, or many like this one; no other counts for `retry_after` seconds."""

    def __init__(self, *, retry_after: float) -> None:
        super().__init__("too many wrong keys")
        self.retry_after = retry_after


class TooManyWrongAdminKeys(TooManyWrongKeys):
    """Wrong admin keys came from this address; none is looked at, right or wrong."""


class TooManyViewers(RequestError):
    """As many look at the live page of this worker as may."""


class BodyTooLarge(RequestError):
    """The body is larger than `GATEWAY_MAX_BODY_MB`."""


class BodyIncomplete(RequestError):
    """The body stopped before its end: it is broken, or the client hung up inside it."""


class HeadLate(RequestError):
    """The line and the headers of a request did not come in time."""


class BodyLate(RequestError):
    """The body came too slowly."""


class ClientGone(Exception):
    """The client hung up before its answer was complete; nobody will read what is said about it."""


class Draining(Exception):
    """The gateway is shutting down."""
