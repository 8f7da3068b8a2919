"""What goes wrong with a stack that is full of secrets; what is answered to it is yielded."""

from __future__ import annotations

import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from itertools import cycle
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import redis
import requests

from devtools.waiting import until
from kimi.alerts.webhook import HEADER
from kimi.pool.store import PREFIX
from tests.system.harvest import told
from tests.system.sown import Sown, proxied

MODELS: Final = {"kimi": "kimi-k2.6", "kimi-classic": "kimi-k1", "moonshot": "kimi-k2.7-code"}
"""A model of each kind of account."""
STATUSES: Final = (400, 401, 403, 429, 500)
OPEN: Final = ("/admin", "/docs", "/healthz", "/metrics", "/openapi.json", "/readyz")
"""Pages for which nobody needs a key."""
NAMES: Final = ("kimi-0", "kimi-1", "kimi_classic-0", "moonshot-0")


def upstreams_repeat(home: Sown) -> Iterator[str]:
    """Upstreams refuse questions and exchanges in words that repeat the credential, whatever the status."""
    for status in STATUSES:
        with _repeating(home, "chat", status):
            yield from (_error(home.ask(model=model)) for model in MODELS.values())
    with _repeating(home, "exchange", 500):
        yield told(home.admin("POST", "/accounts/refresh", names=NAMES))


@contextmanager
def _repeating(home: Sown, endpoint: str, status: int) -> Iterator[None]:
    """While the block runs every account is refused so; afterwards it is forgotten."""
    simulator = home.stack.simulator
    for account in simulator.control("GET", "accounts"):
        secrets = [account[name] for name in ("refresh_token", "access_token", "api_key") if account.get(name)]
        said = "; ".join(f"Authorization: Bearer {secret} is refused, {_pieces(secret)}" for secret in secrets)
        body = said if status == 403 else {"error": {"message": said, "type": "x"}, "error_type": "x", "message": said}
        if account["kind"] != "moonshot" or endpoint == "chat":
            match = {"account": account["name"], "endpoint": endpoint}
            simulator.fault("http", times=None, match=match, status=status, body=body)
    yield
    struck = {fault["match"]["account"] for fault in simulator.control("GET", "faults") if fault["struck"]}
    assert len(struck) > 1, struck
    simulator.forget_faults()
    home.admin("POST", "/accounts/clear", names=NAMES)


def _pieces(secret: str) -> str:
    """It as it is, without its beginning, and as somebody may note it down who has to escape it."""
    return f"{secret}, {secret[len(secret) // 4 :]}, {b64encode(secret.encode()).decode()}, {quote(secret)}"


def _error(reply: requests.Response) -> str:
    assert not reply.ok, reply.text
    return told(reply)


def accounts_die(home: Sown) -> Iterator[str]:
    """A token is refused before its time, a login ends, and a proxy lets nobody through."""
    simulator = home.stack.simulator
    added = home.admin("POST", "/accounts", text=proxied(home))
    assert added.json()["added"] == 1, added.text
    yield told(added)
    simulator.fault("error", reason="invalid_token", where="http", match={"endpoint": "chat", "account": "kimi-0"})
    assert home.ask().ok
    simulator.control("POST", "accounts/kimi-1", {"revoke_refresh": True, "revoke_access": True})
    yield told(home.admin("POST", "/accounts/refresh", names=["kimi-1", "proxied"]))
    yield told(home.admin("POST", "/accounts/test", names=["kimi-1", "proxied"]))
    yield told(home.admin("POST", "/alerts/test"))
    until(lambda: any(" http://" in each.line for each in home.heard), what="the proxy is asked")
    passed = home.keys.seeds.found(str(home.heard))
    assert passed >= {"the password of a proxy, as base64", "the secret hook_path, as it is"}, passed
    assert any(HEADER in each.headers for each in home.heard), "the webhook is signed"


def clients_err(home: Sown) -> Iterator[str]:
    """Requests that are wrong in every way, at every endpoint, with and without keys."""
    paths: dict[str, dict[str, Any]] = requests.get(f"{home.stack.url}/openapi.json", timeout=10).json()["paths"]
    keys = home.keys
    wrong = cycle((f"{keys.client}x", f"x{keys.admin}", home.guest[:-1], f"{home.guest},{keys.client}"))
    for path, methods in paths.items():
        for method in methods:
            tried = (keys.client,) if path in OPEN else (keys.client, keys.admin, "", next(wrong))
            for key in tried:
                opens_much = path.startswith("/admin/api/") and key == keys.admin
                shows = method == "get" or path.endswith(("/export", "/session"))
                if path != "/admin/api/events" and not (opens_much and shows):  # what is right is looked at elsewhere
                    yield _sent(home, method, path.format(id="nobody"), key)
    for head in _broken_heads(home):
        yield _raw(home.stack.gateway.port, head)


