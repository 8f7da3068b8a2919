"""The official platform's calls, and what passes for their end."""

from __future__ import annotations

import pytest

from kimi.errors import BrokenAnswer
from kimi.events import Finish, ToolCall
from tests.kimi.official import DONE, SSE, TEXT, ask, chunk, failure
from tests.kimi.replay import Recorded, recorded


def test_tool_calls_name_themselves_once() -> None:
    assert ask(recorded("moonshot-tools.sse")) == [
        ToolCall(0, "get_weather:0", "get_weather", ""),
        ToolCall(0, None, None, '{"city":'),
        ToolCall(0, None, None, '"北京"}'),
        ToolCall(1, "get_time:1", "get_time", "{}"),
        Finish("tool_calls"),
    ]


def call(name: str, **more: object) -> dict[str, object]:
    return {"function": {"name": name, "arguments": "{}"}, **more}


def test_calls_without_an_index_are_told_apart_by_their_ids() -> None:
    one, two, rest = call("f", id="f:0"), call("g", id="g:1"), {"function": {"arguments": "!"}}
    stream = chunk({"tool_calls": [one, two]}) + chunk({"tool_calls": [rest]}) + chunk({"tool_calls": [one]})

    assert ask(stream + chunk(reason="function_call")) == [
        ToolCall(0, "f:0", "f", "{}"),
        ToolCall(1, "g:1", "g", "{}"),
        ToolCall(1, None, None, "!"),
        ToolCall(0, None, None, "{}"),
        Finish("tool_calls"),
    ]


def called(*arguments: str) -> bytes:
    pieces = [{"index": 0, "id": "f:0", "function": {"name": "f", "arguments": said}} for said in arguments]
    return b"".join(chunk({"tool_calls": [piece]}) for piece in pieces)


@pytest.mark.parametrize("arguments", ['{"path": "/tmp', '{"a":1', '{"a":{"b":1}', "{", '{"a":"é', '{"a":tru'])
@pytest.mark.parametrize("reason", ["tool_calls", "stop"])
def test_a_call_whose_arguments_break_off_is_not_whole(arguments: str, reason: str) -> None:
    stream = called(arguments[:2], arguments[2:]) + chunk(reason=reason) + DONE
    assert type(failure(Recorded(stream, headers=SSE))) is BrokenAnswer
    assert ask(called(arguments) + chunk(reason="length") + DONE)[-1] == Finish("length")


@pytest.mark.parametrize("arguments", ["", " ", "{}", '{"a": 1} ', "{\"a\": 'b'}", '{"a": 1}}', "{'a"])
def test_what_a_model_writes_wrong_is_left_to_the_client(arguments: str) -> None:
    assert ask(called(arguments) + chunk(reason="tool_calls") + DONE)[-1] == Finish("tool_calls")


def test_the_arguments_of_calls_end_somewhere() -> None:
    piece = "x" * 700_000
    assert ask(called(f'{{"a":"{piece}', f'{piece}"}}') + chunk(reason="tool_calls"))[-1] == Finish("tool_calls")
    endless = called(*[piece] * 4) + chunk(reason="tool_calls")
    assert "longer than 2097152 bytes" in str(failure(Recorded(endless, headers=SSE)))


@pytest.mark.parametrize("sizes", [(2, 60_000), (20, 6_000)])
def test_the_arguments_of_calls_have_a_bounded_number_of_parts(sizes: tuple[int, int]) -> None:
    calls, parts = sizes
    said = f'{{"x":[{"[]," * parts}0]}}'
    stream = b"".join(chunk({"tool_calls": [call("f", id=f"f:{at}") | spoken(said)]}) for at in range(calls))
    assert "parts" in str(failure(Recorded(stream + chunk(reason="tool_calls"), headers=SSE)))
    assert ask(stream + chunk(reason="length"))[-1] == Finish("length")


def spoken(arguments: str) -> dict[str, object]:
    return {"function": {"name": "f", "arguments": arguments}}


def test_a_chunk_has_a_bounded_number_of_pieces_of_calls() -> None:
    piece = {"index": 0, **spoken(" ")}
    assert len(ask(chunk({"tool_calls": [piece] * 128}) + chunk(reason="tool_calls"))) == 129
    too_many = chunk({"tool_calls": [piece] * 129}) + chunk(reason="tool_calls")
    assert "pieces of tool calls" in str(failure(Recorded(too_many, headers=SSE)))


@pytest.mark.parametrize("function", [{}, {"arguments": ""}, {"arguments": None, "name": "f"}])
def test_a_piece_that_says_nothing_of_a_known_call_is_not_passed_on(function: dict[str, object]) -> None:
    nothing = chunk({"tool_calls": [{"index": 0, "id": "f:0", "function": function}]})
    assert ask(called("{}") + nothing + chunk(reason="tool_calls")) == [
        ToolCall(0, "f:0", "f", "{}"),
        Finish("tool_calls"),
    ]


@pytest.mark.parametrize("cut", ["length", "content_filter"])
@pytest.mark.parametrize("other", ["stop", "tool_calls"])
def test_an_answer_that_was_cut_does_not_become_whole_by_a_further_end(cut: str, other: str) -> None:
    called = chunk({"tool_calls": [call("f", id="f:0")]})
    for first, second in ((cut, other), (other, cut)):
        stream = TEXT + called + chunk(reason=first) + chunk(reason=second) + DONE
        assert ask(stream)[-1] == Finish(cut)  # type: ignore[arg-type]
