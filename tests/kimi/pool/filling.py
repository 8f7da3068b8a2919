"""Very many accounts, brought into an empty pool in no time."""

from __future__ import annotations

import json
import time
from typing import Any, Final

from kimi.accounts import ConfiguredAccount
from kimi.pool import Store
from kimi.pool.fingerprints import fingerprint
from kimi.pool.members import enter_configured
from kimi.pool.store import to_ms
from tests.kimi.pool.pools import web

DAY: Final = 86400.0
_UNANSWERED: Final = 500  # scripts


class Piped(Store):
    """Sends scripts on without waiting: no answer is needed to fill an empty store. To be flushed at the end."""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self._pipe = client.pipeline(transaction=False)

    def run(self, name: str, *args: str | float) -> Any:
        keys, argv = self.arguments(*args)
        self.script(name)(keys=keys, args=argv, client=self._pipe)
        if len(self._pipe) >= _UNANSWERED:
            self.flush()

    def flush(self) -> None:
        self._pipe.execute()


def fill(client: Any, accounts: int, streams: int = 1, models: int = 0) -> list[str]:
    """Brings in so many of the web chat that serve `streams` at a time, each with a token for a day; their names.

    Each has told that it lists so many `models`, where these are any.
    """
    store, now = Piped(client), time.time()
    names = [f"a{number:06}" for number in range(accounts)]
    for name in names:
        member = ConfiguredAccount(web(name, max_concurrency=streams), f"refresh-{name}")
        enter_configured(store, member, "config")
        tokens = ("access", "refresh", to_ms(now), to_ms(now + DAY), to_ms(now + DAY / 2))
        store.run("save", name, 1, *tokens, "[]", fingerprint(member.secret), 2, "", 0, fingerprint(tokens[1]))
        if models:
            store.run("models", name, 2, json.dumps([f"SCENARIO_{number}" for number in range(models)]), 0)
    store.flush()
    return names


def refuse(client: Any, names: list[str], model: str, seconds: float = DAY) -> None:
    """All of these have refused the model, and do so for so long."""
    store, pipe = Store(client), client.pipeline(transaction=False)
    for name in names:
        pipe.zadd(store.key("refused", name), {model: to_ms(time.time() + seconds)})
    pipe.execute()
