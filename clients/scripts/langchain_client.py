"""LangChain's ChatOpenAI, over chat completions and over Responses."""

from __future__ import annotations

import asyncio
import functools
import operator
from collections.abc import Iterable
from typing import Any

import openai
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

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
    holds,
    main,
    reached,
    refused,
    same,
    true,
    wanting,
)

ARGUMENTS = {"city": "Paris", "days": 2}


class Person(BaseModel):
    """A person."""

    name: str
    age: int


@tool
def get_weather(city: str, days: int) -> str:
    """The weather of a city for so many days."""
    return f"21 degrees in {city} for {days} days"


def chat(**more: Any) -> ChatOpenAI:
    return ChatOpenAI(model=MODEL, base_url=V1, api_key=KEY, max_retries=0, timeout=30, **more)


@check("chat: invoke, with usage")
def invoke() -> None:
    answer = chat().invoke([SystemMessage("be brief"), HumanMessage(ASKED)])
    same(answer.content, TEXT)
    reached("be brief", "bonjour")
    _counted(answer)
    same(answer.response_metadata["finish_reason"], "stop")


@check("chat: stream and astream, with usage")
def stream() -> None:
    total = _together(chat(stream_usage=True).stream(ASKED))
    same(total.content, TEXT)
    _counted(total)

    async def other() -> str:
        return "".join([str(chunk.content) async for chunk in chat().astream(ASKED)])

    same(asyncio.run(other()), TEXT)


@check("chat: batch")
def batch() -> None:
    answers = chat().batch(["one", "two", "three"])
    for answer, word in zip(answers, ("one", "two", "three"), strict=True):
        holds(answer.content, word)


@check("chat: an image")
def image() -> None:
    parts: Any = [
        {"type": "text", "text": directed("what?", text="seen: {images}")},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]
    true(str(chat().invoke([HumanMessage(parts)]).content).removeprefix("seen: "), "the image was not seen")


@check("chat: errors, also half-way")
def errors() -> None:
    refused(openai.NotFoundError, lambda: ChatOpenAI(model="no-such-model", base_url=V1, api_key=KEY).invoke("x"))
    question = directed("x" * 200, fault={"what": "truncate", "args": {"texts": 5}})
    refused(openai.APIError, lambda: list(chat().stream(question)))


@check("tools: a call, its result, the answer")
def called() -> None:
    _tools(chat().bind_tools([get_weather]))


@check("tools: streamed")
def streamed() -> None:
    total = _together(chat().bind_tools([get_weather]).stream(wanting("get_weather", **ARGUMENTS)))
    same([(call["name"], call["args"]) for call in total.tool_calls], [("get_weather", ARGUMENTS)])
    same(total.text, "")


@check("tools: streamed, two calls at once")
def parallel() -> None:
    wanted = [{"name": "get_weather", "arguments": {"city": city, "days": 1}} for city in ("Paris", "Rome")]
    for form in (chat(), chat(use_responses_api=True)):
        total = _together(form.bind_tools([get_weather]).stream(directed("Look.", calls=wanted)))
        same([call["args"] for call in total.tool_calls], [one["arguments"] for one in wanted])
        same(len({call["id"] for call in total.tool_calls}), 2)


@check("tools: tool_choice any")
def demanded() -> None:
    answer = chat().bind_tools([get_weather], tool_choice="any").invoke("hello")
    same([call["name"] for call in answer.tool_calls], ["get_weather"])


@check("tools: structured output by function calling")
def by_function() -> None:
    _structured(chat(), "function_calling")


@check("JSON: structured output by json_schema")
def by_schema() -> None:
    _structured(chat(), "json_schema")


@check("JSON: structured output by json_mode")
def by_mode() -> None:
    question = directed("a person as JSON, please", text='{"name": "Ada", "age": 36}')
    found: Any = chat().with_structured_output(Person, method="json_mode").invoke(question)
    same(found, Person(name="Ada", age=36))


@check("Responses: invoke and stream")
def responses() -> None:
    answer = chat(use_responses_api=True).invoke(ASKED)
    same(answer.text, TEXT)
    _counted(answer)
    same(_together(chat(use_responses_api=True).stream(ASKED)).text, TEXT)


@check("Responses: a tool call, its result, the answer")
def responses_tools() -> None:
    _tools(chat(use_responses_api=True).bind_tools([get_weather]))


@check("Responses: structured output")
def responses_structured() -> None:
    _structured(chat(use_responses_api=True), "json_schema")


def _tools(model: Any) -> None:
    question = HumanMessage(wanting("get_weather", **ARGUMENTS))
    first = model.invoke([question])
    same([(call["name"], call["args"]) for call in first.tool_calls], [("get_weather", ARGUMENTS)])
    same(first.text, "")
    result: ToolMessage = get_weather.invoke(first.tool_calls[0])
    holds(model.invoke([question, first, result]).text, "21 degrees in Paris for 2 days")


def _together(chunks: Iterable[Any]) -> Any:
    return functools.reduce(operator.add, chunks)


def _counted(answer: Any) -> None:
    usage = answer.usage_metadata
    counted(usage["input_tokens"], usage["output_tokens"], usage["total_tokens"])


def _structured(model: Any, method: str) -> None:
    found = model.with_structured_output(Person, method=method).invoke("a person")
    true(isinstance(found, Person), f"{found!r} is no person")


main()
