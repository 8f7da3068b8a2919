"""Writes a pool with the code that it finds, and prints all that stands in Redis then: `making.py REDIS_URL [KEY]`.

Each release adds a dump that it made of itself, as `README.md` says. It imports nothing of the tests, so that the code
of another release can run it. The Redis has to be empty; secrets are sealed where there is a key to seal them with.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, Final

import redis

from kimi.accounts import Account, ConfiguredAccount, Kind, Region, State, Tokens
from kimi.alerts.ledger import Entry, Told
from kimi.alerts.notes import Rule
from kimi.chat import Upload
from kimi.errors import PoolError
from kimi.events import Usage
from kimi.operating.audit import Audit
from kimi.pool import (
    Bookmark,
    Chats,
    Conversation,
    Leases,
    Members,
    PrivateAccounts,
    Rest,
    Store,
    TokenStore,
    Wish,
    connect,
)
from kimi.pool.alerts import Active, AlertBook
from kimi.pool.attempts import CLIENTS, OPERATORS, Attempts
from kimi.pool.canary import Canary
from kimi.pool.chats import StandingChat
from kimi.pool.client_limits import Limiter
from kimi.pool.client_terms import ClientLimits
from kimi.pool.clients import Clients
from kimi.pool.conversations import Conversations
from kimi.pool.counts import Counts, Courier
from kimi.pool.drift import DriftBook
from kimi.pool.heartbeats import Heartbeats
from kimi.pool.interventions import Interventions
from kimi.pool.locks import Lock
from kimi.pool.private import private_account
from kimi.pool.sealers import Sealers
from kimi.pool.sessions import Sessions
from kimi.pool.uploads import Uploads
from kimi.pool.vault import Vault
from kimi.upstreams.drift import Drift
from kimi.version import VERSION

NOW: Final = 1_800_000_000.0
"""Seconds at which all of it was written. Expiries are of the day on which it was."""
PREFIX: Final = "kimi:{pool}:"
LIFETIME: Final = 900.0

ACCOUNTS: Final = (
    Account(name="active", kind=Kind.KIMI, max_concurrency=3),
    Account(name="banned", kind=Kind.KIMI),
    Account(name="classic", kind=Kind.CLASSIC, weight=2),
    Account(name="dead", kind=Kind.KIMI),
    Account(name="gone", kind=Kind.KIMI),
    Account(name="limited", kind=Kind.KIMI, requests_per_minute=5, priority=1),
    Account(name="new", kind=Kind.KIMI, region=Region.GLOBAL),
    Account(name="official", kind=Kind.MOONSHOT, max_concurrency=50),
    Account(name="paused", kind=Kind.CLASSIC),
    Account(name="proxied", kind=Kind.KIMI, proxy="socks5h://user:password@192.0.2.1:1080"),
    Account(name="rejected", kind=Kind.KIMI),
    Account(name="resting", kind=Kind.KIMI),
    Account(name="spending", kind=Kind.KIMI),
)
FRESH: Final = tuple(account.name for account in ACCOUNTS if account.name != "new")
GUEST: Final = "guest-refresh-1"
UPLOAD: Final = Upload(id="file-1", name="a.txt", size=3, media="text/plain", is_image=False, detail={"url": "x"})


class Writing:
    """Writes one thing after the other into `store`, at `NOW`."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.members, self.tokens = Members(store), TokenStore(store)
        self.leases = Leases(store, worker="gateway-1")
        self.client_key = ""

    def all(self) -> None:
        if self.store.vault.seals:
            Canary(self.store).keep()
        self.accounts()
        self.use()
        self.chats()
        self.clients()
        self.what_operators_see()

    def accounts(self) -> None:
        """Of each kind, in each state."""
        self.members.sync([ConfiguredAccount(account, f"{account.name}-refresh-1") for account in ACCOUNTS])
        for name in FRESH:
            self.freshen(name)
        self.freshen("active")
        self.freshen("active", alone=True)
        self.members.list_models("active", 4, ["kimi-k2.5", "kimi-k3"])
        self.members.mark("dead", 2, State.DEAD, "invalid claims")
        self.members.mark("banned", 2, State.BANNED, "closed by Kimi")
        hands = Interventions(self.store)
        hands.pause("paused")
        hands.enter(ConfiguredAccount(Account(name="by-hand", kind=Kind.KIMI), "by-hand-refresh-1"))
        self.freshen("by-hand")
        hands.enter(ConfiguredAccount(Account(name="deleted", kind=Kind.KIMI), "deleted-refresh-1"))
        self.freshen("deleted")
        hands.delete("deleted")
        hands.edit("by-hand", lambda account: Account(name=account.name, kind=account.kind, max_concurrency=2))
        guest = private_account(GUEST, Kind.KIMI)
        PrivateAccounts(self.store).adopt(guest)
        self.freshen(guest.account.name)
        self.members.sync(
            [ConfiguredAccount(a, f"{a.name}-refresh-1") for a in ACCOUNTS if a.name != "gone"],
        )

    def freshen(self, name: str, *, alone: bool = False) -> None:
        """A new pair of tokens, as an exchange brings them; `alone` the access token stays out."""
        record = self.members.get(name)
        assert record is not None
        number = record.version + 1
        web = record.account.kind is not Kind.MOONSHOT
        refresh = f"{name}-refresh-{number}" if web else f"{name}-refresh-1"
        access = (f"{name}-access-{number}" if web else refresh) if not alone else record.access
        models = () if web else ("kimi-k2.6", "moonshot-v1-8k")
        until = NOW + LIFETIME
        assert self.tokens.save(
            record, Tokens(access, refresh), issued=NOW, expires=until, next_due=until - 300, models=models, alone=alone
        )

    def use(self) -> None:
        """Requests that run, that have failed, and that wait."""
        running = self.leases.acquire(Wish(("kimi",), "kimi", only="active"))
        assert running.account.name == "active"
        failed = self.leases.acquire(Wish(("kimi",), "kimi", only="resting"))
        overloaded = Rest("Overloaded", "too many requests", first=60, most=600, organisation="0123abcd")
        self.leases.release(failed, rest=overloaded)
        refused = self.leases.acquire(Wish(("kimi",), "kimi-k3", only="limited"))
        self.leases.release(refused, rest=Rest("ModelRefused", "not in its plan", 3600, 3600, model="kimi-k3"))
        self.leases.reject(self.leases.acquire(Wish(("kimi",), "kimi", only="rejected")))
        record = self.members.get("spending")
        assert record is not None
        lock = Lock(self.store, "spending", "refresher-1", 15)
        self.store.redis.set(self.store.key("lock", "spending"), lock.owner, px=15_000)  # as every release keeps it
        Interventions(self.store).hurry("spending")
        due = self.members.get("spending")
        assert due is not None
        assert lock.spend(due)
        self.tokens.postpone(due, NOW + 15, 1, unanswered=True, reason="no answer came in time")
        lock.free()
        self.leases.acquire(Wish(("kimi-classic",), "kimi-k1.5", only="classic"))
        try:
            self.leases.acquire(Wish(("kimi-classic",), "kimi-k1.5"), ticket="gateway-1.1", patience=15)
        except PoolError:
            return
        raise AssertionError("it waits")

    def chats(self) -> None:
        """What stands at Kimi, and can be gone on with."""
        kept = StandingChat("chat-kept", "active")
        Chats(self.store).note({StandingChat("chat-left", "active"): 60.0, kept: 3600.0})
        place = Conversation(kept, "message-1")
        Conversations(self.store).keep(Bookmark("conversation-1", place, 1800, 3600))
        Uploads(self.store, 86_400).keep("active", "upload-1", UPLOAD)

    def clients(self) -> None:
        """Keys of clients, and what they have taken."""
        clients, limiter = Clients(self.store), Limiter(self.store)
        limits = ClientLimits(requests_per_minute=10, tokens_per_day=1000, concurrent=2, models=("kimi*",))
        created = clients.create("limited-client", limits)
        self.client_key = created.key
        limiter.enter(created.client, "gateway-1.a")
        limiter.enter(created.client, "gateway-1.b")
        limiter.leave(created.client.id, "gateway-1.a", 300)
        clients.create("free-client")
        clients.revoke(clients.create("revoked-client").client.id)
        counts = Counts(lambda: NOW)
        counts.asked("active", failed=False, usage=Usage(30, 12))
        counts.asked("resting", failed=True)
        counts.answered(created.client.id, failed=False, usage=Usage(30, 12), first_event=0.4, total=2.5)
        Courier(self.store, counts).deliver()

    def what_operators_see(self) -> None:
        """And what they have done."""
        book = AlertBook(self.store)
        book.hold("refresher-1", 15)
        dead = Entry(rule=Rule.DEAD, subject="dead", since=NOW, told={"hook": Told(NOW, over=False)})
        shown = Active(rule=Rule.DEAD, subjects=("dead",), count=1, since=NOW, figure=0, limit=0)
        book.write("refresher-1", [dead], [], [shown])
        drift = Drift(clock=lambda: NOW)
        drift.note(Kind.KIMI, "event", "newThing", {"newThing": {"a": 1}})
        DriftBook(self.store).keep(drift)
        Audit(self.store).note("admin page", "pause", "paused", "holidays", "192.0.2.9")
        Audit(self.store).note("command line", "refresh", "active")
        Sessions(self.store).open("session-token", "proof")
        Attempts(self.store, CLIENTS).attempt(["192.0.2.7"], counts=True)
        Attempts(self.store, OPERATORS).attempt(["192.0.2.8"], counts=True)
        Heartbeats(self.store).beat("host-1")
        Sealers(self.store, "refresher host-1").beat()
        Sealers(self.store, "gateway host-2").beat()


