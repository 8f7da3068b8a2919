"""A scripted pool for tests of the gateway: what it answers is written down beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from flask.testing import FlaskClient

from gateway.admin.desk import Desk
from gateway.app import Gateway, create_app
from gateway.auth import ClientKeys
from gateway.catalogue import Catalogue
from gateway.client_limits import OPEN, Gate
from gateway.drain import Drain
from gateway.metrics import Metrics
from gateway.services import Door, Services
from gateway.settings import BODIES, GatewaySettings
from gateway.shares import Shares
from gateway.turn import Turn
from kimi.accounts import Kind
from kimi.chat import Chat
from kimi.events import Event, Finish, Text
from kimi.models import Selection
from kimi.pool import Summary
from kimi.pool.counts import Counts

KEY = "test-key"
AUTHORIZED = {"Authorization": f"Bearer {KEY}"}
EVERYTHING = Summary(2, frozenset({"kimi", "kimi:*", "kimi-classic", "moonshot:kimi-k2.6", "moonshot:kimi-official"}))


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True, slots=True)
class Silence:
    """So many seconds in which nothing comes."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Fetching:
    """So many seconds in which files are fetched."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Leased:
    """From here on the completion has an account."""


@dataclass
class Client:
    """A peer that leaves when the test says so."""

    left: Callable[[], object] | None = None
    watched: int = 0

    def watch(self, left: Callable[[], object]) -> Callable[[], None]:
        self.left = left
        self.watched += 1
        return self.end

    def end(self) -> None:
        self.watched -= 1

    def leave(self) -> None:
        assert self.left is not None
        self.left()


Step = Event | list[Event] | Silence | Fetching | Leased | Exception
"""An event or several at once, a silence, or the error that ends it."""


@dataclass(slots=True)
class ScriptedCompletion:
    """Plays one script. Time passes on `clock` only."""

    script: list[Step]
    clock: Clock
    account: str | None = "alice"
    kind: Kind | None = Kind.KIMI
    attempts: int = 1
    queue_seconds: float = 0.5
    failovers: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    closed: int = 0
    asked: list[float] = field(default_factory=list)

    @property
    def is_fetching(self) -> bool:
        return bool(self.script) and isinstance(self.script[0], Fetching)

    def next(self, timeout: float) -> list[Event]:
        self.asked.append(timeout)
        step = self.script.pop(0)
        match step:
            case Silence(seconds) | Fetching(seconds):
                self.clock.advance(min(seconds, timeout))
                if seconds > timeout:
                    self.script.insert(0, type(step)(seconds - timeout))
                return []
            case Leased():
                self.account = "alice"
                return []
            case Exception():
                raise step
            case list():
                return step
        return [step]

    def close(self) -> None:
        self.closed += 1


class ScriptedPool:
    """Answers each request with the next script; `summary` is what it knows of its accounts."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.scripts: list[list[Step]] = []
        self.started: list[tuple[Selection, Chat, ScriptedCompletion]] = []
        self.turns: list[Turn] = []
        self.known: Summary | Exception = EVERYTHING
        self.away = False
        self.live: set[str] = set()
        self.asked = 0

    def will(self, *script: Step) -> None:
        self.scripts.append(list(script))

    def start(self, selection: Selection, chat: Chat, turn: Turn) -> ScriptedCompletion:
        self.turns.append(turn)
        completion = ScriptedCompletion(self.scripts.pop(0), self.clock)
        self.started.append((selection, chat, completion))
        return completion

    def is_live(self, text: str) -> bool:
        return text in self.live

    def summary(self) -> Summary:
        self.asked += 1
        if isinstance(self.known, Exception):
            raise self.known
        return self.known

    @property
    def last(self) -> ScriptedCompletion:
        return self.started[-1][2]


class House:
    """A whole gateway over a scripted pool, and a client of it."""

    def __init__(
        self,
        door: Door | None = None,
        desk: Desk | None = None,
        *,
        gate: Gate = OPEN,
        bodies: Shares | None = None,
        **settings: object,
    ) -> None:
        self.clock = Clock()
        self.pool = ScriptedPool(self.clock)
        self.drain = Drain(30, self.clock)
        self.is_shut_out = False
        self.settings = GatewaySettings.model_validate({"gateway_api_keys": KEY, **settings})
        self.metrics = Metrics()
        self.counts = Counts()
        self.app: Gateway = create_app(
            self.settings,
            Services(
                completions=self.pool,
                catalogue=Catalogue(self.pool, monotonic=self.clock),
                keys=door or ClientKeys([KEY]),
                tokens=self.pool,
                metrics=self.metrics,
                drain=self.drain,
                settle=lambda _seconds: None,
                gate=gate,
                desk=desk,
                counts=self.counts,
                bodies=bodies or Shares(BODIES, "large bodies"),
                is_shut_out=lambda: self.is_shut_out,
                clock=lambda: 1_700_000_000.9,
                monotonic=self.clock,
                new_id=lambda: "abc123",
            ),
        )
        self.client: FlaskClient = self.app.test_client()


def answer(*texts: str) -> Sequence[Step]:
    """The script of an ordinary answer."""
    return [*(Text(text) for text in texts), Finish("stop")]
