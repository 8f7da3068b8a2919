"""All that the simulator knows: accounts, faults, settings, and what it remembers of requests."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any

from simulator import tokens
from simulator.accounts import MODELS, Account, made_up_device
from simulator.chats import Chat
from simulator.faults import FaultBook
from simulator.files import File
from simulator.kinds import Kind
from simulator.links import Link
from simulator.reading import Reading
from simulator.reasons import Refusal
from simulator.settings import Settings
from simulator.streams import Stream

_STATES = ("ok", "banned", "abnormal")


class World:
    """The state of one simulator. `clock` gives Unix seconds."""

    def __init__(
        self,
        settings: Settings | None = None,
        demo: Mapping[Kind, int] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.first_settings = settings or Settings()
        self.demo = dict(demo or {})
        self.clock = clock
        self.reset()

    def reset(self) -> None:
        """Back to how it was at the start: settings, demo accounts, no faults, no memory."""
        self.settings = self.first_settings
        self.rng = Random(self.settings.seed)
        self.faults = FaultBook()
        self.accounts: dict[str, Account] = {}
        self.exchanging: Counter[str] = Counter()  # jti of refresh tokens whose exchange is running
        self.strangers: Counter[str] = Counter()  # calls by endpoint that no account could be found for
        self.open_streams = 0
        self.peak_streams = 0  # of all accounts together
        self._by_sub: dict[str, Account] = {}
        self._by_key: dict[str, Account] = {}
        for kind, count in self.demo.items():
            for number in range(1, count + 1):
                self.mint(kind=kind, name=f"{demo_prefix(kind)}-{number}")

    def change(self, changes: Mapping[str, Any]) -> None:
        """Change settings. A new seed throws the dice anew. Raises ValueError that names the bad one."""
        self.settings = self.settings.changed(changes)
        if "seed" in changes:
            self.rng = Random(self.settings.seed)

    def mint(
        self,
        *,
        kind: Kind,
        name: str | None = None,
        device_id: bool = True,
        models: Iterable[str] = MODELS,
        org: str | None = None,
        **more: Any,
    ) -> Account:
        """A new account. Raises ValueError when the name is taken or something is unknown."""
        name = name or f"{kind.value}-{len(self.accounts) + 1}"
        if name in self.accounts:
            raise ValueError(f"there is an account {name!r} already")
        account = Account(name=name, kind=kind, models=list(models), org=org or f"org-{name}")
        account.device_id = made_up_device(name) if device_id and kind is not Kind.MOONSHOT else None
        self.alter(account, more)
        first = tokens.read(tokens.first_refresh(account.holder)) or {}
        account.live_refresh[str(first["jti"])] = None
        self.accounts[name] = account
        self._by_sub[account.sub] = account
        self._by_key[account.api_key] = account
        return account

    @staticmethod
    def alter(account: Account, changes: Mapping[str, Any]) -> None:
        """Change what the outside may change of an account. Raises ValueError."""
        known: dict[str, type | tuple[type, ...]] = {
            "region": str,
            "org": str,
            "plan": str,
            "state": str,
            "balance": (int, float),
            "used": (int, float),
            "resets_in": (int, float),
            "classic_exchange": bool,
            "research": int,
            "models": list,
            "scenarios": list,
        }
        for name, value in changes.items():
            if name not in known or not isinstance(value, known[name]):
                raise ValueError(f"an account has no {name} = {value!r}; it has: {', '.join(known)}")
            if name == "state" and value not in _STATES:
                raise ValueError(f"state is one of {', '.join(_STATES)}")
            setattr(account, name, value)

    def by_sub(self, sub: str) -> Account | None:
        """The account of a user id."""
        return self._by_sub.get(sub)

    def by_token(self, token: str) -> Account | None:
        """Whose token or key it is, good or not."""
        if token in self._by_key and self._by_key[token].kind is Kind.MOONSHOT:
            return self._by_key[token]
        claims = tokens.read(token) if token.startswith("eyJ") else None
        return self._by_sub.get(str(claims["sub"])) if claims else None

    def authenticate(self, token: str, kinds: Iterable[Kind]) -> Account:
        """The account that an access token or key lets in. Raises Refusal."""
        if not token:
            raise Refusal("empty_token")
        account = self.by_token(token)
        if account is None or account.kind not in kinds:
            raise Refusal("invalid_token")
        if account.kind is not Kind.MOONSHOT:
            self._check_access(account, token)
        if account.state == "banned" and account.kind is Kind.CLASSIC:
            raise Refusal("forbidden")  # 400 says so at the exchange only
        if account.state != "ok":
            raise Refusal(account.state)
        return account

    def _check_access(self, account: Account, token: str) -> None:
        claims = tokens.read(token) or {}
        if claims.get("typ") != "access":
            raise Refusal("invalid_token")
        if claims["exp"] <= self.clock():
            account.counts.expired_access += 1
            raise Refusal("invalid_token")
        fresh = account.access in (None, claims["jti"])
        if not fresh and self.settings.old_access_dies:
            account.counts.stale_access += 1
            raise Refusal("invalid_token")

    def chat(self, account: Account, chat_id: str) -> Chat:
        """A chat of the account. Raises Refusal when there is none of that id."""
        chat = account.chats.get(chat_id)
        if chat is None:
            raise Refusal("not_found")
        return chat

    def delete_chat(self, account: Account, chat_id: str) -> None:
        """Delete a chat. Raises Refusal when there is none of that id."""
        self.chat(account, chat_id)
        del account.chats[chat_id]
        account.counts.chats_deleted += 1

    @staticmethod
    def file(account: Account, file_id: str) -> File:
        """A file of the account. Raises Refusal when there is none of that id."""
        file = account.files.get(file_id)
        if file is None:
            raise Refusal("invalid", "unknown file")
        return file

    @staticmethod
    def check_length(reading: Reading, limit: int) -> None:
        """Raises Refusal when a chat, with all that was said in it, has more than `limit` characters."""
        if sum(map(len, (reading.prompt, reading.system, *reading.history))) > limit:
            raise Refusal("too_long")

    @staticmethod
    def stamp(seconds: float) -> str:
        """Unix seconds as the web dialects write times."""
        return datetime.fromtimestamp(seconds, UTC).isoformat()

    def open_stream(self, account: Account, link: Link, note: dict[str, Any]) -> Stream:
        """Take one of the account's streams; `note`, what is remembered of it, gets its end. Raises Refusal when all
        are taken.
        """
        web = account.kind is not Kind.MOONSHOT
        limit = self.settings.web_streams if web else self.settings.moonshot_streams
        sharing = [account] if web else [other for other in self.accounts.values() if other.org == account.org]
        running = [stream for other in sharing for stream in list(other.open)]
        if len(running) >= limit and not self._hung_up(running):
            account.counts.refused_busy += 1
            raise Refusal("busy")

        def close(stream: Stream, outcome: str) -> None:
            note["ended"] = self.clock()
            self._closed(account, stream, outcome)

        stream = Stream(link, close)
        account.open.append(stream)
        account.counts.streams += 1
        account.counts.peak_streams = max(account.counts.peak_streams, len(account.open))
        self.open_streams += 1
        self.peak_streams = max(self.peak_streams, self.open_streams)
        return stream

    def _hung_up(self, running: Iterable[Stream]) -> bool:
        """Whether a running stream's client has left unnoticed; such a stream is closed."""
        gone = [stream for stream in running if stream.link.gone]
        for stream in gone:
            stream.close("closed_by_peer")
        return bool(gone) and not self.settings.linger_seconds

    def _closed(self, account: Account, stream: Stream, outcome: str) -> None:
        if self.accounts.get(account.name) is account:  # else it is from before a reset
            self.open_streams -= 1
        counts = account.counts
        setattr(counts, outcome, getattr(counts, outcome) + 1)
        if outcome == "closed_by_peer" and self.settings.linger_seconds:
            stream.link.later(self.settings.linger_seconds, lambda: self._forget(account, stream))
        else:
            self._forget(account, stream)

    def cancel(self, account: Account) -> None:
        """Stop the account's running answers. One whose client hung up lingers no longer."""
        for stream in list(account.open):
            stream.cancelled = True
            if stream.closed:
                self._forget(account, stream)

    @staticmethod
    def _forget(account: Account, stream: Stream) -> None:
        if stream in account.open:
            account.open.remove(stream)


def demo_prefix(kind: Kind) -> str:
    """How demo accounts of a kind are called, before their number."""
    return {Kind.KIMI: "demo", Kind.CLASSIC: "demo-classic", Kind.MOONSHOT: "demo-moonshot"}[kind]
