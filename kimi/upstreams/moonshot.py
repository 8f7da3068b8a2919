"""The official platform, which speaks OpenAI's dialect with some of its own in it.

All names that stand in its requests stand in this file, those of answers in `moonshot_reader`.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from typing import Any

import orjson

from kimi.accounts import Account
from kimi.chat import Chat, Effort
from kimi.errors import BrokenAnswer
from kimi.events import Batch
from kimi.redaction import redact
from kimi.upstreams.line import Line
from kimi.upstreams.moonshot_reader import Reader

_MOST_MODELS = 1_000
_NAME = re.compile(r"[\w.:/@+-]{1,128}")
_LENGTH_OF_PIECES = 8  # of a key; what is shorter is a word
_NO_SUCH_CALL = frozenset({404, 405, 501})
_K_SERIES = re.compile(r"kimi-k\d")
# K-series models answer 400 to these, and common clients send them always.
_REFUSED_BY_K_SERIES = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
_K3 = re.compile(r"kimi-k3\b")
_ALWAYS_THINKS = re.compile(r"kimi-k2\.7-code\b")
_EFFORTS_OF_K3: Mapping[Effort, str] = {"none": "low", "low": "low", "medium": "high", "high": "high", "max": "max"}
_NO_THINKING = {"type": "disabled"}
_NO_THOUGHT = " "  # the least that counts as one
# One answer is all that a reader here takes; the others are fields of our own.
_NEVER_SENT = ("n", "use_search", "conversation_id")
_EMPTY_AGAIN_SECONDS = 900.0  # a plan that is used up comes back when it is paid for, whenever that is


class Moonshot:
    """Answers chats with API keys, accounts of kind `moonshot`."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def stream(self, chat: Chat, account: Account, token: str) -> Generator[Batch]:
        """See `Upstream.stream`. `token` is the API key; nothing is stored upstream."""
        finish = yield from self._line.stream(
            "/chat/completions",
            account,
            headers={**_headers(token), "Content-Type": "application/json"},
            content=orjson.dumps(_request(chat)),
            reader=Reader(self._line.drift, token),
        )
        yield (finish,)

    def list_models(self, account: Account, key: str) -> tuple[str, ...]:
        """The ids of all models that `key` may use. Raises `AccountDead` when the key is refused, else `KimiError`.

        Of a service that chats but lists nothing (a `base_url` of the operator's), the models that the account names.
        """
        answer = self._line.call("GET", "/models", account, headers=_headers(key))
        if answer.status in _NO_SUCH_CALL and account.models:
            return account.models
        if answer.status != 200:
            raise self._line.error(account, answer)
        body = answer.json()
        listed = body.get("data") if isinstance(body, Mapping) else None
        rows = listed[:_MOST_MODELS] if isinstance(listed, list) else []
        ids = [model.get("id") for model in rows if isinstance(model, Mapping)]
        models = tuple(dict.fromkeys(name for name in ids if isinstance(name, str) and _is_name(name, key)))
        if not models:
            raise BrokenAnswer("the list of models is empty or no list")
        return models

    def resets_in(self, account: Account, token: str) -> float | None:
        """See `KnowsAllowance.resets_in`. A key with nothing left to spend is looked at again and again.

        With something left it is another limit that was met, of which nobody tells when it ends.
        """
        answer = self._line.call("GET", "/users/me/balance", account, headers=_headers(token))
        body = answer.json() if answer.status == 200 else None
        data = body.get("data") if isinstance(body, Mapping) else None
        left = data.get("available_balance") if isinstance(data, Mapping) else None
        return _EMPTY_AGAIN_SECONDS if isinstance(left, int | float) and left <= 0 else None


def _is_name(text: str, key: str) -> bool:
    """Whether a model can be called so: the name goes into routes, lines of the log, pages and lists for every client.

    Nothing of the key that was asked with may stand in it, nor anything else that looks like a secret.
    """
    short, long = sorted((key, text), key=len)
    is_said_again = len(short) >= _LENGTH_OF_PIECES and short in long
    return _NAME.fullmatch(text) is not None and not is_said_again and redact(text) == text


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _request(chat: Chat) -> dict[str, Any]:
    """The client's own request, streamed, with usage, and without what the model does not take."""
    body = dict(chat.body)
    is_k_series = _K_SERIES.match(chat.model) is not None
    for name in (*_NEVER_SENT, *(_REFUSED_BY_K_SERIES if is_k_series else ())):
        body.pop(name, None)
    if is_k_series:
        _say_how_much_to_think(body, chat)
    messages = body.get("messages") or [{"role": message.role, "content": message.content} for message in chat.messages]
    thinks = is_k_series and body.get("thinking") != _NO_THINKING
    body["messages"] = [_acceptable(message, thinks=thinks) for message in messages]
    return {**body, "model": chat.model, "stream": True, "stream_options": {"include_usage": True}}


def _say_how_much_to_think(body: dict[str, Any], chat: Chat) -> None:
    """Puts what the client wishes in the one form that the model takes: each answers 400 to the others'.

    K3 has three efforts and no switch, and can be made to call, but no tool by its name. The others have the switch,
    which excludes an effort beside it and has to be off where a call has to be made; kimi-k2.7-code cannot be switched
    off. Source: what their users report (M).
    """
    wished = chat.effort
    if _K3.match(chat.model):
        is_switch_only = body.get("reasoning_effort") is None and wished != "none"
        body.pop("thinking", None)
        if wished is not None and not is_switch_only:
            body["reasoning_effort"] = _EFFORTS_OF_K3[wished]
        _name_no_tool(body)
        return
    choice, is_switched = body.get("tool_choice"), body.get("thinking") is not None
    must_call = choice == "required" or bool(_named(choice))
    if wished == "none" or (must_call and not is_switched):
        body["thinking"] = _NO_THINKING
    if body.get("thinking") is not None:
        body.pop("reasoning_effort", None)
    if body.get("thinking") == _NO_THINKING and _ALWAYS_THINKS.match(chat.model):
        del body["thinking"]


def _name_no_tool(body: dict[str, Any]) -> None:
    """Of a tool that has to be called by its name is made the only one, of which one has to be called."""
    name, tools = _named(body.get("tool_choice")), body.get("tools")
    only = [tool for tool in tools if _named(tool) == name] if name and isinstance(tools, list) else []
    if only:
        body |= {"tool_choice": "required", "tools": only}


def _named(tool: object) -> str:
    """The name in a tool or a choice of one, if there is one."""
    match tool:
        case {"function": {"name": str() as name}}:
            return name
    return ""


def _acceptable(message: Any, *, thinks: bool) -> Any:
    """A message as the platform takes it, which answers 400 to others.

    What newer clients call the developer's words is the system's. A model that thinks wants to hear what it thought
    before its calls, which most clients drop; source as above.
    """
    if not isinstance(message, Mapping):
        return message
    if message.get("role") == "developer":
        return {**message, "role": "system"}
    if thinks and message.get("tool_calls") and not message.get("reasoning_content"):
        return {**message, "reasoning_content": _NO_THOUGHT}
    return message
