"""LiteLLM as a client: its providers for OpenAI and Anthropic, pointed at us."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it fetches one from elsewhere

import litellm
import openai

from checks import (
    ASKED,
    KEY,
    MODEL,
    TEXT,
    URL,
    V1,
    WEATHER,
    check,
    counted,
    directed,
    holds,
    main,
    refused,
    same,
    thinking_model,
    true,
    wanting,
)

litellm.suppress_debug_info = True
TOOLS = [{"type": "function", "function": {"name": "get_weather", "description": "Weather", "parameters": WEATHER}}]
ARGUMENTS = {"city": "Paris", "days": 2}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def said(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def ask(text: str, model: str = MODEL, **more: Any) -> Any:
    where = {"api_base": V1, "api_key": KEY, "num_retries": 0, "max_retries": 0, "timeout": 30}
    return litellm.completion(**{"model": f"openai/{model}", "messages": said(text), **where, **more})


@check("chat: whole, with usage")
def whole() -> None:
    answer = ask(ASKED)
    same(answer.choices[0].message.content, TEXT)
    counted(answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens)


@check("chat: streamed, and put together again")
def streamed() -> None:
    chunks = list(ask(ASKED, stream=True, stream_options={"include_usage": True}))
    answer: Any = litellm.stream_chunk_builder(chunks)
    same((answer.choices[0].message.content, answer.choices[0].finish_reason), (TEXT, "stop"))
    counted(answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens)


@check("chat: asynchronous")
def asynchronous() -> None:
    async def other() -> str:
        stream: Any = await litellm.acompletion(
            model=f"openai/{MODEL}", messages=said(ASKED), api_base=V1, api_key=KEY, stream=True
        )
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    same(asyncio.run(other()), TEXT)


@check("chat: thinking")
def thinking() -> None:
    message = ask(ASKED, thinking_model()).choices[0].message
    holds(message.reasoning_content, "thinking")
    same(message.content, TEXT)


@check("chat: errors by their kind")
def errors() -> None:
    refused(litellm.NotFoundError, lambda: ask("x", "no-such-model"))
    refused(litellm.AuthenticationError, lambda: ask("x", api_key="sk-wrong"))
    question = directed("x", fault={"what": "error", "args": {"reason": "too_long"}})
    refused(litellm.ContextWindowExceededError, lambda: ask(question))


@check("chat: an answer that breaks off is an error")
def broken() -> None:
    question = directed("x" * 200, fault={"what": "truncate", "args": {"texts": 5}})
    refused(openai.APIError, lambda: list(ask(question, stream=True)))


@check("tools: a call, its result, the answer")
def called() -> None:
    question = wanting("get_weather", **ARGUMENTS)
    first = ask(question, tools=TOOLS).choices[0]
    same((first.finish_reason, first.message.content or ""), ("tool_calls", ""))
    (call,) = first.message.tool_calls
    same((call.function.name, json.loads(call.function.arguments)), ("get_weather", ARGUMENTS))
    result = {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"}
    second = ask(question, tools=TOOLS, messages=[*said(question), first.message.model_dump(), result])
    holds(second.choices[0].message.content, "21 degrees")


@check("tools: streamed, and put together again")
def streamed_call() -> None:
    chunks = list(ask(wanting("get_weather", **ARGUMENTS), tools=TOOLS, stream=True))
    answer: Any = litellm.stream_chunk_builder(chunks)
    (call,) = answer.choices[0].message.tool_calls
    same((call.function.name, json.loads(call.function.arguments)), ("get_weather", ARGUMENTS))
    same(answer.choices[0].message.content or "", "")


@check("tools: streamed, two calls at once")
def parallel() -> None:
    wanted: Any = [{"name": "get_weather", "arguments": {"city": city, "days": 1}} for city in ("Paris", "Rome")]
    for model, base in ((f"openai/{MODEL}", V1), (f"anthropic/{MODEL}", URL)):
        more: Any = {"tools": TOOLS, "api_base": base, "max_tokens": 1000, "stream": True}
        where: Any = {"model": model, "api_key": KEY, **more}
        answer: Any = litellm.stream_chunk_builder(
            list(litellm.completion(messages=said(directed("Look.", calls=wanted)), **where))
        )
        calls = answer.choices[0].message.tool_calls
        same([json.loads(call.function.arguments) for call in calls], [one["arguments"] for one in wanted])
        same(len({call.id for call in calls}), 2)


@check("JSON: json_schema")
def schema() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": PERSON}}
    answer = ask("a person", response_format=form)
    same(sorted(json.loads(answer.choices[0].message.content)), ["age", "name"])


@check("Responses: whole and streamed")
def responses() -> None:
    where: Any = {"model": f"openai/{MODEL}", "input": ASKED, "api_base": V1, "api_key": KEY}
    same(litellm.responses(**where).output_text, TEXT)
    events = list(litellm.responses(**where, stream=True))
    true("completed" in str(events[-1].type).lower(), f"it ended with {events[-1].type}")


@check("Messages: whole, streamed, a tool")
def messages() -> None:
    where: Any = {"model": f"anthropic/{MODEL}", "api_base": URL, "api_key": KEY, "max_tokens": 1000}

    def theirs(text: str, **more: Any) -> Any:
        return litellm.completion(messages=said(text), **where, **more)

    same(theirs(ASKED).choices[0].message.content, TEXT)
    same("".join(c.choices[0].delta.content or "" for c in theirs(ASKED, stream=True)), TEXT)
    (call,) = theirs(wanting("get_weather", **ARGUMENTS), tools=TOOLS).choices[0].message.tool_calls
    same((call.function.name, json.loads(call.function.arguments)), ("get_weather", ARGUMENTS))


main()
