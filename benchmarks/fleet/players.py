"""A gateway's worker and a refresher of a played fleet: the parts that ask Redis, and nothing else of them."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterable
from typing import Final

import gevent
from redis import Redis

from gateway.client_mirror import ClientMirror
from gateway.mirror import Mirror
from gateway.sample import Samples
from kimi.accounts import Account, ConfiguredAccount, Kind, Record, Tokens
from kimi.events import Usage
from kimi.pool import Bookmark, Chats, Conversation, Conversations, Lease, Leases, Members, Store, TokenStore, Wish
from kimi.pool.canary import Canary
from kimi.pool.changes import Changes
from kimi.pool.chats import StandingChat
from kimi.pool.client_limits import Limiter
from kimi.pool.clients import Client, Clients
from kimi.pool.counts import Counts, Courier
from kimi.pool.due import DueRefreshes, Room
from kimi.pool.extent import Extents
from kimi.pool.heartbeats import Heartbeats
from kimi.pool.members import enter_configured
from kimi.pool.schema import Schema
from kimi.pool.sealers import Sealers
from kimi.pool.store import to_ms

LIFETIME: Final = 900.0
"""Seconds that an access token is good."""
LEASE_SECONDS: Final = 3600.0
"""Longer than any run: those who hold leases of a played fleet do not renew all of them in time."""
_EXCHANGES: Final = 10_000.0  # a second: no rate holds the played ones back
_ROOM: Final = Room(96)  # as along a line that no other refresh goes along
_PAGE: Final = 100
_TOKEN: Final = "t" * 900  # as long as the vendor's are
_WISH: Final = Wish(("kimi",), "kimi")
_USAGE: Final = Usage(prompt=1_000, completion=500)


def name_of(number: int) -> str:
    """The name of an account."""
    return f"account-{number:06}"


class Worker:
    """What a worker of a gateway asks of Redis, in its own words."""

    def __init__(self, client: Redis, name: str, key: Client) -> None:
        store = Store(client)
        self.store = store
        self.leases = Leases(store, worker=name, seconds=LEASE_SECONDS)
        self.members = Members(store)
        self.mirror = Mirror(Changes(store), Samples(Extents(store), name), pause=lambda _: gevent.sleep(0))
        self.keys = ClientMirror(Clients(store), hold=lambda: None)
        self._counts = Counts()
        self._courier = Courier(store, self._counts)
        self._chats = Chats(store)
        self._limiter = Limiter(store)
        self._records = Conversations(store)
        self._sealers = Sealers(store, f"gateway {name}-1")
        self._schema = Schema(store, f"gateway {name}-1")
        self._canary = Canary(store)
        self._heartbeats = Heartbeats(store)
        self._client = client
        self._key = key
        self._numbers = itertools.count()
        self._name = name

    def ping(self) -> None:
        """As the connection does on which calls are heard, after each second of silence."""
        self._client.ping()

    def look_at_keys(self) -> None:
        """Client keys that were created or changed."""
        self.keys.refresh()

    def look_around(self) -> None:
        """What a worker asks every five seconds: are the keys and the schema the right ones, is a refresher there."""
        self._sealers.meet()
        self._canary.look_at_served()
        self._schema.look()
        self._heartbeats.seen()

    def is_ready(self) -> None:
        """What a probe asks."""
        self.members.summary()

    def count(self, requests: int) -> None:
        """So many requests have ended."""
        for number in range(requests):
            self._counts.asked(name_of(number), failed=False, usage=_USAGE)
            self._counts.answered(self._key.id, failed=False, usage=_USAGE, first_event=0.5, total=5.0)

    def deliver(self) -> None:
        """What was counted."""
        self._courier.deliver()

    def lease(self) -> Lease:
        """An account for a request."""
        return self.leases.acquire(_WISH)

    def request(self, seconds: float = 0.0) -> None:
        """A request that takes so long: let in, continued, leased, its chat noted and deleted, its key told."""
        place = f"{self._name}.{next(self._numbers)}"
        self.let_in(place)
        self.find(place)
        lease = self.lease()
        chat = StandingChat(place, lease.account.name)
        self.note(chat, 60.0)
        gevent.sleep(seconds)
        self.give_back(lease, place, chat)
        self.note(chat, None)
        self.let_out(place)
        self.count(1)

    def give_back(self, lease: Lease, place: str, chat: StandingChat) -> None:
        """The account of a request that was served, and where it can be continued."""
        keep = Bookmark(place, Conversation(chat, "m"), 300.0, 600.0)
        self.leases.release(lease, served=True, renewed=False, keep=keep)

    def let_in(self, place: str) -> None:
        """A request with a limited key comes."""
        self._limiter.enter(self._key, place)

    def let_out(self, place: str) -> None:
        """It has ended."""
        self._limiter.leave(self._key.id, place, 1_500)

    def find(self, key: str) -> None:
        """The conversation that a request may continue."""
        self._records.claim(key, 60.0)

    def note(self, chat: StandingChat, wait: float | None) -> None:
        """What becomes of a chat."""
        self._chats.note({chat: wait})


class Refresher:
    """What a refresher asks of Redis for a refresh, whose exchange takes no time."""

    def __init__(self, client: Redis) -> None:
        self.store = Store(client)
        self._members = Members(self.store)
        self._tokens = TokenStore(self.store)
        self._due = DueRefreshes(self.store, rate=_EXCHANGES)

    def enter(self, numbers: Iterable[int]) -> None:
        """Brings these accounts into the pool, each with an access token."""
        following = iter(numbers)
        while page := [name_of(number) for number in itertools.islice(following, _PAGE)]:
            for name in page:
                account = Account(name=name, kind=Kind.KIMI)
                enter_configured(self.store, ConfiguredAccount(account, f"r{name}{_TOKEN}"), "config")
            for record in self._members.some(page):
                self._save(record)

    def refresh(self, number: int) -> None:
        """One account, which becomes due; or another one that has become due beside it."""
        now = to_ms(self.store.now())
        self.store.redis.zadd(self.store.key("refresh"), {name_of(number): now}, xx=True)  # in place of the time
        for lock, _ in self._due.take(1, _ROOM).locks:
            with self._tokens.holding(lock):
                record = self._members.get(lock.name)
                if record is not None and lock.spend(record) is not None:
                    self._save(record)

    def _save(self, record: Record) -> None:
        now, name = time.time(), record.account.name
        tokens = Tokens(f"a{record.version}{name}{_TOKEN}", f"r{record.version}{name}{_TOKEN}")
        # Nobody refreshes them but who plays it, also where it takes long.
        expires, due = now + 4 * LIFETIME, now + LIFETIME * random.uniform(2, 3)
        self._tokens.save(record, tokens, issued=now, expires=expires, next_due=due, models=("k2",))
