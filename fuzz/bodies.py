"""Bodies of requests to every surface, over a pool that answers the same to everybody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from fuzz.mutations import as_text
from fuzz.questions import operations
from gateway.openapi import document
from tests.gateway.fakes import AUTHORIZED, House, answer

PATHS: Final = (
    *("/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1/completions", "/chat/kimi"),
    *("/v1/messages/count_tokens", "/v1/responses/input_tokens", "/token/check"),
)
_NAMES: Final = (
    "model messages role content user system assistant tool type text tools function parameters tool_choice tool_calls "
    "stream input image_url tool_use tool_result source thinking max_tokens stop id response_format json_schema schema "
    "name function_call_output call_id kimi previous_response_id"
)
WORDS: Final = (
    *(b"null", b"true", b"-1", b"1e999", b"\\u0000", b"\\ud800", b"[]", b"{}", b'""'),
    *(f'"{name}"'.encode() for name in _NAMES.split()),
)
_HOUSE: Final = House()


def seeds() -> Iterable[bytes]:
    """The examples of the document."""
    for operation in operations(document()):
        if operation.path in PATHS:
            for example in operation.examples:
                yield bytes([PATHS.index(operation.path)]) + as_text(example)


def check(data: bytes) -> None:
    """The first byte says where the body behind it is sent."""
    _HOUSE.pool.scripts[:] = [list(answer("Hello"))] * 3
    _HOUSE.pool.started.clear()
    _HOUSE.pool.turns.clear()
    path = PATHS[data[0] % len(PATHS)] if data else PATHS[0]
    reply = _HOUSE.client.post(path, data=data[1:], content_type="application/json", headers=AUTHORIZED, buffered=True)
    assert reply.status_code in (200, 400, 404, 413), f"{reply.status_code} {reply.text}"
    assert reply.status_code == 200 or "message" in reply.get_json()["error"]
