"""What is tried with a real account, one step after the other."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from devtools.live_token import Credential
from kimi.accounts import Kind
from kimi.chat import Chat, Feature, Message, Place, Upload
from kimi.events import Answering, ChatOpened, Event, Sources, Text, Thinking
from kimi.exchange import Exchange
from kimi.files import Blob
from kimi.http import Endpoints, Http
from kimi.upstreams import KeepsChats, TakesFiles
from kimi.upstreams.connect_models import ConnectModels
from kimi.upstreams.line import Line
from kimi.upstreams.moonshot import Moonshot
from kimi.upstreams.registry import build

_WORD: Final = "heron"
_NUMBER: Final = "4711"


class Skipped(Exception):
    """The step does not exist for this account; the text says why."""


class Failed(Exception):
    """What came is no error, but not what the step is for; the text says what is missing."""


@dataclass
class Live:
    """One account while it is tried."""

    credential: Credential
    endpoints: Endpoints
    http: Http
    token: str = field(default="", repr=False)
    model: str = "kimi"
    opened: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.line = Line(self.http, self.endpoints)
        self.account = self.credential.account
        self.upstream = build(self.line)[self.account.kind]

    def ask(
        self, question: str, *features: Feature, behind: Place | None = None, files: Sequence[Upload] = ()
    ) -> list[Event]:
        """The whole answer. Raises `KimiError`."""
        chat = Chat(
            model=self.model,
            messages=(Message("user", question),),
            features=frozenset(features),
            behind=behind,
            files=tuple(files),
        )
        events: list[Event] = []
        for batch in self.upstream.stream(chat, self.account, self.token):
            events += batch or ()
            self.opened += [event.chat_id for event in batch or () if isinstance(event, ChatOpened)]
        return events


def exchange(live: Live) -> str:
    """Refresh token in, token pair out; what came is kept before it is used."""
    if live.account.kind is Kind.MOONSHOT:
        live.token = live.credential.secret
        raise Skipped("an API key is not exchanged")
    pair = Exchange(live.http, live.endpoints, live.line.drift).refresh(live.account, live.credential.secret)
    live.credential.keep(pair.refresh)
    live.token = pair.access
    return f"the new refresh token is kept in {live.credential.file}, and used from now on while yours is unchanged"


def models(live: Live) -> str:
    """The models that the account may choose from."""
    if live.account.kind is Kind.CLASSIC:
        raise Skipped("this dialect has no list")
    if live.account.kind is Kind.KIMI:
        return ", ".join(ConnectModels(live.line).list_models(live.account, live.token))
    listed = Moonshot(live.line).list_models(live.account, live.token)
    live.model = next((name for name in listed if name.startswith("kimi-k")), listed[0])
    return ", ".join(listed)


def chat(live: Live) -> str:
    """A question and its answer."""
    return _shown(live.ask("Answer with the one word: moon"))


def stream(live: Live) -> str:
    """An answer that comes piece by piece."""
    pieces = [event for event in live.ask("Count from 1 to 40.") if isinstance(event, Text)]
    if len(pieces) < 2:
        raise Failed("the answer came in one piece")
    return f"{len(pieces)} pieces"


def thinking(live: Live) -> str:
    """An answer with the thoughts before it."""
    events = live.ask("Which is larger, 9.11 or 9.9? Think about it.", Feature.THINKING)
    thoughts = "".join(event.text for event in events if isinstance(event, Thinking))
    if not thoughts:
        raise Failed("no thoughts came with the answer")
    return f"{len(thoughts)} characters of thinking"


def search(live: Live) -> str:
    """An answer with pages that it draws on."""
    if live.account.kind is Kind.MOONSHOT:
        raise Skipped("the official platform has no search of its own")
    found = [source for event in live.ask("What is the news today?", Feature.SEARCH) for source in _sources(event)]
    if not found:
        raise Failed("no sources came with the answer")
    return f"{len(found)} sources"


def file(live: Live) -> str:
    """A file that is read."""
    if not isinstance(live.upstream, TakesFiles):
        raise Skipped("files of this kind of account come from the client")
    content = f"The secret word is {_WORD}.\n".encode()
    blob = Blob(
        name="note.txt",
        media="text/plain",
        size=len(content),
        digest=hashlib.sha256(content).hexdigest(),
        is_image=False,
        where="file",
        content=io.BytesIO(content),
    )
    upload = live.upstream.upload(blob, live.account, live.token, alive=lambda: None)
    return _with(_WORD, live.ask("What is the secret word in the file?", files=[upload]), "the file was not read")


def go_on(live: Live) -> str:
    """A second question in the same chat."""
    if not isinstance(live.upstream, KeepsChats):
        raise Skipped("the official platform keeps no chats")
    place = _end_of(live.ask(f"Remember the number {_NUMBER} and say: yes"))
    answer = live.ask("Which number was it?", behind=place)
    return _with(_NUMBER, answer, "the chat did not remember what was said in it")


def delete(live: Live) -> str:
    """All chats of the steps before."""
    if not isinstance(live.upstream, KeepsChats):
        raise Skipped("the official platform keeps no chats")
    for chat_id in dict.fromkeys(live.opened):
        live.upstream.delete_chat(chat_id, live.account, live.token)
    return f"{len(set(live.opened))} chats"


@dataclass(frozen=True, slots=True)
class Step:
    """One step, and what to do when it fails."""

    name: str
    run: Callable[[Live], str]
    advice: str


_REPORT: Final = "Kimi may have changed: see ./dev drift, record it with ./dev capture, and look for a newer release"
STEPS: Final = (
    Step("exchange", exchange, "log in again in a browser of its own and set KIMI_LIVE_REFRESH_TOKEN to the new token"),
    Step("models", models, _REPORT),
    Step("chat", chat, _REPORT),
    Step("stream", stream, _REPORT),
    Step("thinking", thinking, _REPORT),
    Step("search", search, _REPORT),
    Step("file", file, _REPORT),
    Step("continue", go_on, _REPORT),
    Step("delete", delete, "delete the chats by hand on Kimi's page; they begin as the questions of this suite do"),
)


def _end_of(events: Sequence[Event]) -> Place:
    chats = [event.chat_id for event in events if isinstance(event, ChatOpened)]
    answers = [event.segment_id for event in events if isinstance(event, Answering)]
    if not chats:
        raise Failed("the answer does not say in which chat it stands")
    return Place(chats[-1], answers[-1] if answers else "")


def _sources(event: Event) -> tuple[object, ...]:
    return event.found if isinstance(event, Sources) else ()


def _text(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


def _shown(events: Sequence[Event]) -> str:
    text = " ".join(_text(events).split())
    return f"{text[:40]}…" if len(text) > 40 else text


def _with(word: str, events: Sequence[Event], otherwise: str) -> str:
    if word not in _text(events).lower():
        raise Failed(f"{otherwise}: {_shown(events)}")
    return _shown(events)
