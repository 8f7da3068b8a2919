"""Responses as the endpoints give them."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response

from gateway.problems import Problem


def json_reply(body: Any, status: int = 200) -> Response:
    """`body` as JSON."""
    return raw_reply(orjson.dumps(body), status)


def raw_reply(body: bytes, status: int = 200) -> Response:
    """A body that is JSON already."""
    return Response(body, status, content_type="application/json")


def problem_reply(problem: Problem) -> Response:
    """An error in OpenAI's shape."""
    reply = json_reply(problem.body, problem.status)
    reply.headers.extend(problem.headers)
    return reply
