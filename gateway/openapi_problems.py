"""What goes wrong in OpenAPI's words: an example of every error, and which of them an endpoint can give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any, Final

from gateway.openapi_words import TEXT, Json, as_json, header_refs, record, ref, text
from gateway.problem import INTERNAL, INVALID, Problem
from gateway.problems import TABLE
from gateway.server.refusals import TABLE as MALFORMED
from gateway.standings import ANTHROPIC, OPENAI
from gateway.standings import names as names_of
from gateway.surfaces.messages.failures import body_of, status_of

_REQUEST_ID: Final = "req-7f3a5b0c9d1e4f60"
_THEIRS: Final = "Messages."
"""What the examples of Anthropic's shape are called before their names."""


def _wrong(code: str, message: str, param: str | None = None, **more: Any) -> Problem:
    return Problem(status=400, type=INVALID, code=code, message=message, param=param, **more)


PROBLEMS: Final[Mapping[str, Problem]] = {
    **{kind.__name__: problem for kind, problem in chain(TABLE.items(), MALFORMED.items())},
    "Internal": INTERNAL,
    "InvalidJson": _wrong("invalid_json", "The body is not valid JSON, see line 1, column 12."),
    "InvalidForm": _wrong("invalid_form", "The form cannot be read."),
    "InvalidSchema": _wrong(
        "invalid_schema",
        "`type` has to be one of JSON Schema's types, or a list of them.",
        "response_format.json_schema.schema.properties.city",
    ),
    "InvalidValue": _wrong("invalid_value", "`n` has to be 1: there is one answer to a request.", "n"),
    "TokensDead": Problem(
        status=401,
        type=INVALID,
        code="invalid_api_key",
        message="None of the refresh tokens can serve: Kimi refuses them.",
        headers=(("www-authenticate", "Bearer"),),
    ),
    "ResponseLost": _wrong(
        "previous_response_not_found",
        "There is no such response, or it cannot be followed any more. Send the whole input.",
        "previous_response_id",
        headers=(("x-should-retry", "false"),),
    ),
}
"""Everything that can go wrong, by the name of its error."""

KEY: Final = (
    *("UnknownKey", "TooManyWrongKeys", "TokensDead", "TokenUndecided", "TooManyNewTokens"),
    *("StoreUnavailable", "Unreadable", "Internal"),
)
"""Where a key is needed."""
BODY: Final = (
    "InvalidJson",
    "InvalidValue",
    "BadRequest",
    "BodyIncomplete",
    "BodyLate",
    "BodyTooLarge",
    "ClientGone",
    "ParseException",
)
"""Where a body is read."""
MODEL: Final = ("UnknownModel", "FeatureUnserved")
ASKING: Final = (
    *(*KEY, *BODY, *MODEL, "Draining"),
    *("LimitReached", "AllBusy", "FeatureSpent", "NoAccount"),
    *("UpstreamTimeout", "Unreachable", "BrokenAnswer", "UpstreamError"),
    *("ContentRefused", "PromptTooLong", "FileRefused", "Crowded", "RequestRefused", "AnswerUnread"),
)
"""Where Kimi is asked."""
FORMS: Final = ("InvalidSchema", "FormUnfit", "CallsUnfit", "AnswerUnfit")
"""Where tools and forms of answers can be asked for."""
CONVERSATIONS: Final = ("ConversationBusy", "ConversationLost")
ADMIN: Final = (
    *("AdminOff", "WrongAdminKey", "TooManyWrongAdminKeys"),
    *("StoreUnavailable", "Outdated", "Unreadable", "Garbled", "Internal"),
)
"""Where the admin key is needed."""
ADMIN_CHANGE: Final = (*ADMIN, *BODY, "CsrfFailed")
"""Where something is changed with it."""
ANYWHERE: Final = (
    *("NotFound", "MethodNotAllowed", "LimitRequestLine", "LimitRequestHeaders", "ExpectationFailed"),
    *("UnsupportedTransferCoding", "HeadLate"),
)
"""What is of no endpoint: a path that does not exist, or no HTTP as it should be."""

