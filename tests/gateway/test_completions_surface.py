from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from gateway.errors import BadRequest
from gateway.explaining import describe
from gateway.harmless import CHANNEL_KILLERS
from gateway.surfaces.chat_request import understand
from gateway.surfaces.completions import CompletionAnswer, CompletionStream, as_chat
from gateway.surfaces.tally import Tally
from gateway.surfaces.wire import PIECE, Identity
from kimi.chat import Limits, Message
from kimi.errors import PromptTooLong, Unreachable
from kimi.events import Annotation, Event, Finish, Sources, Text, Thinking, Usage

WHO = Identity(id="cmpl-1", created=7, model="kimi")
SAID: Sequence[Event] = [Sources(()), Thinking("hm"), Text("Hel"), Text("lo"), Annotation(0, 1, "https://a", "A")]
ASKED = (Message("user", "hi"),)


def stream(*, include_usage: bool = False) -> CompletionStream:
    return CompletionStream(WHO, Tally(ASKED), include_usage=include_usage)


def chunks(data: bytes) -> list[dict[str, Any]]:
    lines = data.decode().split("\n\n")
    assert lines.pop() == "" and lines.pop() == "data: [DONE]"
    assert all(line.startswith("data: {") for line in lines)
    return [orjson.loads(line[6:]) for line in lines]


def refused(**fields: Any) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        as_chat({"model": "kimi", "prompt": "hi", **fields})
    assert not any(word in str(caught.value).lower() for word in CHANNEL_KILLERS)
    return caught.value


def test_a_prompt_is_one_turn_of_the_user() -> None:
    body = as_chat({"model": "kimi", "prompt": "Once upon", "max_tokens": 9, "stop": "\n", "user": "u", "seed": 1})
    assert body == {
        "model": "kimi",
        "messages": [{"role": "user", "content": "Once upon"}],
        "max_tokens": 9,
        "stop": "\n",
        "user": "u",
        "seed": 1,
    }
    asked = understand(body)
    assert (asked.messages, asked.limits) == ((Message("user", "Once upon"),), Limits(9, ("\n",)))


def test_a_list_of_one_prompt_is_one() -> None:
    assert as_chat({"prompt": ["hi"]})["messages"] == [{"role": "user", "content": "hi"}]


def test_fields_that_mean_nothing_here_are_left_out() -> None:
    body = as_chat(
        {
            "prompt": "hi",
            "suffix": "",
            "echo": False,
            "best_of": 1,
            "logprobs": None,
            "tools": [{}],
            "tool_choice": "required",
            "messages": [],
        }
    )
    assert body == {"messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize("prompt", [None, "", "  ", [], [""], {}, [{}], True, 1.5])
def test_what_is_no_prompt(prompt: object) -> None:
    assert refused(prompt=prompt).param == "prompt"


@pytest.mark.parametrize("prompt", [[1, 2], [[1, 2]], [[1], [2]], [5]])
def test_tokens_cannot_be_read(prompt: object) -> None:
    error = refused(prompt=prompt)
    assert error.param == "prompt" and "as text" in str(error)


def test_there_is_one_prompt() -> None:
    error = refused(prompt=["a", "b"])
    assert error.param == "prompt" and "one prompt" in str(error)


@pytest.mark.parametrize(
    "fields", [{"suffix": "x"}, {"echo": True}, {"echo": "yes"}, {"best_of": 2}, {"logprobs": 0}, {"logprobs": 5}]
)
def test_what_chat_models_cannot_do_is_told_in_a_sentence(fields: dict[str, Any]) -> None:
    error = refused(**fields)
    (name,) = fields
    assert error.param == name and f"`{name}`" in str(error)


def test_there_is_one_answer() -> None:
    with pytest.raises(BadRequest) as caught:
        understand(as_chat({"model": "kimi", "prompt": "hi", "n": 2}))
    assert caught.value.param == "n"


def test_a_whole_answer() -> None:
    answer = CompletionAnswer(WHO, Tally(ASKED))
    answer.add([*SAID, Finish("length", Usage(3, 4))])
    assert orjson.loads(answer.body()) == {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 7,
        "model": "kimi",
        "choices": [{"index": 0, "text": "Hello", "logprobs": None, "finish_reason": "length"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    }


def test_usage_is_an_estimate_where_nobody_tells() -> None:
    answer = CompletionAnswer(WHO, Tally(ASKED))
    answer.add([*SAID, Finish("stop")])
    usage = orjson.loads(answer.body())["usage"]
    assert usage["prompt_tokens"] > 0 and usage["completion_tokens"] > 0


def test_a_stream() -> None:
    told = stream()
    assert told.render([Thinking("hm"), Sources(())]) == b""
    data = told.render([Text("Hel")]) + told.render([Text("lo"), Finish("stop", Usage(3, 4))])
    first, second, last = chunks(data)
    assert first == {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 7,
        "model": "kimi",
        "choices": [{"index": 0, "text": "Hel", "logprobs": None, "finish_reason": None}],
    }
    assert second["choices"][0]["text"] == "lo"
    assert last["choices"] == [{"index": 0, "text": "", "logprobs": None, "finish_reason": "stop"}]
    assert last["usage"] == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def test_a_stream_with_usage_in_a_chunk_of_its_own() -> None:
    *_, finish, usage = chunks(stream(include_usage=True).render([Text("x"), Finish("stop", Usage(3, 4))]))
    assert "usage" not in finish and finish["choices"][0]["finish_reason"] == "stop"
    assert usage["choices"] == [] and usage["usage"]["total_tokens"] == 7


def test_long_texts_are_cut_and_odd_ones_mended() -> None:
    parts = chunks(stream().render([Text("ü" * PIECE + "\ud800"), Finish("stop")]))
    assert "".join(part["choices"][0]["text"] for part in parts) == "ü" * PIECE + "\ufffd"
    assert len(parts) > 2


def test_a_stream_that_fails() -> None:
    told = stream()
    (chunk,) = chunks(told.fail(describe(Unreachable(), "r")))
    assert chunk["choices"] == [] and chunk["error"]["code"] == "upstream_error"
    assert chunk["usage"]["prompt_tokens"] > 0


def test_what_goes_wrong_is_told_by_the_fields_of_this_surface() -> None:
    (chunk,) = chunks(stream().fail(describe(PromptTooLong(), "r")))
    assert chunk["error"]["param"] == "prompt"
