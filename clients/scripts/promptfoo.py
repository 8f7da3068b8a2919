"""promptfoo: an evaluation with its `openai:chat`, `openai:responses` and `anthropic:messages` providers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from checks import FOLDER, KEY, MODEL, URL, V1, WEATHER, check, command, main, same, wanting

HOME = Path(os.environ["HOME"])
QUIET = {
    "PROMPTFOO_CONFIG_DIR": str(HOME / "promptfoo"),
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
}
OURS = {"apiBaseUrl": V1, "apiKey": KEY}
CHAT = {"id": f"openai:chat:{MODEL}", "config": OURS}
PROVIDERS = {
    "chat": CHAT,
    "Responses": {"id": f"openai:responses:{MODEL}", "config": OURS},
    "Messages": {"id": f"anthropic:messages:{MODEL}", "config": {"apiBaseUrl": URL, "apiKey": KEY, "max_tokens": 1000}},
}
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "Weather", "parameters": WEATHER}}


def evaluate(provider: dict[str, Any], prompt: str, tests: list[dict[str, Any]]) -> None:
    config, results = HOME / "promptfooconfig.json", HOME / "results.json"
    config.write_text(json.dumps({"prompts": [prompt], "providers": [provider], "tests": tests}))
    results.unlink(missing_ok=True)
    words = (
        "eval",
        "-c",
        str(config),
        "-o",
        str(results),
        "--no-cache",
        "--no-progress-bar",
        "--no-table",
        "--no-write",
    )
    failed = ""
    try:
        command(f"{FOLDER}/node_modules/.bin/promptfoo", *words, seconds=120, **QUIET)
    except AssertionError as error:
        failed = str(error)
    if not results.exists():
        raise AssertionError(failed)
    found = json.loads(results.read_text())["results"]["results"]
    same([one.get("error") or one["success"] for one in found], [True] * len(tests))


def evaluated(provider: dict[str, Any]) -> Callable[[], None]:
    words = ("bonjour", "merci", "au revoir")
    tests = [{"vars": {"word": word}, "assert": [{"type": "contains", "value": word}]} for word in words]
    return lambda: evaluate(provider, "Say {{word}}.", tests)


for form, provider in PROVIDERS.items():
    check(f"{form}: an evaluation of three prompts")(evaluated(provider))


@check("tools: is-valid-openai-tools-call")
def tools() -> None:
    provider = {**CHAT, "config": {**OURS, "tools": [TOOL]}}
    prompt = "{% raw %}" + wanting("get_weather", city="Paris", days=2) + "{% endraw %}"
    evaluate(provider, prompt, [{"assert": [{"type": "is-valid-openai-tools-call"}]}])


main()
