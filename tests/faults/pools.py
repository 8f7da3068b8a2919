"""Accounts whose refreshers are the test's: Valkey, simulator and refreshers, without a gateway."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import redis

from devtools.waiting import until
from kimi.pool.store import PREFIX
from tests.system.stack import Process, Stack


class Pool:
    """Accounts with single-use refresh tokens, named `a-1` and so on."""

    def __init__(self, stack: Stack, size: int) -> None:
        self.stack = stack
        self.size = size
        self.log = stack.directory / "refreshers.log"

    def another(self) -> Process:
        """One more refresher, which runs; what all of them say goes to one file."""
        refresher = self.stack.another_refresher("refreshers")
        refresher.start()
        return refresher

    def in_service(self) -> bool:
        """Whether every account holds a token that is good still, with Kimi's newest refresh token behind it."""
        return self.fresh() == self.size

    def fresh(self) -> int:
        """How many do."""
        stored, now = self.stored(), 1000 * time.time()
        accounts = self.stack.simulator.control("GET", "accounts")
        known = [(stored[account["name"]], account["refresh_token"]) for account in accounts]
        return sum(values["refresh"] == newest and float(values["expires"]) > now for values, newest in known)

    def wait(self, what: Callable[[], bool] | None = None, *, seconds: float = 60.0, why: str = "") -> None:
        """Returns when `what` is so, or when every account is in service."""
        until(what or self.in_service, seconds=seconds, what=why or "every account is in service")

    def wait_for_new_tokens(self, why: str = "every account has been exchanged anew") -> None:
        """Returns when each account is active and was exchanged since now, which only its newest token makes possible.

        Not all tokens need be good at one moment, which on a busy machine those that hardly live may never be.
        """
        before = {name: int(values["version"]) for name, values in self.stored().items()}

        def renewed() -> bool:
            now = self.stored()
            return all(now[name]["state"] == "active" and int(now[name]["version"]) > before[name] for name in before)

        self.wait(renewed, why=why)

    def stored(self) -> dict[str, dict[str, str]]:
        """What Redis holds of each account."""
        with redis.Redis.from_url(self.stack.valkey.url, decode_responses=True) as client:
            names = sorted(client.smembers(f"{PREFIX}accounts"))
            pipe = client.pipeline()
            for name in names:
                pipe.hgetall(f"{PREFIX}account:{name}")
            return dict(zip(names, pipe.execute(), strict=True))

    def exchanging(self) -> int:
        """How many accounts somebody refreshes now."""
        with redis.Redis.from_url(self.stack.valkey.url) as client:
            return sum(1 for _ in client.scan_iter(f"{PREFIX}lock:*", count=1000))

    def counted(self, figure: str) -> Counter[str]:
        """A figure of the simulator's, by account."""
        accounts = self.stack.simulator.state()["accounts"]
        return Counter({name: account[figure] for name, account in accounts.items()})

    def total(self, figure: str) -> int:
        return self.stack.simulator.total(figure)

    def replace_tokens(self, fresh: Mapping[str, str]) -> None:
        """The operator writes new refresh tokens into the accounts file; those of other accounts stay."""
        text = self.stack.accounts_file.read_text("utf-8")
        for name, token in fresh.items():
            text = re.sub(rf"(name: {name}\n +kind: kimi\n +refresh_token: )\S+", rf"\g<1>{token}", text)
        self.stack.accounts_file.write_text(text, "utf-8")

    def newest(self, name: str) -> str:
        """The refresh token that Kimi takes now."""
        return str(self.stack.simulator.control("GET", f"accounts/{name}")["refresh_token"])

    def said(self, level: str) -> list[dict[str, str]]:
        """What the refreshers have said at that level."""
        lines = self.log.read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines if f'"level":"{level}"' in line]


@contextmanager
def starting(directory: Path, size: int, *, refreshers: int, **settings: float) -> Iterator[tuple[Pool, list[Process]]]:
    """A pool whose accounts have been in service, and its refreshers; `settings` are the simulator's."""
    stack = Stack(directory, env={"REFRESHER_EXCHANGES_PER_SECOND": "100"})
    stack.gateways.clear()
    stack.refreshers.clear()
    stack.valkey.start()
    stack.simulator.start()
    try:
        stack.simulator.settings(**settings)
        stack.simulator.mint("kimi", name="a", count=size)
        stack.accounts_file.write_text(stack.simulator.accounts(), "utf-8")
        pool = Pool(stack, size)
        stack.refreshers += [pool.another() for _ in range(refreshers)]
        until(lambda: len(pool.stored()) == size, what="the accounts are taken")
        pool.wait(lambda: all(values["access"] for values in pool.stored().values()), why="all had tokens")
        yield pool, stack.refreshers
    finally:
        stack.stop()
