"""The official platform."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Blueprint, Response

from simulator.accounts import Account
from simulator.desk import Call, guarded
from simulator.kinds import Kind
from simulator.moonshot_play import MoonshotPlay, Order, count
from simulator.performance import perform, perform_whole, rehearse
from simulator.reasons import Refusal
from simulator.replies import reply

moonshot = Blueprint("moonshot", __name__, url_prefix="/v1")

_REJECTED = ("temperature", "top_p", "n", "presence_penalty", "frequency_penalty")
_CONTEXT = {"kimi-k3": 1_048_576}
_SILENT_MODELS = frozenset({"kimi-k2.7-code"})  # do not think


@moonshot.post("/chat/completions")
@guarded("chat", Kind.MOONSHOT)
def complete(call: Call) -> Response:
    """A completion, streamed or whole."""
    body = call.json()
    model = str(body.get("model"))
    if model not in call.owner.models:
        raise Refusal("not_found")
    for name in _REJECTED:
        if body.get(name) is not None:
            raise Refusal("invalid", f"invalid {name}: it cannot be set for this model")
    messages = call.objects("messages")
    if not messages:
        raise Refusal("invalid", "messages")
    text = _text(messages[-1])
    everything = "\n".join(_text(message) for message in messages)
    prompt_tokens = count(everything) + 4 * len(messages)
    if prompt_tokens > context_length(model):
        raise Refusal("too_long")
    script = rehearse(call, text)
    order = _order(call, body, text, prompt_tokens)
    streams = bool(body.get("stream"))
    answer = (
        perform(call, script, lambda cue: MoonshotPlay(cue, order))
        if streams
        else perform_whole(call, script, lambda cue: MoonshotPlay(cue, order).whole())
    )
    return _marked(answer)


def context_length(model: str) -> int:
    """Tokens that a model reads."""
    return _CONTEXT.get(model, 262_144)


def _order(call: Call, body: dict[str, Any], text: str, prompt_tokens: int) -> Order:
    thinking, options = body.get("thinking") or {}, body.get("stream_options") or {}
    if not isinstance(thinking, dict) or not isinstance(options, dict):
        raise Refusal("invalid", "thinking, stream_options")
    model, tool = str(body["model"]), _called(call, body, text)
    return Order(
        model=model,
        prompt_tokens=prompt_tokens,
        thinks=model not in _SILENT_MODELS and thinking.get("type") != "disabled",
        include_usage=bool(options.get("include_usage")),
        tool=tool,
        arguments=orjson.dumps({"query": text}).decode() if tool else "",
    )


def _called(call: Call, body: dict[str, Any], text: str) -> str | None:
    """The tool that is called: the one that the prompt names, or that `tool_choice` demands."""
    names = [str((tool.get("function") or {}).get("name")) for tool in call.objects("tools")]
    choice = body.get("tool_choice")
    if not names or choice == "none" or body["messages"][-1].get("role") == "tool":
        return None
    if isinstance(choice, dict):
        return str(choice.get("function", {}).get("name"))
    if choice == "required":
        return names[0]
    return next((name for name in names if name in text), None)


def _text(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _marked(answer: Response) -> Response:
    """The headers that the platform adds, which nobody downstream should see."""
    answer.headers["Msh-Request-Id"] = "sim-request"
    answer.headers["X-Msh-Trace-Id"] = "sim-trace"
    answer.headers["Set-Cookie"] = "sim=1; Path=/; HttpOnly"
    return answer


@moonshot.get("/models")
@guarded("models", Kind.MOONSHOT)
def models(call: Call) -> Response:
    """The models of this key."""
    return _marked(reply({"object": "list", "data": [_model(call.owner, model) for model in call.owner.models]}))


def _model(account: Account, model: str) -> dict[str, object]:
    return {
        "id": model,
        "object": "model",
        "created": 1_760_000_000,
        "owned_by": "moonshot",
        "root": model,
        "parent": "",
        "permission": [{"id": f"modelperm-{model}", "organization": account.org, "object": "model_permission"}],
        "context_length": context_length(model),
        "supports_image_in": model != "kimi-k2.7-code",
        "supports_reasoning": model not in _SILENT_MODELS,
    }


@moonshot.post("/tokenizers/estimate-token-count")
@guarded("tokens", Kind.MOONSHOT)
def estimate(call: Call) -> Response:
    """Tokens of a prompt."""
    total = sum(count(_text(message)) + 4 for message in call.objects("messages"))
    return reply({"code": 0, "data": {"total_tokens": total}, "status": True})


@moonshot.get("/users/me/balance")
@guarded("balance", Kind.MOONSHOT)
def balance(call: Call) -> Response:
    """What is left to spend."""
    left = call.owner.balance
    data = {"available_balance": left, "voucher_balance": 0.0, "cash_balance": left}
    return reply({"code": 0, "data": data, "scode": "0x0", "status": True})