SCHEMAS: Final[Json] = {
    "Error": record(
        {
            "error": record(
                {
                    "message": text("What is wrong, and what to do, for people"),
                    "type": text("The kind of error in OpenAI's words"),
                    "param": {"type": ["string", "null"], "description": "The field at fault"},
                    "code": text("The same for programs, see the list of codes"),
                },
                *("message", "type", "param", "code"),
            )
        },
        "error",
    ),
    "MessageError": record(
        {
            "type": {"const": "error"},
            "error": record(
                {"type": text("The kind of error in Anthropic's words"), "message": text("What is wrong, for people")},
                *("type", "message"),
            ),
            "request_id": TEXT,
        },
        *("type", "error", "request_id"),
    ),
}
_STATUSES: Final = {
    400: "Something in the request is not as it has to be, and would come to the same end again",
    401: "The client key is unknown, or of refresh tokens in its place none can serve",
    403: "Nothing shows that the page itself sent this",
    404: "The model, the path, or what is named does not exist",
    405: "The path does not take this method",
    408: "The request came too slowly, or its answer was not read in time",
    413: "The body is larger than `GATEWAY_MAX_BODY_MB`",
    414: "The URL is too long",
    417: "An `Expect` that is not met",
    429: "All accounts are busy, a limit is reached, or too much came at once; `Retry-After` says when to come back",
    431: "The headers are too large",
    499: "The client closed the connection: only the log tells of it",
    500: "An error of the gateway itself",
    501: "A body in a coding that is not taken",
    502: "Kimi could not be reached, gave a broken answer, or none in time or of the form asked for",
    503: "Nobody can serve this at present; `Retry-After` says when to come back",
    504: "Kimi did not answer in time",
    529: "Nobody can serve this at present; `Retry-After` says when to come back",
}
_WAITING: Final = (429, 503, 529)


def errors(*names: str) -> Json:
    """The answers of these errors, in OpenAI's shape."""
    return _answers(names, "", "Error", lambda problem: problem.status)


def messages_errors(*names: str) -> Json:
    """The same in Anthropic's shape, with its statuses."""
    answers = _answers(names, _THEIRS, "MessageError", status_of)
    for answer in answers.values():
        answer["headers"] |= header_refs("request-id")
    return answers


def errors_in_either_shape(*names: str) -> Json:
    """The same where both kinds of clients ask: in the shape that the client knows."""
    ours, theirs = errors(*names), messages_errors(*names)
    return {status: _either(ours.get(status), theirs.get(status)) for status in sorted({*ours, *theirs})}


def examples() -> Json:
    """An example of every error in both shapes, under the names that `errors` and `messages_errors` refer to."""
    ours = {name: _example(problem, problem.body) for name, problem in PROBLEMS.items()}
    asked = (name for name in PROBLEMS if name not in ANYWHERE)
    theirs = {_THEIRS + name: _example(PROBLEMS[name], body_of(PROBLEMS[name], _REQUEST_ID)) for name in asked}
    return {**ours, **theirs}


def _answers(names: tuple[str, ...], before: str, schema: str, status: Callable[[Problem], int]) -> Json:
    by_status: dict[int, list[str]] = {}
    for name in names:
        by_status.setdefault(status(PROBLEMS[name]), []).append(name)
    return {
        str(number): {
            "description": _STATUSES[number],
            "headers": header_refs(
                "x-request-id",
                *_headers(number, [PROBLEMS[name] for name in by_status[number]]),
                *(names_of(ANTHROPIC if before else OPENAI) if "LimitReached" in by_status[number] else ()),
            ),
            "content": as_json(
                ref(schema),
                {before + name: {"$ref": f"#/components/examples/{before}{name}"} for name in by_status[number]},
            ),
        }
        for number in sorted(by_status)
    }


def _either(ours: Json | None, theirs: Json | None) -> Json:
    if ours is None or theirs is None:
        return ours or theirs or {}
    both = [answer["content"]["application/json"] for answer in (ours, theirs)]
    schema = {"anyOf": [each["schema"] for each in both]}
    return {
        "description": ours["description"],
        "headers": ours["headers"],
        "content": as_json(schema, {**both[0]["examples"], **both[1]["examples"]}),
    }


def _headers(status: int, problems: list[Problem]) -> list[str]:
    waiting = ["Retry-After", "retry-after-ms"] if status in _WAITING else []
    given = {name for problem in problems for name, _ in problem.headers}
    if PROBLEMS["LimitReached"] in problems:
        given.add("x-should-retry")  # where the limit is one of a day
    return waiting + sorted(given)


def _example(problem: Problem, body: Mapping[str, Any]) -> Json:
    return {"summary": problem.code, "value": body}
