"""openai-python, of any version from 1.66 on: chat completions, tools, JSON, Responses, and the small ones."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import openai
from pydantic import BaseModel

from checks import (
    ASKED,
    KEY,
    MODEL,
    PIXEL,
    TEXT,
    V1,
    WEATHER,
    check,
    counted,
    directed,
    fault,
    holds,
    main,
    reached,
    refused,
    same,
    thinking_model,
    true,
    wanting,
    web_only,
)

client = openai.OpenAI(base_url=V1, api_key=KEY, max_retries=0, timeout=30)
TOOLS: Any = [
    {"type": "function", "function": {"name": "get_weather", "description": "Weather", "parameters": WEATHER}}
]
FLAT: Any = [{"type": "function", "name": "get_weather", "description": "Weather", "parameters": WEATHER}]
ARGUMENTS = {"city": "Paris", "days": 2}


class Person(BaseModel):
    name: str
    age: int


def said(text: str) -> Any:
    return [{"role": "user", "content": text}]


def ask(text: str, model: str = MODEL, **more: Any) -> Any:
    return client.chat.completions.create(model=model, messages=said(text), **more)


def together(stream: Any, field: str = "content") -> str:
    return "".join(getattr(c.choices[0].delta, field, None) or "" for c in stream if c.choices)


def added(events: list[Any]) -> list[Any]:
    """The events that tell of items of a response."""
    return [event for event in events if event.type == "response.output_item.added"]


def of_item(events: list[Any], name: str) -> list[Any]:
    """The events of the item with that id."""
    return [e for e in events if name in (getattr(e, "item_id", None), getattr(getattr(e, "item", None), "id", None))]


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


@check("tools: a call and its result")
def called() -> None:
    question = said(wanting("get_weather", **ARGUMENTS))
    first = client.chat.completions.create(model=MODEL, messages=question, tools=TOOLS).choices[0]
    same((first.finish_reason, first.message.content or ""), ("tool_calls", ""))
    calls: Any = first.message.tool_calls
    same(
        [(c.type, c.function.name, json.loads(c.function.arguments)) for c in calls],
        [("function", "get_weather", ARGUMENTS)],
    )
    true(calls[0].id, "the call has no id")
    result: Any = {"role": "tool", "tool_call_id": calls[0].id, "content": "21 degrees"}
    messages = [*question, first.message, result]
    second = client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS).choices[0]
    same(second.finish_reason, "stop")
    holds(second.message.content, "21 degrees")


@check("tools: two rounds of calls")
def rounds() -> None:
    wanted = [[{"name": "get_weather", "arguments": {"city": city, "days": 1}}] for city in ("Paris", "Rome")]
    messages = said(directed("Look.", calls=wanted))
    cities = []
    for _ in wanted:
        message = client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS).choices[0].message
        (call,) = message.tool_calls or ()
        cities.append(json.loads(call.function.arguments)["city"])
        messages += [message, {"role": "tool", "tool_call_id": call.id, "content": f"21 degrees in {cities[-1]}"}]
    same(cities, ["Paris", "Rome"])
    last = client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS).choices[0]
    holds(last.message.content, "21 degrees in Rome")


@check("tools: streamed, two calls at once")
def parallel() -> None:
    wanted = [{"name": "get_weather", "arguments": {"city": city, "days": 1}} for city in ("Paris", "Rome")]
    chunks = list(ask(directed("Look.", calls=wanted), tools=TOOLS, stream=True))
    calls: dict[int, dict[str, Any]] = {}
    for delta in [c.choices[0].delta for c in chunks if c.choices]:
        for piece in delta.tool_calls or []:
            call = calls.setdefault(piece.index, {"ids": [], "names": [], "types": [], "arguments": ""})
            call["ids"] += [piece.id] if piece.id else []
            call["types"] += [piece.type] if piece.type else []
            call["names"] += [piece.function.name] if piece.function.name else []
            call["arguments"] += piece.function.arguments or ""
    same(list(calls), [0, 1])
    same([json.loads(call["arguments"])["city"] for call in calls.values()], ["Paris", "Rome"])
    same(together(chunks), "")
    same([(len(c["ids"]), c["types"], c["names"]) for c in calls.values()], [(1, ["function"], ["get_weather"])] * 2)
    same(len({call["ids"][0] for call in calls.values()}), 2)
    same([c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason], ["tool_calls"])


@check("tools: with the stream helper")
def helped() -> None:
    chat: Any = client.chat.completions if hasattr(client.chat.completions, "stream") else client.beta.chat.completions
    strict: Any = [{"type": "function", "function": {**TOOLS[0]["function"], "strict": True}}]
    with chat.stream(model=MODEL, messages=said(wanting("get_weather", **ARGUMENTS)), tools=strict) as stream:
        kinds = {event.type for event in stream}
        call = stream.get_final_completion().choices[0].message.tool_calls[0]
    same(call.function.parsed_arguments, ARGUMENTS)
    true("tool_calls.function.arguments.done" in kinds, f"events are missing: {kinds}")


@check("tools: required, and a named one")
def demanded() -> None:
    required = ask("hello", tools=TOOLS, tool_choice="required").choices[0]
    same((required.finish_reason, required.message.content or ""), ("tool_calls", ""))
    named: Any = {"type": "function", "function": {"name": "get_weather"}}
    calls = ask("hello", tools=TOOLS, tool_choice=named).choices[0].message.tool_calls
    same([call.function.name for call in calls or []], ["get_weather"])


@check("tools: none, and none needed")
def uncalled() -> None:
    same(ask(wanting("get_weather", **ARGUMENTS), tools=TOOLS, tool_choice="none").choices[0].finish_reason, "stop")
    answer = ask("bonjour", tools=TOOLS).choices[0]
    same((answer.finish_reason, answer.message.tool_calls), ("stop", None))
    holds(answer.message.content, "bonjour")


@check("JSON: json_object")
def any_object() -> None:
    true(
        isinstance(
            json.loads(ask("a JSON object", response_format={"type": "json_object"}).choices[0].message.content), dict
        ),
        "no object",
    )


@check("JSON: json_schema, parsed into a model")
def parsed() -> None:
    chat: Any = client.chat.completions if hasattr(client.chat.completions, "parse") else client.beta.chat.completions
    answer = chat.parse(model=MODEL, messages=said("a person"), response_format=Person)
    true(isinstance(answer.choices[0].message.parsed, Person), "nothing was parsed")
    streaming: Any = client.chat.completions if hasattr(client.chat.completions, "stream") else chat
    with streaming.stream(model=MODEL, messages=said("a person"), response_format=Person) as stream:
        true(isinstance(stream.get_final_completion().choices[0].message.parsed, Person), "nothing was parsed")


@check("Responses: whole, with usage")
def response() -> None:
    answer = client.responses.create(model=MODEL, input=ASKED, instructions="be brief")
    same((answer.output_text, answer.status), (TEXT, "completed"))
    reached("be brief", "bonjour")
    usage: Any = answer.usage
    counted(usage.input_tokens, usage.output_tokens, usage.total_tokens)


@check("Responses: streamed, every event in its place")
def response_events() -> None:
    events: Any = list(client.responses.create(model=MODEL, input=ASKED, stream=True))
    same([event.sequence_number for event in events], list(range(len(events))))
    kinds = [event.type.removeprefix("response.") for event in events]
    same([*kinds[:3], kinds[-1]], ["created", "in_progress", "output_item.added", "completed"])
    (message,) = [event.item.id for event in added(events) if event.item.type == "message"]
    begun = ["output_item.added", "content_part.added", "output_text.delta"]
    ended = ["output_text.done", "content_part.done", "output_item.done"]
    own = (event.type.removeprefix("response.") for event in of_item(events, message))
    same([kind for kind, _ in itertools.groupby(own)], [*begun, *ended])
    same("".join(event.delta for event in events if event.type == "response.output_text.delta"), TEXT)
    same([event.text for event in events if event.type == "response.output_text.done"], [TEXT])
    done = events[-1].response
    same((done.output_text, done.id), (TEXT, events[0].response.id))
    counted(done.usage.input_tokens, done.usage.output_tokens, done.usage.total_tokens)


@check("Responses: asynchronous")
def response_asynchronous() -> None:
    async def both() -> tuple[str, str]:
        async with openai.AsyncOpenAI(base_url=V1, api_key=KEY, max_retries=0, timeout=30) as other:
            one = await other.responses.create(model=MODEL, input=ASKED)
            stream: Any = await other.responses.create(model=MODEL, input=ASKED, stream=True)
            return one.output_text, "".join([e.delta async for e in stream if e.type == "response.output_text.delta"])

    same(asyncio.run(both()), (TEXT, TEXT))


@check("Responses: the stream helper")
def response_helper() -> None:
    with client.responses.stream(model=MODEL, input=ASKED) as stream:
        for _ in stream:
            pass
        same(stream.get_final_response().output_text, TEXT)


@check("Responses: thinking")
def response_thinking() -> None:
    answer: Any = client.responses.create(model=thinking_model(), input=ASKED)
    same([item.type for item in answer.output], ["reasoning", "message"])
    holds(answer.output[0].summary[0].text, "thinking")
    same(answer.output_text, TEXT)


@check("Responses: a tool call and its result")
def response_tools() -> None:
    question: Any = said(wanting("get_weather", **ARGUMENTS))
    first = client.responses.create(model=MODEL, input=question, tools=FLAT)
    calls: Any = [item for item in first.output if item.type == "function_call"]
    same([(call.name, json.loads(call.arguments)) for call in calls], [("get_weather", ARGUMENTS)])
    same(first.output_text, "")
    result = {"type": "function_call_output", "call_id": calls[0].call_id, "output": "21 degrees"}
    second = client.responses.create(model=MODEL, input=[*question, *first.output, result], tools=FLAT)
    holds(second.output_text, "21 degrees")


@check("Responses: streamed, two calls at once")
def response_calls() -> None:
    wanted = [{"name": "get_weather", "arguments": {"city": city, "days": 1}} for city in ("Paris", "Rome")]
    stream = client.responses.create(model=MODEL, input=directed("Look.", calls=wanted), tools=FLAT, stream=True)
    events: Any = list(stream)
    items = added(events)
    same([event.output_index for event in items], list(range(len(items))))
    items = [event for event in items if event.item.type != "reasoning"]
    same([(event.item.type, event.item.name) for event in items], [("function_call", "get_weather")] * 2)
    for event, city in zip(items, ("Paris", "Rome"), strict=True):
        own = of_item(events, event.item.id)
        same({other.output_index for other in own}, {event.output_index})
        arguments = "".join(o.delta for o in own if o.type == "response.function_call_arguments.delta")
        same(json.loads(arguments)["city"], city)
        same([o.arguments for o in own if o.type == "response.function_call_arguments.done"], [arguments])
    ids = [item.call_id for item in events[-1].response.output if item.type == "function_call"]
    same(ids, [event.item.call_id for event in items])
    same(len(set(ids)), 2)


@check("Responses: two rounds of calls, by previous_response_id")
def response_rounds() -> None:
    web_only("conversations")
    rounds = [[{"name": "get_weather", "arguments": {"city": city, "days": 1}}] for city in ("Paris", "Rome")]
    answer = client.responses.create(model=MODEL, input=directed("Look.", calls=rounds), tools=FLAT)
    cities = []
    for _ in rounds:
        (call,) = [item for item in answer.output if item.type == "function_call"]
        cities.append(json.loads(call.arguments)["city"])
        result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": f"21 degrees in {cities[-1]}"}
        answer = client.responses.create(model=MODEL, input=[result], tools=FLAT, previous_response_id=answer.id)
    same(cities, ["Paris", "Rome"])
    holds(answer.output_text, "21 degrees in Rome")


@check("Responses: parsed into a model")
def response_parsed() -> None:
    answer = client.responses.parse(model=MODEL, input="a person", text_format=Person)
    true(isinstance(answer.output_parsed, Person), "nothing was parsed")


@check("Responses: goes on with previous_response_id")
def response_again() -> None:
    web_only("conversations")
    first = client.responses.create(model=MODEL, input="the first question")
    second = client.responses.create(model=MODEL, input="the second one", previous_response_id=first.id)
    holds(second.output_text, "the second one")
    same(second.previous_response_id, first.id)
    reached("the first question", "the second one")


@check("Responses: errors by their kind")
def response_errors() -> None:
    refused(openai.NotFoundError, lambda: client.responses.create(model="no-such-model", input="x"))
    question = directed("x" * 200, fault={"what": "truncate", "args": {"texts": 5}})
    kinds = []
    try:
        kinds = [event.type for event in client.responses.create(model=MODEL, input=question, stream=True)]
    except openai.APIError:
        return
    true(kinds[-1] in ("response.failed", "error"), f"the broken answer ended with {kinds[-1]}")


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


main()