def _sent(home: Sown, method: str, path: str, key: str) -> str:
    """What a question that breaks off is answered. It comes from elsewhere: who sends wrong keys is slowed down."""
    body = f'{{"model": "kimi", "messages": [{{"content": {home.keys.words["question"]}, {key}'.encode()
    headers = {"Authorization": f"Bearer {key}", "x-api-key": key, "Cookie": f"kimi_admin={key}"}
    port, elsewhere = home.stack.gateway.port, ("127.0.0.9", 0)
    with closing(HTTPConnection("127.0.0.1", port, timeout=30, source_address=elsewhere)) as connection:
        connection.request(method.upper(), path, body, headers)
        reply = connection.getresponse()
        return f"{reply.status} {reply.headers}\n{reply.read().decode()}"


def _broken_heads(home: Sown) -> list[bytes]:
    """Requests that are no HTTP."""
    key, word = home.keys.client, quote(home.keys.words["question"])
    heads = (
        f"POST /v1/chat/completions HTTP/1.1\r\nAuthorization Bearer {key}",
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuth orization: Bearer {key}",
        f"POST /v1/chat/completions HTTP/1.1 {key}\r\nHost: a",
        f"{key} /v1/chat/completions HTTP/1.1\r\nHost: a",
        f"GET /chat/kimi?message={word} HTTP/1.1\r\nHost: a {key}\r\nContent-Length: {key}",
        f"GET /{home.guest}?{home.guest} HTTP/1.1\r\nHost: a\r\nX-Api-Key: {key}\x00",
        f"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {key}",
        f"GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: ä\r\nCookie: {'x' * 70_000}{key}",
    )
    return [f"{head}\r\n\r\n".encode() for head in heads] + [heads[1][:-4].encode()]


def _raw(port: int, data: bytes) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        try:
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        except ConnectionResetError:
            return ""


def operators_err(home: Sown, folder: Path) -> Iterator[str]:
    """Accounts are added that are none, over the network and at the command line."""
    text = (
        f"{home.guest} {home.guest[:40]}\nsk-{home.keys.client}\nname: x\n  proxy: http://u:{quote(home.keys.proxy)}@\n"
    )
    yield told(home.admin("POST", "/accounts", text=text))
    yield told(home.admin("POST", "/accounts", text=f"- {{refresh_token: {home.guest}, proxy: '{home.keys.proxy}'}}"))
    yield told(home.admin("POST", "/accounts", text=f"accounts: [{{name: '{home.guest}', refresh_token: 7}}]"))
    file = folder / "given"
    file.write_text(text, "utf-8")
    yield home.command("accounts", "add", str(file))
    yield home.command("accounts", "import", str(file), KIMI_ACCOUNTS_FILE=str(folder / "written.yaml"))
    yield home.command("accounts", "add", home.guest)
    yield home.command("keys", "revoke", home.guest)


def something_is_spoilt(home: Sown) -> Iterator[str]:
    """What stands in Redis is not what a process expects, so that it meets an error of its own."""
    spoilt, alerts = f"{PREFIX}account:proxied", f"{PREFIX}alerts:active"
    with redis.Redis.from_url(home.stack.valkey.url) as client:
        spec: Any = client.hget(spoilt, "spec")
        client.hset(spoilt, "spec", "no JSON")
        garbled = home.admin("GET", "/accounts/one?name=proxied")
        assert garbled.json()["error"]["code"] == "store_garbled"
        client.hset(spoilt, "spec", spec)
        before: Any = client.get(alerts)
        client.set(alerts, "no JSON")
        mistaken = home.admin("GET", "/overview")
        assert mistaken.status_code == 500
        client.set(alerts, before or "[]")
    yield told(garbled)
    yield told(mistaken)


def redis_goes_away(home: Sown) -> Iterator[str]:
    """For a moment it is not there, and then it knows nobody's password."""
    home.stack.valkey.kill()
    assert home.ask().ok and home.ask(key=home.guest).ok, "it goes on from memory"
    yield _error(home.admin("GET", "/accounts"))
    yield _error(home.admin("POST", "/accounts", text=home.guest))
    home.stack.valkey.start()
    until(lambda: home.ask().ok, what="it serves again")
