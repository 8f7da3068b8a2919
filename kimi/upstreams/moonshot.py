"""The official platform, which speaks OpenAI's dialect with some of its own in it.

All names that stand in its requests stand in this file, those of answers in `moonshot_reader`.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from typing import Any

import orjson

from kimi.accounts import Account
from kimi.chat import Chat
from kimi.errors import BrokenAnswer
from kimi.events import Batch
from kimi.upstreams.line import Line
from kimi.upstreams.moonshot_reader import Reader

_NO_SUCH_CALL = frozenset({404, 405, 501})
_K_SERIES = re.compile(r"kimi-k\d")
# K-series models answer 400 to these, and common clients send them always.
_REFUSED_BY_K_SERIES = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
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
            reader=Reader(self._line.drift),
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
        ids = [model.get("id") for model in listed if isinstance(model, Mapping)] if isinstance(listed, list) else []
        models = tuple(dict.fromkeys(name for name in ids if isinstance(name, str) and name))
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


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _request(chat: Chat) -> dict[str, Any]:
    """The client's own request, streamed, with usage, and without what the model does not take."""
    body = dict(chat.body)
    refused = (*_NEVER_SENT, *(_REFUSED_BY_K_SERIES if _K_SERIES.match(chat.model) else ()))
    for name in refused:
        body.pop(name, None)
    messages = body.get("messages") or [{"role": message.role, "content": message.content} for message in chat.messages]
    body["messages"] = [_of_a_role_it_knows(message) for message in messages]
    return {**body, "model": chat.model, "stream": True, "stream_options": {"include_usage": True}}


def _of_a_role_it_knows(message: Any) -> Any:
    """What newer clients call the developer's words is the system's here."""
    is_new = isinstance(message, Mapping) and message.get("role") == "developer"
    return {**message, "role": "system"} if is_new else message
