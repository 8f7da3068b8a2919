"""Gateways by the pair, with a balancer in front, and accounts as the test wants them."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from devtools.waiting import until
from kimi.accounts import Account, ConfiguredAccount, Kind
from kimi.pool import Members, Store, connect
from kimi.pool.store import PREFIX
from tests.faults.proxy import Proxy
from tests.system import leaks
from tests.system.stack import KEY, Stack
from tests.valkey import Valkey

MODELS = {Kind.KIMI: "kimi-k2.5", Kind.CLASSIC: "kimi-k1.5", Kind.MOONSHOT: "kimi-k2.7-code"}
"""A model that accounts of one kind only can serve."""


@dataclass(frozen=True, slots=True)
class House:
    """Two gateways of two workers each, and the balancer that their clients see."""

    stack: Stack
    balancer: Proxy
    redis: redis.Redis

    @property
    def url(self) -> str:
        return f"http://{self.balancer.address}"

    def waiting(self) -> int:
        """How many requests stand in the queue."""
        return sum(self.redis.zcard(key) for key in self.redis.scan_iter(f"{PREFIX}route:*:queue", count=1000))

    def leases(self) -> int:
        return int(self.redis.zcard(f"{PREFIX}leases"))

    def noted_chats(self) -> int:
        """How many chats the gateways have told Redis of."""
        return int(self.redis.zcard(f"{PREFIX}chats"))

    def account(self, name: str) -> dict[str, str]:
        """What Redis holds of an account."""
        values: Any = self.redis.hgetall(f"{PREFIX}account:{name}")
        return dict(values)

    def retire(self, name: str, model: str) -> None:
        """Let an official key be refused: it serves no more, but its models stay known."""
        self.stack.simulator.fault("error", reason="incorrect_key", where="http", match={"account": name})
        assert self.stack.chat(model=model).status_code == 503
        assert self.account(name)["state"] == "dead"

    @contextmanager
    def accounts(self, kind: Kind, names: list[str], **options: Any) -> Iterator[list[str]]:
        """Accounts of the test's own, in service while the block runs; `options` are fields of `Account`."""
        simulator = self.stack.simulator
        minted = [simulator.mint(kind.value, name=name)[0] for name in names]
        configured = [
            ConfiguredAccount(
                Account(name=account["name"], kind=kind, **options),
                account.get("refresh_token") or account["api_key"],
            )
            for account in minted
        ]
        with connect(self.stack.valkey.url) as client:
            members = Members(Store(client))
            members.sync(configured, origin=f"test-{names[0]}")
            try:
                until(lambda: all(self.account(name)["access"] for name in names), what="the accounts have tokens")
                yield names
                simulator.forget_faults()
                leaks.wait_for_rest(self.stack)  # as long as there are accounts to delete chats with
            finally:
                members.sync([], origin=f"test-{names[0]}")


@contextmanager
def house(
    directory: Path,
    *,
    env: Mapping[str, str] | None = None,
    gateways: int = 2,
    workers: int = 2,
    refreshers: int = 1,
    redis_proxy: Proxy | None = None,
    servers: Valkey | None = None,
    simulator_options: Sequence[str] = (),
    **accounts: int,
) -> Iterator[House]:
    """A house with so many accounts of each kind, in service. Its gateways reach Redis by `redis_proxy`.

    `servers` stand where one Valkey would.
    """
    stack = Stack(
        directory, workers=workers, servers=servers, env=dict(env or {}), simulator_options=list(simulator_options)
    )
    stack.gateways += [stack.another_gateway(f"gateway-{number}") for number in range(2, gateways + 1)]
    stack.refreshers += [stack.another_refresher(f"refresher-{number}") for number in range(2, refreshers + 1)]
    if redis_proxy is not None:
        redis_proxy.targets.append(("127.0.0.1", stack.valkey.port))
        for gateway in stack.gateways:
            gateway.env["REDIS_URL"] = f"redis://{redis_proxy.address}/0"
    with Proxy([("127.0.0.1", gateway.port) for gateway in stack.gateways]) as balancer:
        try:
            stack.start(**accounts)
            with connect(stack.valkey.url) as client:
                client.ping()  # connects
                yield House(stack, balancer, client)
        finally:
            stack.stop()


def request_bytes(content: str, *, model: str = "kimi", stream: bool = False) -> bytes:
    """A whole HTTP request, for clients that need no more than a socket."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": content}], "stream": stream}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def ask(port: int, content: str, *, model: str = "kimi", stream: bool = False) -> socket.socket:
    """A client that has sent its request, and reads when the test does."""
    client = socket.create_connection(("127.0.0.1", port), timeout=60)
    client.sendall(request_bytes(content, model=model, stream=stream))
    return client


def read(client: socket.socket) -> tuple[int, str]:
    """Status and body of an answer, read to its end."""
    with client:
        data = b""
        while more := client.recv(65536):
            data += more
    head, _, body = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), body.decode("utf-8", errors="replace")


def with_limit(text: str, **fields: int) -> str:
    """An accounts file whose accounts have these fields as well."""
    lines = "".join(f"\n    {name}: {value}" for name, value in fields.items())
    return re.sub(r"(\n +kind: .*)", rf"\1{lines}", text)