def value_of(client: Any, key: str) -> Any:
    """What a key holds, as JSON can have it, in an order that does not depend on Redis."""
    match client.type(key):
        case "string":
            return client.get(key)
        case "hash":
            return dict(sorted(client.hgetall(key).items()))
        case "list":
            return client.lrange(key, 0, -1)
        case "set":
            return sorted(client.smembers(key))
        case "zset":
            return [[member, score] for member, score in client.zrange(key, 0, -1, withscores=True)]
        case "stream":
            return [[entry, fields] for entry, fields in client.xrange(key)]
    raise AssertionError(f"{key} is of a type that is not known here")


def dumped(client: Any) -> dict[str, dict[str, Any]]:
    """Every key behind the prefix, with type and value, and the milliseconds after which it expires, if it does."""
    found = {}
    for key in sorted(client.scan_iter(f"{PREFIX}*")):
        entry = {"type": client.type(key), "value": value_of(client, key)}
        if (left := client.pttl(key)) >= 0:
            entry["pttl"] = left
        found[key.removeprefix(PREFIX)] = entry
    return found


def printed(facts: Mapping[str, object], keys: Mapping[str, object]) -> str:
    """A line for each, so that changes can be read."""

    def lines(of: Mapping[str, object]) -> str:
        return ",\n".join(f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in of.items())

    return f'{{\n{lines(facts)},\n"keys": {{\n{lines(keys)}\n}}\n}}\n'


def main(url: str, sealing_key: str = "") -> None:
    with redis.Redis.from_url(url, decode_responses=True) as client, connect(url) as ours:
        assert not client.dbsize(), "it has to be empty"
        vault = Vault([sealing_key] if sealing_key else [])
        writing = Writing(Store(ours, vault=vault, clock=lambda: NOW))
        writing.all()
        facts = {"release": VERSION, "sealing_key": sealing_key, "client_key": writing.client_key}
        sys.stdout.write(printed(facts, dumped(client)))


if __name__ == "__main__":
    main(*sys.argv[1:])
