"""openai-python: tools and JSON over chat completions."""

from __future__ import annotations

import json
from typing import Any

from checks import MODEL, check, directed, holds, same, true, wanting
from openai_asking import ARGUMENTS, TOOLS, Person, ask, client, said, together


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
