"""The configurations of docs/guides/reverse-proxies.md, run by the real nginx and Caddy in front of a real gateway."""

from __future__ import annotations

import os
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPSConnection
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
import requests

from devtools import children
from devtools.waiting import until
from tests.kimi.certificates import certify
from tests.ports import free_port
from tests.programs import program
from tests.system.stack import KEY, ROOT, Stack

GUIDE: Final = ROOT / "docs" / "guides" / "reverse-proxies.md"
ADMIN_KEY: Final = "an-admin-key-of-these-tests"
OPERATORS: Final = "10.0.0.0/8"
HERE: Final = "127.0.0.0/8"
ADDRESSES: Final = (f"127.0.9.{number}" for number in count(1))
"""Of clients that nobody has heard of; all of them are this machine."""
CLOSED: Final = ("/admin", "/metrics", "/readyz")
SPELLINGS: Final = (
    "{}/", "{}//", "{}%2f", "{}%2F%2f", "/{}", "/%2f{}", "{}/.", "{}/%2e", "{}%00", "/x/..{}", "/v1{}", "{}/../healthz"
)  # fmt: skip
"""Of what is closed, as a client may write it."""
STALL: Final = 1.0  # seconds for which the upstream is silent in the middle of an answer


@dataclass(frozen=True)
class Proxy:
    """A running proxy: the real program, with the configuration of the guide."""

    url: str
    certificate: Path

    def ask(
        self, method: str, path: str, key: str = KEY, *, headers: Mapping[str, str] | None = None, **options: Any
    ) -> requests.Response:
        return self.at("", method, path, headers={"Authorization": f"Bearer {key}", **(headers or {})}, **options)

    def literally(self, path: str) -> int:
        """What a path is answered with that is sent as it is written."""
        trusting = ssl.create_default_context(cafile=str(self.certificate))
        return _status(HTTPSConnection(self.url.removeprefix("https://"), timeout=30, context=trusting), path)

    def at(self, address: str, method: str, path: str, **options: Any) -> requests.Response:
        """What somebody is answered who asks from `address`, one of this machine's."""
        with requests.Session() as session:
            session.mount("https://", From(address))
            return session.request(method, f"{self.url}{path}", verify=str(self.certificate), timeout=30, **options)


def _status(connection: HTTPConnection, path: str) -> int:
    with closing(connection):
        connection.request("GET", path)
        with connection.getresponse() as answer:
            return answer.status


class From(requests.adapters.HTTPAdapter):
    """Connects from an address; from any where it is empty."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, source_address=(self._address, 0) if self._address else None)


def block(language: str) -> str:
    """The configuration as the guide shows it."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    return str(found)


def nginx(folder: Path, gateway: int, port: int, networks: str, certificate: Path) -> list[str]:
    """The command, with its configuration written to `folder`."""
    given = (
        block("nginx")
        .replace("127.0.0.1:6867", f"127.0.0.1:{gateway}")
        .replace("listen 443 ", f"listen 127.0.0.1:{port} ")
        .replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
        .replace(OPERATORS, networks)
    )
    given = re.sub(r"/etc/letsencrypt\S+\.pem", str(certificate), given)
    places = "".join(
        f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}\ndaemon off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{places}{given}\n}}\n",
        "utf-8",
    )
    return [program("nginx-light", "nginx"), "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, gateway: int, port: int, networks: str, certificate: Path) -> list[str]:
    """The same of Caddy."""
    given = (
        block("caddyfile")
        .replace("kimi.example.com {", f"https://127.0.0.1:{port} {{\n\ttls {certificate} {certificate}", 1)
        .replace("127.0.0.1:6867", f"127.0.0.1:{gateway}")
        .replace(OPERATORS, networks)
    )
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n\tauto_https off\n}}\n{given}", "utf-8")
    return [program("caddy"), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


Start = Callable[[str], Proxy]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(
        tmp_path_factory.mktemp("stack"),
        workers=1,
        env={"GATEWAY_ADMIN_KEY": ADMIN_KEY, "GATEWAY_MAX_BODY_MB": "1", "GATEWAY_TRUSTED_PROXIES": "1"},
    )
    stack.start(kimi=2)
    yield stack
    stack.stop()


@pytest.fixture(params=[nginx, caddy], ids=["nginx", "caddy"])
def start(stack: Stack, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Start]:
    """Starts the proxy; the operators are in the network that is given."""
    running = []

    def start(networks: str) -> Proxy:
        certificate = certify(tmp_path / "certificate.pem", address="127.0.0.1").file
        port, log = free_port(), tmp_path / "log"
        command = request.param(tmp_path, stack.gateway.port, port, networks, certificate)
        with log.open("ab") as output:
            homes = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(tmp_path))
            running.append(children.start(command, env={**os.environ, **homes}, cwd=tmp_path, output=output))
        proxy = Proxy(f"https://127.0.0.1:{port}", certificate)
        until(partial(_answers, proxy), seconds=15, what=f"the proxy answers: {log.read_text('utf-8')}")
        return proxy

    yield start
    for process in running:
        children.stop(process, 10)


def _answers(proxy: Proxy) -> bool:
    try:
        return proxy.ask("GET", "/healthz").status_code == 200
    except requests.ConnectionError:
        return False


