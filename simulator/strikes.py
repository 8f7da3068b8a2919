"""Faults that need no knowledge of streams: they strike any call, before or after it is carried out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gevent
from flask import Response, request

from simulator.kinds import Kind
from simulator.reasons import look_up, render
from simulator.replies import HANG_UP, deliver, refuse, reply
from simulator.streams import Break, Emit, Item, Pause

if TYPE_CHECKING:
    from simulator.desk import Call

_HTML = (
    "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
_USUAL = {401: "invalid_token", 403: "abnormal", 404: "not_found", 410: "gone", 429: "overloaded"}
_STREAM_TYPES = {
    Kind.CLASSIC: "text/event-stream",
    Kind.KIMI: "application/connect+json",
    Kind.MOONSHOT: "text/event-stream",
}


def before(call: Call) -> Response | None:
    """The answer of a fault that keeps the call from being carried out, if one strikes."""
    strike = _BEFORE.get(call.fault.what) if call.fault else None
    return strike(call) if strike else None


def after(call: Call, answer: Response) -> Response:
    """What a fault makes of the answer of a call that was carried out."""
    if call.fault is None or call.endpoint == "chat":
        return answer
    if call.fault.what == "lost_reply":
        return _lost(answer, str(call.fault.args["how"]))
    if call.fault.what == "broken_body":
        return Response(answer.get_data()[:-3], answer.status_code, content_type=answer.content_type)
    if call.fault.what == "hangup":
        request.environ[HANG_UP] = True
    return answer


def _args(call: Call) -> dict[str, Any]:
    return call.fault.args if call.fault else {}


def _http(call: Call) -> Response:
    args = _args(call)
    if args["reason"]:
        answer = refuse(call.dialect, args["reason"], status=args["status"], org=call.org)
    else:
        answer = _plain(call.dialect, args["status"] or 503, args["body"])
    if args["content_type"]:
        answer.content_type = args["content_type"]
    answer.headers.extend(args["headers"] or {})
    return answer


def _plain(dialect: Kind, status: int, body: Any) -> Response:
    if body is not None:
        return reply(body, status) if not isinstance(body, str) else Response(body, status, content_type="text/html")
    if status in _USUAL:
        return refuse(dialect, _USUAL[status], status=status)
    answer = Response(_HTML.format(status=status), status, content_type="text/html")
    if 300 <= status < 400:
        answer.headers["Location"] = "https://www.kimi.com/"
    return answer


def _error(call: Call) -> Response | None:
    args = _args(call)
    where = args["where"] or ("first" if call.dialect is Kind.KIMI else "http")
    if call.endpoint == "chat" and where not in ("http", "json"):
        return None  # in the stream
    status = 200 if where == "json" else None
    return refuse(call.dialect, args["reason"], status=status, silent=bool(args["silent"]), org=call.org)


def _content_filter(call: Call) -> Response | None:
    if call.dialect is not Kind.MOONSHOT or _args(call)["texts"]:
        return None  # in the stream
    return refuse(call.dialect, "content_filter")


def _reason(name: str) -> Callable[[Call], Response]:
    return lambda call: refuse(call.dialect, name, org=call.org)


def _break(how: str) -> Callable[[Call], Response]:
    return lambda _call: deliver(iter((Break(how),)))


def _slow(call: Call) -> None:
    gevent.sleep(float(_args(call)["seconds"]))


def _hang(call: Call) -> Response | None:
    if call.endpoint == "chat" and _args(call)["texts"] is not None:
        return None  # in the stream
    return deliver(iter((Pause(None),)))


def _no_tokens(call: Call) -> Response:
    return reply({} if _args(call)["empty"] else render(call.dialect, look_up(call.dialect, "internal")))


def _broken_body(call: Call) -> Response | None:
    if call.endpoint != "chat":
        return None  # afterwards
    return Response(b'{"error_ty', 200, content_type="application/json")


def _html_page(_call: Call) -> Response:
    return Response("<!doctype html><title>Kimi</title><p>网络异常</p>", 200, content_type="text/html; charset=utf-8")


def _empty_body(call: Call) -> Response:
    content_type = _STREAM_TYPES[call.dialect] if call.endpoint == "chat" else "application/json"
    return Response(b"", 200, content_type=content_type)


def _lost(answer: Response, how: str) -> Response:
    data = answer.get_data()
    if how.isdigit():
        return Response(_HTML.format(status=how), int(how), content_type="text/html")
    if how == "cut":
        headers = {"Content-Type": str(answer.content_type), "Content-Length": str(len(data))}
        return deliver(iter((Emit("head", data[: len(data) // 2]), Break("cut"))), headers=headers)
    last: Item = Pause(None) if how == "hang" else Break("reset" if how == "reset" else "cut")
    return deliver(iter((last,)))


_BEFORE: dict[str, Callable[[Call], Response | None]] = {
    "http": _http,
    "reset": _break("reset"),
    "refused": _break("reset"),  # on a connection that was there before
    "close": _break("cut"),
    "slow": _slow,
    "hang": _hang,
    "wrong_type": _html_page,
    "empty_body": _empty_body,
    "broken_body": _broken_body,
    "banned": _reason("banned"),
    "abnormal": _reason("abnormal"),
    "no_tokens": _no_tokens,
    "error": _error,
    "content_filter": _content_filter,
}
