"""The official platform."""

from __future__ import annotations

from flask import Blueprint, Response

from simulator.accounts import Account
from simulator.desk import Call, guarded
from simulator.kinds import Kind
from simulator.moonshot_orders import SILENT_MODELS, fitted, order_of, reading_of, text_of
from simulator.moonshot_play import MoonshotPlay, count
from simulator.performance import perform, perform_whole, rehearse
from simulator.reasons import Refusal
from simulator.replies import reply

moonshot = Blueprint("moonshot", __name__, url_prefix="/v1")

_REJECTED = ("temperature", "top_p", "n", "presence_penalty", "frequency_penalty")
_CONTEXT = {"kimi-k3": 1_048_576}


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
    reading = reading_of(messages)
    everything = "\n".join(text_of(message) for message in messages)
    prompt_tokens = count(everything) + 4 * len(messages)
    if prompt_tokens > context_length(model):
        raise Refusal("too_long")
    script, finish = fitted(rehearse(call, reading), body)
    order = order_of(call, body, script, prompt_tokens, finish)
    if body.get("stream"):
        return _marked(perform(call, script, lambda cue: MoonshotPlay(cue, order)))
    return _marked(perform_whole(call, script, lambda cue: MoonshotPlay(cue, order).whole()))


def context_length(model: str) -> int:
    """Tokens that a model reads."""
    return _CONTEXT.get(model, 262_144)


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
        "supports_reasoning": model not in SILENT_MODELS,
    }


@moonshot.post("/tokenizers/estimate-token-count")
@guarded("tokens", Kind.MOONSHOT)
def estimate(call: Call) -> Response:
    """Tokens of a prompt."""
    total = sum(count(text_of(message)) + 4 for message in call.objects("messages"))
    return reply({"code": 0, "data": {"total_tokens": total}, "status": True})


@moonshot.get("/users/me/balance")
@guarded("balance", Kind.MOONSHOT)
def balance(call: Call) -> Response:
    """What is left to spend."""
    left = call.owner.balance
    data = {"available_balance": left, "voucher_balance": 0.0, "cash_balance": left}
    return reply({"code": 0, "data": data, "scode": "0x0", "status": True})
