"""What the errors of sockets, and of the libraries above them, mean to whoever sent a request."""

from __future__ import annotations

import http.client
import ssl

import requests
import urllib3

from kimi.errors import Unreachable, UpstreamError, UpstreamTimeout
from kimi.http.contract import Malformed

_LATE = (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
_BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, Malformed)
_NEVER_LEFT = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ProxyError,  # it was not reached, or would not connect
)


def named(url: str) -> str:
    """What errors call the host of `url`: its name and port, without credentials."""
    return url.partition("//")[2].partition("/")[0].rpartition("@")[2]


class translated:  # noqa: N801  (it is used like a function)
    """A context that raises what goes wrong inside as `Unreachable` or `UpstreamTimeout`, about `host`.

    `leaves` is false where nothing of a request can have been sent yet.
    """

    __slots__ = ("_host", "_leaves")

    def __init__(self, host: str, *, leaves: bool = True) -> None:
        self._host, self._leaves = host, leaves

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None and isinstance(error, (*_LATE, ValueError, *_BROKEN)):
            told = explained(self._host, error, leaves=self._leaves)
            raise told from (None if _may_quote(error) else error)


def explained(host: str, error: Exception, *, leaves: bool = True) -> UpstreamError:
    """What `error` means to the caller; see `translated`."""
    sent = leaves and not any(isinstance(cause, _NEVER_LEFT) for cause in _causes(error))
    if _is_late(error):
        return UpstreamTimeout(f"{host}: nothing came in time", sent=sent)
    if _may_quote(error):
        return Unreachable(f"{host}: the address, its proxy or a header cannot be sent", sent=False)
    cause = _causes(error)[-1]
    return Unreachable(f"{host}: {type(cause).__name__}: {cause}", sent=sent)


def _is_late(error: Exception) -> bool:
    # urllib3 counts every connection that cannot be made among its timeouts.
    return isinstance(error, _LATE) and not isinstance(error, urllib3.exceptions.NewConnectionError)


def _may_quote(error: Exception) -> bool:
    """Whether the text of `error` could quote a proxy's password or a token."""
    return isinstance(error, ValueError) and not isinstance(error, (*_LATE, ssl.SSLError))


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what lies below it, the root last."""
    causes = [error]
    while (inner := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(inner)
    return causes
