"""What anthropic-python makes of our answers, over a scripted pool."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import httpx2
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from kimi.errors import AllBusy, PromptTooLong, Unreachable
from kimi.events import Annotation, Event, Finish, Text, Thinking, ToolCall, Usage
from tests.anthropic_sdk import sdk
from tests.gateway.fakes import KEY, House
from tests.gateway.messages.reading import read, stream

if TYPE_CHECKING:
    from anthropic import Anthropic
    from anthropic.types import Message

NOTES = [Annotation(4, 8, "https://moon.example/", "The moon"), Annotation(8, 8, "https://tides.example/", "潮汐")]
LOOK: Any = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}
HI: Any = [{"role": "user", "content": "hi"}]
WORDS = st.text(max_size=20)


@pytest.fixture
def house() -> House:
    return House()


def connected(house: House) -> Anthropic:
    transport = httpx2.WSGITransport(app=house.app)
    made: Anthropic = sdk().Anthropic(
        base_url="http://gateway",
        api_key=KEY,
        max_retries=0,
        http_client=httpx2.Client(transport=transport),
        _strict_response_validation=True,
    )
    return made


@pytest.fixture
def client(house: House) -> Iterator[Anthropic]:
    with connected(house) as client:
        yield client


SCRIPT: list[Event] = [
    Thinking("Hm."),
    Text("The "),
    Text("moon"),
    ToolCall(0, "t1", "look", '{"q": '),
    ToolCall(0, None, None, '"moon"}'),
    ToolCall(1, "t2", "look", ""),
    Finish("tool_calls", Usage(9, 7, cached=4)),
]


def test_whole_and_streamed_messages_are_the_same(house: House, client: Anthropic) -> None:
    house.pool.will(*SCRIPT)
    at_once = client.messages.create(model="claude-x-9-20990101", max_tokens=99, messages=HI, tools=[LOOK])
    house.pool.will(*SCRIPT)
    with client.messages.stream(model="claude-x-9-20990101", max_tokens=99, messages=HI, tools=[LOOK]) as streaming:
        in_pieces = streaming.get_final_message()
    assert at_once == sdk().types.Message.model_validate(in_pieces.model_dump())
    assert [block.type for block in at_once.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert (at_once.stop_reason, at_once.usage.input_tokens, at_once.usage.output_tokens) == ("tool_use", 5, 7)
    assert at_once._request_id == "req-abc123"


def test_citations_reach_it_in_both_forms(house: House, client: Anthropic) -> None:
    search: Any = {"type": "web_search_20250305", "name": "web_search"}
    found = []
    for streams in (False, True):
        house.pool.will(Text("The moon"), *NOTES, Finish("stop"))
        if streams:
            with client.messages.stream(model="kimi", max_tokens=99, messages=HI, tools=[search]) as streaming:
                message: Message = streaming.get_final_message()
        else:
            message = client.messages.create(model="kimi", max_tokens=99, messages=HI, tools=[search])
        (block,) = message.content
        assert block.type == "text" and block.citations
        cited = [each for each in block.citations if each.type == "web_search_result_location"]
        found.append([(each.url, each.title) for each in cited])
    assert found[0] == found[1] == [(note.url, note.title) for note in NOTES]


def test_its_conversation_with_tools_is_understood(house: House, client: Anthropic) -> None:
    house.pool.will(*SCRIPT)
    asked: list[Any] = list(HI)
    message = client.messages.create(model="kimi", max_tokens=99, messages=asked, tools=[LOOK])
    results = [{"type": "tool_result", "tool_use_id": each, "content": "full"} for each in ("t1", "t2")]
    house.pool.will(Text("It is full."), Finish("stop"))
    asked += [{"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
    client.messages.create(model="kimi", max_tokens=99, messages=asked, tools=[LOOK])
    chat = house.pool.started[-1][1]
    assert [turn.role for turn in chat.messages] == ["user", "assistant", "tool", "tool"]
    assert chat.body["messages"][1]["reasoning_content"] == "Hm."


def test_tokens_and_models(client: Anthropic) -> None:
    assert client.messages.count_tokens(model="claude-x-9-20990101", messages=HI, tools=[LOOK]).input_tokens > 0
    assert "kimi" in [model.id for model in client.models.list()]
    assert client.models.retrieve("claude-x-9-20990101").id == "claude-x-9-20990101"
    assert client.beta.messages.count_tokens(model="claude-x-9-20990101", messages=HI).input_tokens > 0


def test_beta_messages(house: House, client: Anthropic) -> None:
    house.pool.will(Text("Hello"), Finish("stop"))
    with client.beta.messages.stream(
        model="claude-x-9-20990101", max_tokens=99, messages=HI, betas=["interleaved-thinking-2025-05-14"]
    ) as streaming:
        assert streaming.get_final_text() == "Hello"


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (AllBusy(retry_after=1), "RateLimitError", "busy"),
        (Unreachable(), "InternalServerError", "connection"),
        (PromptTooLong(size=3, limit=2), "BadRequestError", "prompt is too long: 3 tokens > 2 maximum"),
    ],
)
def test_errors_are_its_own(
    house: House,
    client: Anthropic,
    error: Exception,
    kind: str,
    text: str,
    *,
    streams: bool,
) -> None:
    house.pool.will(error)
    with pytest.raises(getattr(sdk(), kind), match=text):
        client.messages.create(model="kimi", max_tokens=99, messages=HI, stream=streams)


def test_an_error_in_the_middle_is_raised(house: House, client: Anthropic) -> None:
    house.pool.will(Text("Half an ans"), Unreachable())
    with (
        pytest.raises(sdk().APIError, match="connection"),
        client.messages.stream(model="kimi", max_tokens=99, messages=HI) as streaming,
    ):
        streaming.until_done()


def test_a_wrong_key(client: Anthropic) -> None:
    with pytest.raises(sdk().AuthenticationError):
        client.with_options(api_key="no").messages.create(model="kimi", max_tokens=99, messages=HI)


@st.composite
def calls(draw: st.DrawFn, index: int) -> list[Event]:
    """One call, cut into pieces anywhere."""
    arguments = orjson.dumps(draw(st.dictionaries(WORDS, st.integers(-9, 9) | WORDS, max_size=3))).decode()
    edges = sorted({0, len(arguments), *draw(st.lists(st.integers(0, len(arguments)), max_size=3))})
    first, *others = [arguments[start:end] for start, end in pairwise(edges)]
    return [ToolCall(index, f"t{index}", "look", first), *(ToolCall(index, None, None, each) for each in others)]


@st.composite
def answers(draw: st.DrawFn) -> list[list[Event]]:
    """Whole answers in batches: words, thoughts and calls in any order."""
    events: list[Event] = []
    for index in range(draw(st.integers(0, 5))):
        made = st.one_of(st.builds(Text, WORDS).map(alone), st.builds(Thinking, WORDS).map(alone), calls(index))
        events += draw(made)
    events += draw(st.sampled_from([[], NOTES]))
    events.append(draw(st.sampled_from([Finish("stop", cut=True, stop="END"), Finish("length"), Finish("stop")])))
    batches: list[list[Event]] = [[]]
    for event in events:
        batches[-1].append(event)
        if draw(st.booleans()):
            batches.append([])
    return batches


def alone(event: Event) -> list[Event]:
    return [event]


THINKING: list[Any] = [{"type": "adaptive"}, {"type": "adaptive", "display": "omitted"}, {"type": "disabled"}]


@settings(deadline=None)
@given(answers(), st.sampled_from(THINKING))
def test_what_it_makes_of_a_stream_is_the_whole_message(batches: list[list[Event]], thinking: Any) -> None:
    house = House()
    with connected(house) as client:
        house.pool.will(*batches)
        asked: dict[str, Any] = {"model": "kimi", "max_tokens": 99, "messages": HI, "thinking": thinking}
        at_once: Message = client.messages.create(**asked)
        house.pool.will(*batches)
        with client.messages.stream(**asked) as streaming:
            in_pieces = streaming.get_final_message()
    assert sdk().types.Message.model_validate(in_pieces.model_dump()) == at_once


def test_every_event_is_one_that_it_knows() -> None:
    rendered, streamed = stream(), TypeAdapter(sdk().types.RawMessageStreamEvent)
    names = [type(streamed.validate_python(each)).__name__ for each in read(rendered.render([*SCRIPT[:-1], Text("a")]))]
    names += [type(streamed.validate_python(each)).__name__ for each in read(rendered.render([*NOTES, SCRIPT[-1]]))]
    assert set(names) == {
        "RawMessageStartEvent",
        "RawContentBlockStartEvent",
        "RawContentBlockDeltaEvent",
        "RawContentBlockStopEvent",
        "RawMessageDeltaEvent",
        "RawMessageStopEvent",
    }