def test_events_come_one_by_one(stack: Stack, start: Start) -> None:
    proxy = start(OPERATORS)
    stack.simulator.fault("stall", seconds=STALL, texts=1, match={"endpoint": "chat"})
    body = {"model": "kimi", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    with proxy.ask("POST", "/v1/chat/completions", json=body, stream=True) as answer:
        came = [time.monotonic() for line in answer.iter_lines(chunk_size=1) if line.startswith(b"data: ")]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "content-encoding" not in answer.headers
    assert came[-1] - came[0] > STALL * 0.8


def test_an_error_keeps_its_shape(start: Start) -> None:
    proxy = start(OPERATORS)
    large = proxy.ask("POST", "/v1/chat/completions", data=b"x" * 1_200_000)
    unknown = proxy.ask("GET", "/v1/models", key="nobody")
    told = [(answer.status_code, answer.json()["error"]["code"]) for answer in (large, unknown)]
    assert told == [(413, "request_too_large"), (401, "invalid_api_key")]
    assert f"{proxy.url}/v1/chat/completions" in proxy.ask("GET", "/docs").text


@pytest.mark.parametrize(
    "path", ["/admin", "/admin/api/overview", "/admin/api/events", "/metrics", "/metrics/", "/readyz", "/readyz/"]
)
def test_what_is_the_operators_is_closed_to_others(start: Start, path: str) -> None:
    answer = start(OPERATORS).ask("GET", path, key=ADMIN_KEY)
    assert answer.status_code == 403
    assert "x-request-id" not in answer.headers, "the gateway was not even asked"


def test_operators_sign_in_and_see_events_as_they_happen(start: Start) -> None:
    proxy = start(HERE)
    signed = proxy.ask("POST", "/admin/api/session", json={"key": ADMIN_KEY})
    assert signed.status_code == 200 and "Secure" in signed.headers["set-cookie"]
    with proxy.ask("GET", "/admin/api/events", key=ADMIN_KEY, stream=True) as events:
        lines = events.iter_lines(chunk_size=1)
        assert next(line for line in lines if line.startswith(b"event: "))
        done = proxy.ask("POST", "/admin/api/accounts/pause", key=ADMIN_KEY, json={"names": ["kimi-1"]})
        assert done.json()["results"][0]["ok"], done.text
        assert next(line for line in lines if b'"kimi-1"' in line and b'"paused"' in line)
    proxy.ask("POST", "/admin/api/accounts/resume", key=ADMIN_KEY, json={"names": ["kimi-1"]})


def test_wrong_admin_keys_count_where_they_come_from_and_not_where_they_say(start: Start) -> None:
    proxy, guesser, operator = start(HERE), next(ADDRESSES), next(ADDRESSES)

    def sign_in(address: str, key: str, forged: str) -> requests.Response:
        headers = {"X-Forwarded-For": forged}
        return proxy.at(address, "POST", "/admin/api/session", json={"key": key}, headers=headers)

    wrong = [sign_in(guesser, "wrong", f"198.51.100.{number}") for number in range(5)]
    assert [answer.status_code for answer in wrong] == [401, 401, 401, 401, 429]
    assert sign_in(operator, ADMIN_KEY, guesser).status_code == 200, "it is somebody else, whatever he says"
    entries = proxy.ask("GET", "/admin/api/audit", key=ADMIN_KEY).json()["entries"]
    assert next(entry["address"] for entry in entries if entry["action"] == "sign in") == operator


def test_the_same_holds_for_wrong_client_keys(start: Start) -> None:
    proxy, guesser, other = start(OPERATORS), next(ADDRESSES), next(ADDRESSES)

    def ask(address: str, key: str) -> int:
        headers = {"Authorization": f"Bearer {key}", "X-Forwarded-For": f"198.51.100.{len(key)}"}
        return proxy.at(address, "GET", "/v1/models", headers=headers).status_code

    guesses = ["wrong" * number for number in range(1, 12)]
    assert [ask(guesser, f"{number}-{key}") for number, key in enumerate(guesses)] == [*[401] * 10, 429]
    assert ask(other, "wrong") == 401
    assert ask(guesser, KEY) == 200


def test_a_proxy_on_another_machine_is_believed_that_it_was_asked_by_tls(stack: Stack) -> None:
    with requests.Session() as session:
        session.mount("http://", From(next(ADDRESSES)))  # not one of those that gunicorn trusts by itself
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": next(ADDRESSES)}
        signed = session.post(f"{stack.url}/admin/api/session", json={"key": ADMIN_KEY}, headers=headers, timeout=30)
    assert "Secure" in signed.headers["set-cookie"]


def test_what_is_closed_is_not_opened_by_another_name(start: Start) -> None:
    proxy = start(OPERATORS)
    for name in ("SCRIPT_NAME", "Script-Name", "PATH_INFO"):
        answer = proxy.ask("GET", "/v1/admin/api/session", key=ADMIN_KEY, headers={name: "/v1"})
        assert answer.json()["error"]["code"] == "not_found"
    told = {spelling.format(name): proxy.literally(spelling.format(name)) for name in CLOSED for spelling in SPELLINGS}
    assert {path: status for path, status in told.items() if status not in (400, 403, 404)} == {}


def test_the_gateway_itself_knows_one_name_of_what_needs_no_key(stack: Stack) -> None:
    for name in ("/metrics", "/readyz"):
        in_percents = "/" + "".join(f"%{ord(sign):02x}" for sign in name[1:])
        others = [f"{name}/", f"{name}//", f"{name}%2f", f"/{name}", in_percents, f"http://127.0.0.1{name}"]
        asked = [name, f"{name}?a=b", *others]
        told = [_status(HTTPConnection("127.0.0.1", stack.gateway.port, timeout=30), path) for path in asked]
        assert told == [200, 200, *[404] * len(others)]
