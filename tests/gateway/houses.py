"""Everything behind a completion: a real pool on a real Valkey, over a scripted upstream."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network

from gateway.attempt import AttemptCollaborators
from gateway.breaker import Breaker
from gateway.cleanup import ChatRemover, Records
from gateway.completion import Collaborators, Completion, Completions
from gateway.conversations import Conversations, Fate
from gateway.deadlines import Deadlines
from gateway.files import Fetcher, Files, Memory
from gateway.ledger import Ledger
from gateway.reactions import Reactions
from gateway.strays import Strays
from gateway.tools.toolbox import Toolbox
from gateway.turn import Turn
from gateway.waiting import WaitingRoom
from kimi.accounts import Kind
from kimi.chat import Chat, Message
from kimi.events import ChatOpened, Event, Finish, Text, Thinking
from kimi.files.fetching import Fetcher as ToDisk
from kimi.files.web import Web
from kimi.models import select
from kimi.pool import Bookmark, Chats, Lease, Leases, Released, Rest
from kimi.pool.conversations import Conversations as Kept
from kimi.pool.uploads import Uploads
from kimi.upstreams import Upstream
from tests.gateway.fakes import Clock as Ticks
from tests.gateway.scripted import ALIVE, ScriptedUpstream, Step
from tests.kimi.pool.pools import Pool

HELLO: tuple[Step, ...] = (ChatOpened("c1"), ALIVE, Thinking("hm"), Text("Hel"), Text("lo"), Finish("stop"))
CHAT = Chat(model="kimi", messages=(Message("user", "hi"),))
ALONE = Turn()


@dataclass
class Keepless:
    """Takes accounts back and keeps no conversations, as a worker's memory does while Redis is away."""

    leases: Leases

    def release(
        self, lease: Lease, *, rest: Rest | None = None, served: bool = False, keep: Bookmark | None = None
    ) -> Released:
        return self.leases.release(lease, rest=rest, served=served)

    def reject(self, lease: Lease) -> bool:
        return self.leases.reject(lease)

    def prove(self, lease: Lease) -> None:
        self.leases.prove(lease)


@dataclass
class House:
    """Everything behind a completion."""

    pool: Pool
    upstream: ScriptedUpstream = field(default_factory=ScriptedUpstream)
    upstreams: Mapping[Kind, Upstream] = field(default_factory=dict)  # real ones, in place of the scripted one
    limits: Deadlines = field(default_factory=Deadlines)
    fetcher: Fetcher = field(default_factory=lambda: ToDisk(Web([ip_network("127.0.0.0/8")])))
    uploads: Memory | None = None
    queue_seconds: float = 0.0
    conversation_seconds: float = 1800.0
    first_turn: float = 3.0
    deletes: bool = True
    records: Records | None = None
    keeps: bool = True  # conversations, with the account that is given back
    fates: list[Fate] = field(default_factory=list)
    started: list[Completion] = field(default_factory=list)

    def __post_init__(self) -> None:
        upstreams = self.upstreams or dict.fromkeys(Kind, self.upstream)
        self.monotonic = Ticks(0.0)
        self.breaker = Breaker(self.monotonic)
        self.waiting = WaitingRoom(self.pool.leases, self.queue_seconds, "w", self.breaker)
        self.ledger = Ledger(Chats(self.pool.store))
        self.remover = ChatRemover(
            upstreams,
            self.pool.members,
            self.ledger,
            self.records or Kept(self.pool.store),
            enabled=self.deletes,
            pauses=(0.0, 0.0, 0.0),
        )
        self.conversations = Conversations(
            self.remover, seconds=self.conversation_seconds, first_turn=self.first_turn, count=self.fates.append
        )
        desk = self.pool.leases if self.keeps else Keepless(self.pool.leases)
        self.reactions = Reactions(desk, self.pool.members, upstreams, random.Random(1))
        self.toolbox = Toolbox(b"secret", random.Random(7))
        self.files = Files(self.fetcher, self.uploads or Uploads(self.pool.store, 60))
        self.completions = Completions(
            Collaborators(
                self.waiting,
                self.conversations,
                self.files,
                AttemptCollaborators(
                    upstreams,
                    self.reactions,
                    self.remover,
                    self.breaker,
                    Strays(),
                    self.limits,
                    self.toolbox,
                    self.monotonic,
                ),
                self.monotonic,
            )
        )

    def start(self, model: str = "kimi", chat: Chat = CHAT, turn: Turn = ALONE) -> Completion:
        completion = self.completions.start(select(model, self.pool.members.summary().routes), chat, turn)
        self.started.append(completion)
        return completion

    def ask(self, model: str = "kimi") -> list[Event]:
        """The whole answer."""
        return read(self.start(model))

    def settle(self) -> None:
        """Waits until everything is given back, and checks that it is."""
        assert self.completions.join(5)
        assert self.reactions.join(5) and self.remover.join(5)
        assert self.upstream.running == 0
        assert all(record.in_flight == 0 for record in self.pool.members.all())
        assert self.pool.store.redis.zcard(self.pool.store.key("leases")) == 0


def read(completion: Completion) -> list[Event]:
    events: list[Event] = []
    while not events or not isinstance(events[-1], Finish):
        events += completion.next(5)
    return events


def texts(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


MakeHouse = Callable[..., House]
