"""An event that is known may say that the answer has failed: then it is no answer, whatever its end says."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from kimi.errors import BrokenAnswer, KimiError, Overloaded
from kimi.events import Finish
from kimi.upstreams import envelopes
from kimi.upstreams.classic_reader import Reader as Classic
from kimi.upstreams.connect_reader import Reader as Connect
from kimi.upstreams.drift import Drift
from tests.kimi.replay import read

Json = dict[str, Any]

ERROR = {"error_type": "openai.completion.stream", "message": "x"}
CMPL, ALL_DONE = {"event": "cmpl", "text": "x"}, {"event": "all_done"}

RETRACTED = {"reason": "REASON_COMPLETION_OVERLOADED", "message": "x"}
BEGUN: Json = {"op": "set", "mask": "message", "message": {"role": "assistant", "status": "MESSAGE_STATUS_GENERATING"}}
TEXT: Json = {"op": "append", "mask": "block.text.content", "block": {"text": {"content": "x"}}}
DONE: Json = {"done": {}}


def classic(*messages: Json) -> object:
    """The end of an answer with text in the classic dialect."""
    stream = b"".join(b"data: %b\n\n" % orjson.dumps(message) for message in (CMPL, *messages))
    return read(Classic(Drift()), stream)[-1]


def connect(*messages: Json, trailer: Json | None = None) -> object:
    """The end of an answer with text in the Connect dialect."""
    last = orjson.dumps(trailer or {})
    stream = b"".join(envelopes.encode(orjson.dumps(message)) for message in (BEGUN, TEXT, *messages))
    return read(Connect(Drift()), stream + b"\x02" + len(last).to_bytes(4) + last)[-1]


@pytest.mark.parametrize(
    "failed",
    [
        *({"event": name, "error": ERROR} for name in ("cmpl", "k1", "done", "all_done", "ping", "resp", "length")),
        {**CMPL, "error": ERROR},
        {"event": "done", "result": {"error": ERROR}},
        {"event": "all_done", **ERROR},
        *({"event": name, **ERROR} for name in ("cmpl", "k1", "req")),
        {"event": "req", "id": "q", "error": ERROR},
    ],
)
def test_the_classic_dialect(failed: Json) -> None:
    with pytest.raises(Overloaded):
        classic(failed, ALL_DONE)


@pytest.mark.parametrize(
    "failed",
    [
        {"event": "done", "error": "boom"},
        {"event": "done", "code": 500},
        {"event": "done", "status": "failed"},
        {"event": "all_done", "code": -1},
        {"event": "all_done", "status": "error"},
        {"code": 500, "msg": "err"},
        {"code": -1},
    ],
)
def test_the_classic_dialect_without_words_for_it(failed: Json) -> None:
    with pytest.raises(BrokenAnswer, match="without words"):
        classic(failed, ALL_DONE)


@pytest.mark.parametrize(
    "fine",
    [
        {"event": "search_plus", "msg": {"type": "get_res", "error": ERROR}},
        {"event": "search_info", "error": ERROR},
        {"event": "done", "error": None},
        {"event": "done", "error": {}},
        {"event": "done", "code": 0, "status": "ok"},
        {"event": "done", "status": ["failed"], "code": "500"},
        {"event": "resp", "id": "r", "error_type": ""},
        {"event": "req", "id": "q", "refs": [{"error_type": ""}]},
        {"event": "req", "id": "q", "refs": [{"error": {"message": "parse"}, "error_type": "parse"}]},
        {"event": "debug", "error": ERROR},
        {**CMPL, "error_type": ""},
        {**CMPL, "error": ""},
        {"code": 0, "msg": "ok"},
        {"code": 200},
    ],
)
def test_a_page_that_fails_is_no_failure_of_the_answer(fine: Json) -> None:
    assert classic(fine, ALL_DONE) == Finish("stop")


@pytest.mark.parametrize(
    "failed",
    [
        {"heartbeat": {}, "exception": RETRACTED},
        {"heartbeat": {"error": RETRACTED}},
        {"done": {}, "exception": RETRACTED},
        {"done": {"error": RETRACTED}},
        {**TEXT, "error": RETRACTED},
        {**TEXT, "exception": RETRACTED},
        {**TEXT, "op": "set", "mask": "block.text", "block": {"text": {}, "exception": RETRACTED}},
        {**TEXT, "block": {"text": {"content": "x"}, "error": RETRACTED}},
        {"op": "set", "mask": "block.tool", "block": {"tool": {}, "error": RETRACTED}},
        {"op": "set", "mask": "message.status", "message": {"status": "X", "exception": RETRACTED}},
        {"op": "set", "chat": {"id": "c1", "error": RETRACTED}},
    ],
)
def test_the_connect_dialect(failed: Json) -> None:
    with pytest.raises(Overloaded):
        connect(failed, DONE)


@pytest.mark.parametrize(
    "trailer",
    [
        {"code": "internal", "message": "x"},
        {"exception": RETRACTED},
        {"metadata": {"error": RETRACTED}},
        {"message": "x"},
    ],
)
def test_the_trailer_of_the_connect_dialect(trailer: Json) -> None:
    with pytest.raises(KimiError):
        connect(DONE, trailer=trailer)


@pytest.mark.parametrize(
    "fine",
    [
        {"op": "append", "mask": "block.tool", "block": {"id": "b", "tool": {"contents": [{"error": RETRACTED}]}}},
        {"op": "set", "mask": "message.refs", "message": {"refs": {"searchChunks": [{"error": RETRACTED}]}}},
        {"heartbeat": {}, "error": None},
    ],
)
def test_a_tool_that_fails_is_no_failure_of_the_answer(fine: Json) -> None:
    assert connect(fine, DONE, trailer={"metadata": {"x": ["y"]}}) == Finish("stop")
