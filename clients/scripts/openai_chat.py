"""openai-python: chat completions, and the former completions."""

from __future__ import annotations

import asyncio
from typing import Any

import openai

from checks import (
    ASKED,
    KEY,
    MODEL,
    PIXEL,
    TEXT,
    V1,
    check,
    counted,
    directed,
    fault,
    holds,
    reached,
    refused,
    same,
    thinking_model,
    true,
)
from openai_asking import ask, client, said, together


@check("chat: models")
def listed() -> None:
    true(MODEL in {model.id for model in client.models.list()}, f"{MODEL} is not listed")
    same(client.models.retrieve(MODEL).id, MODEL)


@check("chat: whole, with usage")
def whole() -> None:
    answer = ask(ASKED)
    same(answer.choices[0].message.content, TEXT)
    same((answer.choices[0].finish_reason, answer.choices[0].message.role), ("stop", "assistant"))
    usage = answer.usage
    counted(usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
    true(ask("bonjour " * 100).usage.prompt_tokens >= usage.prompt_tokens + 50, "a long prompt counts no more")


@check("chat: streamed, with usage")
def streamed() -> None:
    chunks = list(ask(ASKED, stream=True, stream_options={"include_usage": True}))
    same(together(chunks), TEXT)
    same(len({c.id for c in chunks}), 1)
    same([c.choices[0].delta.role for c in chunks if c.choices and c.choices[0].delta.role], ["assistant"])
    same([c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason], ["stop"])
    same(chunks[-1].choices, [])
    usage = chunks[-1].usage
    counted(usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)


@check("chat: the stream as it comes")
def as_it_comes() -> None:
    streaming: Any = client.chat.completions.with_streaming_response
    with streaming.create(model=MODEL, messages=said(ASKED), stream=True) as raw:
        holds(raw.headers["content-type"], "text/event-stream")
        lines = [line for line in raw.iter_lines() if line and not line.startswith(":")]
    same([line for line in lines if not line.startswith("data: {")], ["data: [DONE]"])
    same(lines[-1], "data: [DONE]")


@check("chat: asynchronous")
def asynchronous() -> None:
    async def both() -> tuple[str, str]:
        async with openai.AsyncOpenAI(base_url=V1, api_key=KEY, max_retries=0, timeout=30) as other:
            one = await other.chat.completions.create(model=MODEL, messages=said(ASKED))
            stream: Any = await other.chat.completions.create(model=MODEL, messages=said(ASKED), stream=True)
            return one.choices[0].message.content or "", "".join(
                [c.choices[0].delta.content or "" async for c in stream if c.choices]
            )

    same(asyncio.run(both()), (TEXT, TEXT))


@check("chat: the stream helper")
def helper() -> None:
    if not hasattr(client.chat.completions, "stream"):
        chat: Any = client.beta.chat.completions
    else:
        chat = client.chat.completions
    with chat.stream(model=MODEL, messages=said(ASKED)) as stream:
        kinds = {event.type for event in stream}
        same(stream.get_final_completion().choices[0].message.content, TEXT)
    true({"chunk", "content.delta", "content.done"} <= kinds, f"events are missing: {kinds}")


@check("chat: thinking")
def thinking() -> None:
    model = thinking_model()
    message = ask(ASKED, model).choices[0].message
    holds(getattr(message, "reasoning_content", None), "thinking")
    same(message.content, TEXT)
    chunks = list(ask(ASKED, model, stream=True))
    same(together(chunks, "reasoning_content"), getattr(message, "reasoning_content", None))
    same(together(chunks), TEXT)


@check("chat: several turns and a system prompt")
def turns() -> None:
    messages: Any = [{"role": "system", "content": "be brief"}, *said("one"), {"role": "assistant", "content": "1"}]
    answer = client.chat.completions.create(model=MODEL, messages=[*messages, *said("two")])
    holds(answer.choices[0].message.content, "two")
    reached("be brief", "one", "two")


@check("chat: an image")
def image() -> None:
    parts: Any = [
        {"type": "text", "text": directed("what is this?", text="seen: {images}")},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]
    answer = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": parts}])
    true((answer.choices[0].message.content or "").removeprefix("seen: "), "the image was not seen")


@check("chat: max_tokens and stop")
def limits() -> None:
    same(ask("bonjour", max_tokens=5).choices[0].finish_reason, "length")
    answer = ask(directed("count", text="one two three four"), stop=["three"]).choices[0]
    same((answer.message.content or "").strip(), "one two")


@check("chat: errors by their kind")
def errors() -> None:
    error = refused(openai.NotFoundError, lambda: ask("x", "no-such-model"))
    same((error.code, error.param), ("model_not_found", "model"))
    same(refused(openai.BadRequestError, lambda: ask("x", n=3)).param, "n")
    stranger = openai.OpenAI(base_url=V1, api_key="sk-wrong", max_retries=0)
    refused(openai.AuthenticationError, stranger.models.list)
    refused(openai.NotFoundError, lambda: client.embeddings.create(model=MODEL, input="x"))


@check("chat: a prompt that is too long")
def too_long() -> None:
    question = directed("x", fault={"what": "error", "args": {"reason": "too_long"}})
    same(refused(openai.BadRequestError, lambda: ask(question)).code, "context_length_exceeded")


@check("chat: an answer that breaks off is an error")
def broken() -> None:
    question = directed("x" * 200, fault={"what": "truncate", "args": {"texts": 5}})
    refused(openai.APIError, lambda: list(ask(question, stream=True)))
    refused(openai.APIError, lambda: ask(question))


@check("chat: a retry after a failure")
def retried() -> None:
    fault("close", 3, "once more")  # the gateway itself tries three accounts
    again = client.with_options(max_retries=4)
    answer = again.chat.completions.create(model=MODEL, messages=said("once more"))
    holds(answer.choices[0].message.content, "once more")


@check("chat: the id of the request")
def request_id() -> None:
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=said("x"))
    true(raw.headers.get("x-request-id"), "no x-request-id")
    true(raw.parse().id, "no id")


@check("completions: whole and streamed")
def old() -> None:
    answer = client.completions.create(model=MODEL, prompt=ASKED)
    same((answer.choices[0].text, answer.choices[0].finish_reason), (TEXT, "stop"))
    usage: Any = answer.usage
    counted(usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
    options: Any = {"include_usage": True}
    chunks = list(client.completions.create(model=MODEL, prompt=ASKED, stream=True, stream_options=options))
    same("".join(c.choices[0].text for c in chunks if c.choices), TEXT)
    same([c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason], ["stop"])
    usage = chunks[-1].usage
    counted(usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
