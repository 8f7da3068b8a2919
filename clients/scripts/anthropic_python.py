"""anthropic-python: Messages."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import anthropic

from checks import (
    ASKED,
    KEY,
    MODEL,
    PIXEL,
    TEXT,
    URL,
    WEATHER,
    check,
    directed,
    fault,
    holds,
    is_official,
    main,
    reached,
    refused,
    same,
    thinking_model,
    true,
    wanting,
)

client = anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0, timeout=30)
TOOLS: Any = [{"name": "get_weather", "description": "Weather", "input_schema": WEATHER}]
ARGUMENTS = {"city": "Paris", "days": 2}


def said(content: Any) -> Any:
    return [{"role": "user", "content": content}]


def ask(content: Any, model: str = MODEL, **more: Any) -> Any:
    return client.messages.create(model=model, max_tokens=1000, messages=said(content), **more)


def shown(message: Any) -> str:
    """All text of a message."""
    return "".join(block.text for block in message.content if block.type == "text")


@check("Messages: whole, with usage")
def whole() -> None:
    answer = ask(ASKED)
    same(shown(answer), TEXT)
    same((answer.type, answer.role, answer.stop_reason), ("message", "assistant", "end_turn"))
    true(answer.usage.output_tokens, "no output tokens")
    read = answer.usage.input_tokens
    true(read and ask("bonjour " * 100).usage.input_tokens >= read + 50, "a long prompt counts no more")


@check("Messages: streamed, every event in its place")
def streamed() -> None:
    events = [event for event in ask(ASKED, stream=True) if event.type != "ping"]
    kinds = [kind for kind, _ in itertools.groupby(event.type for event in events)]
    block = ["content_block_start", "content_block_delta", "content_block_stop"]
    same(kinds, ["message_start", *block, "message_delta", "message_stop"])
    same((events[0].message.content, {event.index for event in events if event.type in block}), ([], {0}))
    same("".join(event.delta.text for event in events if event.type == "content_block_delta"), TEXT)
    same(events[-2].delta.stop_reason, "end_turn")
    true(events[0].message.usage.input_tokens, "no input tokens at the start")
    true(events[-2].usage.output_tokens, "no output tokens at the end")


@check("Messages: the stream helper")
def helper() -> None:
    with client.messages.stream(model=MODEL, max_tokens=1000, messages=said(ASKED)) as stream:
        text = "".join(stream.text_stream)
        final: Any = stream.get_final_message()
    same((text, final.content[0].text, final.stop_reason), (TEXT, TEXT, "end_turn"))
    true(final.usage.output_tokens, "no output tokens")


@check("Messages: asynchronous, with a bearer in place of x-api-key")
def asynchronous() -> None:
    async def both() -> str:
        async with (
            anthropic.AsyncAnthropic(base_url=URL, auth_token=KEY, max_retries=0) as other,
            other.messages.stream(model=MODEL, max_tokens=1000, messages=said(ASKED)) as stream,
        ):
            return "".join([text async for text in stream.text_stream])

    same(asyncio.run(both()), TEXT)


@check("Messages: a system prompt and several turns")
def turns() -> None:
    system: Any = [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}]
    messages = [*said("one"), {"role": "assistant", "content": [{"type": "text", "text": "1"}]}, *said("two")]
    answer: Any = client.messages.create(model=MODEL, max_tokens=1000, system=system, messages=messages)
    holds(shown(answer), "two")
    reached("be brief", "one", "two")


@check("Messages: thinking")
def thinking() -> None:
    thinking_model()
    thinks: Any = {"type": "enabled", "budget_tokens": 1024}
    answer = ask(ASKED, thinking=thinks, extra_body={"max_tokens": 4000})
    same([block.type for block in answer.content], ["thinking", "text"])
    holds(answer.content[0].thinking, "thinking")
    same(shown(answer), TEXT)
    with client.messages.stream(model=MODEL, max_tokens=4000, thinking=thinks, messages=said(ASKED)) as stream:
        streamed: Any = stream.get_final_message()
    same([block.type for block in streamed.content], ["thinking", "text"])
    same((streamed.content[0].thinking, shown(streamed)), (answer.content[0].thinking, TEXT))
    true(streamed.content[0].signature, "the thinking is not signed")
    again = client.messages.create(
        model=MODEL,
        max_tokens=4000,
        messages=[*said("bonjour"), {"role": "assistant", "content": answer.content}, *said("encore")],
    )
    holds(again.content[0].text, "encore")  # type: ignore[union-attr]


@check("Messages: an image")
def image() -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    parts = [{"type": "image", "source": source}, {"type": "text", "text": directed("what?", text="seen: {images}")}]
    true(ask(parts).content[0].text.removeprefix("seen: "), "the image was not seen")


@check("Messages: max_tokens and stop_sequences")
def limits() -> None:
    short: Any = client.messages.create(model=MODEL, max_tokens=5, messages=said("bonjour"))
    same(short.stop_reason, "max_tokens")
    ended = ask(directed("count", text="one two three four"), stop_sequences=["three"])
    same(ended.content[0].text.strip(), "one two")
    if not is_official():  # the platform does not say at which stop it has ended
        same((ended.stop_reason, ended.stop_sequence), ("stop_sequence", "three"))


@check("Messages: names of Anthropic's models")
def names() -> None:
    holds(ask("bonjour", "claude-sonnet-4-6").content[0].text, "bonjour")


@check("Messages: count_tokens")
def counted() -> None:
    few = client.messages.count_tokens(model=MODEL, messages=said("bonjour")).input_tokens
    many = client.messages.count_tokens(model=MODEL, messages=said("bonjour " * 50), tools=TOOLS).input_tokens
    true(0 < few < many, f"{few} and {many} tokens")


@check("Messages: errors by their kind")
def errors() -> None:
    refused(anthropic.NotFoundError, lambda: ask("x", "no-such-model"))
    refused(anthropic.BadRequestError, lambda: ask("x", extra_body={"max_tokens": "many"}))
    stranger = anthropic.Anthropic(base_url=URL, api_key="sk-wrong", max_retries=0)
    error = refused(
        anthropic.AuthenticationError, lambda: stranger.messages.create(model=MODEL, max_tokens=5, messages=said("x"))
    )
    same(error.body["error"]["type"], "authentication_error")


@check("Messages: an answer that breaks off is an error")
def broken() -> None:
    question = directed("x" * 200, fault={"what": "truncate", "args": {"texts": 5}})
    refused(anthropic.APIError, lambda: list(ask(question, stream=True)))
    refused(anthropic.APIError, lambda: ask(question))


@check("Messages: a retry after a failure")
def retried() -> None:
    fault("close", 3, "once more")
    again: Any = client.with_options(max_retries=4)
    answer = again.messages.create(model=MODEL, max_tokens=1000, messages=said("once more"))
    holds(answer.content[0].text, "once more")


@check("tools: a call and its result")
def called() -> None:
    question = said(wanting("get_weather", **ARGUMENTS))
    first: Any = client.messages.create(model=MODEL, max_tokens=1000, tools=TOOLS, messages=question)
    same((first.stop_reason, shown(first)), ("tool_use", ""))
    calls = [block for block in first.content if block.type == "tool_use"]
    same([(call.name, call.input) for call in calls], [("get_weather", ARGUMENTS)])
    result = said([{"type": "tool_result", "tool_use_id": calls[0].id, "content": "21 degrees"}])
    messages = [*question, {"role": "assistant", "content": first.content}, *result]
    second: Any = client.messages.create(model=MODEL, max_tokens=1000, tools=TOOLS, messages=messages)
    same(second.stop_reason, "end_turn")
    holds(shown(second), "21 degrees")


@check("tools: streamed, two calls at once")
def parallel() -> None:
    wanted = [{"name": "get_weather", "arguments": {"city": city, "days": 1}} for city in ("Paris", "Rome")]
    messages = said(directed("Look.", calls=wanted))
    with client.messages.stream(model=MODEL, max_tokens=1000, tools=TOOLS, messages=messages) as stream:
        final: Any = stream.get_final_message()
    calls = [block for block in final.content if block.type == "tool_use"]
    same((final.stop_reason, shown(final)), ("tool_use", ""))
    same([call.input["city"] for call in calls], ["Paris", "Rome"])
    same(len({call.id for call in calls}), 2)


@check("tools: any, a named one, none")
def demanded() -> None:
    for choice in ({"type": "any"}, {"type": "tool", "name": "get_weather"}):
        answer = ask("hello", tools=TOOLS, tool_choice=choice)
        same((answer.stop_reason, shown(answer)), ("tool_use", ""))
    same(ask(wanting("get_weather", **ARGUMENTS), tools=TOOLS, tool_choice={"type": "none"}).stop_reason, "end_turn")


main()
