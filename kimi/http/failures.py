"""What the errors of sockets, and of the libraries above them, mean to whoever sent a request."""

from __future__ import annotations

import http.client
import re
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
    UnicodeEncodeError,  # in a header
)
_NO_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})\b", re.ASCII)


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
            raise explained(self._host, error, leaves=self._leaves) from None  # a traceback quotes as well


def explained(host: str, error: Exception, *, leaves: bool = True) -> UpstreamError:
    """What `error` means to the caller; see `translated`. Nothing is quoted that was sent, or that came."""
    causes = _causes(error)
    sent = leaves and not any(isinstance(cause, _NEVER_LEFT) for cause in causes)
    if _is_late(error):
        return UpstreamTimeout(f"{host}: nothing came in time", sent=sent)
    if said := _said(causes[-1]):
        return Unreachable(f"{host}: {type(causes[-1]).__name__}: {said}", sent=sent)
    if not sent and _is_value(error):
        return Unreachable(f"{host}: the address, its proxy or a header cannot be sent", sent=False)
    names = [type(cause).__name__ for cause in causes if not _is_value(cause)]
    return Unreachable(f"{host}: {names[-1] if names else 'the answer cannot be read'}", sent=sent)


def _is_late(error: Exception) -> bool:
    # urllib3 counts every connection that cannot be made among its timeouts.
    return isinstance(error, _LATE) and not isinstance(error, urllib3.exceptions.NewConnectionError)


def _is_value(error: BaseException) -> bool:
    """Whether it says that something was found wrong, and not what has happened."""
    return isinstance(error, ValueError) and not isinstance(error, (*_LATE, ssl.SSLError))


def _said(cause: BaseException) -> str:
    """The text of a root, where the system or we have written it; nobody else's.

    What libraries say may quote the password of a proxy, a token that was sent, or all that came in place of an answer.
    """
    if isinstance(cause, Malformed) or (isinstance(cause, OSError) and cause.errno is not None):
        return str(cause)
    found = _NO_TUNNEL.match(str(cause)) if isinstance(cause, OSError) else None
    return f"the proxy answered {found[1]}" if found else ""


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what lies below it, the root last."""
    causes = [error]
    while (inner := causes[-1].__cause__ or causes[-1].__context__) is not None:
        causes.append(inner)
    return causes
