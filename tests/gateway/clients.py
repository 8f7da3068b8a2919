"""Client keys for tests of the gateway: on a real Valkey, with a line to it that can be cut."""

from __future__ import annotations

from collections.abc import Iterable

from kimi.errors import StoreUnavailable
from kimi.pool import Store
from kimi.pool.client_limits import Limiter, Standing
from kimi.pool.clients import Client, ClientBatch, Clients


class Line:
    """What a worker asks of Redis for its client keys; notes how often, and finds nobody there while it `is_cut`."""

    def __init__(self, store: Store) -> None:
        self.store, self.clients, self._limiter = store, Clients(store), Limiter(store)
        self.is_cut = False
        self.asked: list[str] = []

    def since(self, number: int) -> ClientBatch:
        self._ask("since")
        return self.clients.since(number)

    def find(self, digest: bytes) -> Client | None:
        self._ask("find")
        return self.clients.find(digest)

    def enter(self, client: Client, place: str) -> tuple[Standing, ...]:
        self._ask("enter")
        return self._limiter.enter(client, place)

    def leave(self, client_id: str, place: str, tokens: int) -> None:
        self._ask("leave")
        self._limiter.leave(client_id, place, tokens)

    def renew(self, places: Iterable[tuple[str, str]]) -> None:
        self._ask("renew")
        self._limiter.renew(places)

    def times(self, what: str) -> int:
        """How often Redis was asked that."""
        return self.asked.count(what)

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.is_cut:
            raise StoreUnavailable("cut")
