"""Simon Willison's `llm`: the command, with tools and schemas."""

from __future__ import annotations

import json
import os
from pathlib import Path

from checks import (
    ASKED,
    FOLDER,
    KEY,
    MODEL,
    TEXT,
    V1,
    check,
    command,
    directed,
    holds,
    main,
    reached,
    refused,
    same,
    true,
    wanting,
)

LLM = f"{FOLDER}/bin/llm"
HOME = Path(os.environ["HOME"]) / "llm"
HOME.mkdir()
ENV = {"LLM_USER_PATH": str(HOME)}
(HOME / "extra-openai-models.yaml").write_text(
    f"- model_id: gateway\n  model_name: {MODEL}\n  api_base: {V1}\n  api_key_name: gateway\n"
    "  supports_tools: true\n  supports_schema: true\n"
)
FUNCTIONS = "def get_weather(city: str, days: int) -> str:\n    'The weather'\n    return f'21 degrees in {city}'\n"


def llm(*words: str) -> str:
    return command(LLM, *words, **ENV)


def ask(*words: str) -> str:
    return llm("-m", "gateway", "--key", KEY, *words)


@check("chat: streamed")
def streamed() -> None:
    same(ask(ASKED).removesuffix("\n"), TEXT)


@check("chat: whole, with a system prompt, and the usage in its log")
def whole() -> None:
    same(ask("--no-stream", "-s", "be brief", ASKED).removesuffix("\n"), TEXT)
    reached("be brief", "bonjour")
    logged = llm("logs", "list", "-n", "1", "--json")
    true(json.loads(logged)[0].get("output_tokens"), f"no usage in the log: {logged[:300]}")


@check("chat: a conversation goes on")
def goes_on() -> None:
    # The first question says how to answer it, and is read again where the chat is gone by now.
    holds(ask("-c", directed("and the second question", text="to {prompt}")), "to and the second question")
    reached("bonjour", "and the second question")


@check("chat: an unknown model")
def unknown() -> None:
    with (HOME / "extra-openai-models.yaml").open("a") as models:
        models.write(f"- model_id: nobody\n  model_name: no-such-model\n  api_base: {V1}\n  api_key_name: gateway\n")
    try:
        llm("-m", "nobody", "--key", KEY, "x")
    except AssertionError as error:
        holds(str(error), "no-such-model")
    else:
        raise AssertionError("no error came")


@check("chat: an answer that breaks off is an error")
def broken() -> None:
    question = directed("x" * 200, fault={"what": "truncate", "args": {"texts": 5}})
    refused(AssertionError, lambda: ask(question))
    refused(AssertionError, lambda: ask("--no-stream", question))


@check("tools: called and answered")
def tools() -> None:
    said = ask("--functions", FUNCTIONS, "--td", wanting("get_weather", city="Paris", days=2))
    holds(said, "21 degrees in Paris")


@check("tools: without streaming")
def tools_whole() -> None:
    holds(
        ask("--no-stream", "--functions", FUNCTIONS, wanting("get_weather", city="Paris", days=2)),
        "21 degrees in Paris",
    )


@check("JSON: a schema")
def schema() -> None:
    same(sorted(json.loads(ask("--schema", "name, age int", "a person"))), ["age", "name"])
    said = ask("--no-stream", "--schema", "name, age int", directed("a person", text='{"name": "Ada", "age": 36}'))
    same(json.loads(said), {"name": "Ada", "age": 36})


main()
