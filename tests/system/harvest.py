"""All that may be read of a stack: what its processes say, show, keep and are called with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import redis
import requests

from tests.children import pids_of_children
from tests.dumps import dump
from tests.gateway.admin.sse import following
from tests.system.sown import Sown
from tests.system.stack import Process

PAGES: Final = ("/metrics", "/healthz", "/readyz")
LOOKS: Final = (
    "/accounts",
    "/accounts/one?name=kimi-0",
    "/accounts/one?name=proxied",
    "/keys",
    "/overview",
    "/figures",
    "/audit?limit=1000",
    "/alerts",
    "/models",
)


def pages(home: Sown) -> dict[str, str]:
    """What gateway and refresher show to those who ask for it."""
    port = home.stack.refresher.env["REFRESHER_METRICS_PORT"]
    urls = [f"{home.stack.url}{page}" for page in PAGES]
    urls += [f"http://127.0.0.1:{port}/{page}" for page in ("metrics", "healthz")]
    found = {url: requests.get(url, timeout=10) for url in urls}
    found |= {f"GET /admin/api{look}": home.admin("GET", look) for look in LOOKS}
    bad = [where for where, reply in found.items() if not reply.ok]
    assert not bad, bad
    return {**{where: told(reply) for where, reply in found.items()}, "GET /admin/api/events": _live(home)}


def _live(home: Sown) -> str:
    """What the page is told as soon as it looks: how all of it is, and every account."""
    headers = {"Authorization": f"Bearer {home.keys.admin}"}
    with requests.get(f"{home.stack.url}/admin/api/events", headers=headers, stream=True, timeout=10) as reply:
        told = following(reply.iter_lines(chunk_size=None))
        return str([next(told), next(each for each in told if each.name == "accounts" and each.data["accounts"])])


def told(reply: requests.Response) -> str:
    """All of an answer."""
    return f"{reply.headers}\n{reply.text}"


def processes(home: Sown) -> dict[str, str]:
    """What the processes of the product have said so far, and the command lines of all."""
    ours: list[Process] = [*home.stack.gateways, *home.stack.refreshers]
    pids = [pid for process in ours for pid in _descendants(process.pid)]
    lines = {f"process {pid}": Path(f"/proc/{pid}/cmdline").read_bytes().decode() for pid in pids}
    assert any("gunicorn" in line for line in lines.values()) and any("refresher" in line for line in lines.values())
    return {**{process.name: process.said for process in ours}, **lines}


def _descendants(pid: int) -> Iterator[int]:
    yield pid
    for child in pids_of_children(pid):
        yield from _descendants(child)


def kept(home: Sown) -> dict[str, str]:
    """Everything that Redis holds: every key, the commands that it was given, and what it has on its disk."""
    with redis.Redis.from_url(home.stack.valkey.url, decode_responses=True, encoding_errors="replace") as client:
        found = {f"Redis {key}": "\n".join((key, *words)) for key, words in dump(client).items()}
        found["CLIENT LIST"] = str(client.client_list())
        found["SLOWLOG"] = "\n".join(str(each["command"]) for each in client.slowlog_get(100_000))
        assert "EVALSHA" in found["SLOWLOG"]
        found["INFO"] = str(client.info("everything"))
        client.save()
    files = [path for path in home.stack.valkey.directory.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".rdb", ".aof"}
    return {**found, **{path.name: path.read_bytes().decode("latin-1") for path in files}}


def everything(home: Sown) -> Mapping[str, str]:
    """All of it."""
    return {**pages(home), **processes(home), **kept(home)}
