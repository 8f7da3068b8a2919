"""openai-python: Responses."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import openai

from checks import (
    ASKED,
    KEY,
    MODEL,
    TEXT,
    V1,
    check,
    counted,
    directed,
    holds,
    reached,
    refused,
    same,
    thinking_model,
    true,
    wanting,
    web_only,
)
from openai_asking import ARGUMENTS, FLAT, Person, client, said


def added(events: list[Any]) -> list[Any]:
    """The events that tell of items of a response."""
    return [event for event in events if event.type == "response.output_item.added"]


def of_item(events: list[Any], name: str) -> list[Any]:
    """The events of the item with that id."""
    return [e for e in events if name in (getattr(e, "item_id", None), getattr(getattr(e, "item", None), "id", None))]


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
