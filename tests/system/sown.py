"""A stack with a secret wherever one can be."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import redis
import requests
from click.testing import CliRunner

from gateway.cli import main
from kimi.sealing_keys import new_key
from tests.kimi.loopback import Peer, Received, Server
from tests.ports import free_port
from tests.system.seeds import Seeds
from tests.system.stack import KEY, Stack
from tests.valkey import Valkey

USER: Final = "processes"
WORDS: Final = ("question", "answer")


@dataclass
class Keyring:
    """What is made up here, and known to whoever may know it."""

    seeds: Seeds
    client: str = ""
    admin: str = ""
    redis: str = ""
    webhook: str = ""
    hook_path: str = ""
    proxy: str = ""
    words: dict[str, str] = field(default_factory=dict)
    encryption: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("client", "admin", "redis", "webhook", "hook_path"):
            setattr(self, name, self.seeds.sow(f"the secret {name}", secrets.token_urlsafe(32)))
        self.proxy = self.seeds.sow("the password of a proxy", f"{secrets.token_urlsafe(16)}/%ä {secrets.token_hex(8)}")
        self.words = {
            name: self.seeds.sow(f"the text of a {name}", f'"{secrets.token_hex(8)}", 问 & {secrets.token_hex(8)}')
            for name in WORDS
        }
        self.encryption = [self.seeds.sow(f"encryption key {number}", new_key()) for number in (1, 2)]


class Guarded(Valkey):
    """A server into which the processes come with a password, which tests do not need. It notes every command."""

    def __init__(self, directory: Path, password: str) -> None:
        super().__init__(directory)
        self.password = password

    @property
    def url_with_password(self) -> str:
        return f"redis://{USER}:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        super().start()
        with redis.Redis.from_url(self.url) as client:
            client.execute_command("ACL", "SETUSER", USER, "on", f">{self.password}", "~*", "&*", "+@all")
            client.config_set("slowlog-max-len", 100_000)
            client.config_set("slowlog-log-slower-than", 0)
            client.config_set("rdbcompression", "no")  # what is compressed cannot be searched


@dataclass
class Sown:
    """The stack, and those whom its processes tell a secret."""

    stack: Stack
    keys: Keyring
    elsewhere: str
    """Where the webhook and the proxy are: who refuses all that comes, in words that repeat it."""
    heard: list[Received]
    """What has come there."""
    guest: str
    """A refresh token that a client brings along."""

    def ask(self, *, key: str = "", **body: Any) -> requests.Response:
        """A question by a client; what comes of it is not judged."""
        return requests.post(
            f"{self.stack.url}/v1/chat/completions",
            headers={"Authorization": f"Bearer {key or self.keys.client}"},
            json={"model": "kimi", "messages": [{"role": "user", "content": self.keys.words["question"]}], **body},
            timeout=60,
        )

    def admin(self, method: str, path: str, **body: Any) -> requests.Response:
        """What an operator's program does."""
        headers = {"Authorization": f"Bearer {self.keys.admin}"}
        url = f"{self.stack.url}/admin/api{path}"
        return requests.request(method, url, headers=headers, json=None if method == "GET" else body, timeout=60)

    def command(self, *words: str, **variables: str) -> str:
        """What a command says, and with which code it ends."""
        result = CliRunner().invoke(main, list(words), env={**self.stack.gateway.env, **variables})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return f"{result.output}\n{result.exit_code}"

    def secrets(self, command: str, *keys: str) -> Any:
        """What `secrets` tells programs who has these keys."""
        said = self.command("secrets", command, "--json", TOKEN_ENCRYPTION_KEYS=",".join(keys))
        return json.loads(said.splitlines()[0])

    def sow_tokens(self) -> None:
        """Makes known what the simulator has handed out by now."""
        for account in self.stack.simulator.control("GET", "accounts"):
            for name in ("refresh_token", "api_key", "access_token"):
                if account.get(name):
                    self.keys.seeds.sow(f"the {name} of {account['name']}", account[name])


@contextmanager
def sown(directory: Path) -> Iterator[Sown]:
    """Such a stack, running. Its gateway says all it does in JSON, its refresher for people.

    It is in the middle of a rotation: both have both keys, and the gateway seals with the old one as yet.
    """
    keys, heard = Keyring(Seeds()), []

    def repeat(peer: Peer) -> None:
        heard.append(peer.request())
        said = f"{heard[-1].line} {heard[-1].headers} {heard[-1].body!r}".encode()
        status = b"407 Proxy" if b" http://" in said else b"500 Webhook"
        peer.send(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(said), said))

    with Server(repeat) as server:
        stack = Stack(
            directory,
            workers=1,
            env={
                "GATEWAY_API_KEYS": f"{KEY},{keys.client}",
                "GATEWAY_ADMIN_KEY": keys.admin,
                "GATEWAY_PASSTHROUGH": "1",
                "KIMI_CONVERSATION_SECONDS": "60",
                "ALERT_WEBHOOK_URL": f"{server.url}/{keys.hook_path}",
                "ALERT_WEBHOOK_SECRET": keys.webhook,
                "TOKEN_ENCRYPTION_KEYS": ",".join(keys.encryption),
                "LOG_LEVEL": "debug",
            },
            is_clean=False,  # one of its accounts is spoilt
        )
        stack.valkey = valkey = Guarded(stack.valkey.directory, keys.redis)
        for process in (stack.gateway, stack.refresher):
            process.env["REDIS_URL"] = valkey.url_with_password
            process.forked = False  # how it was called is looked at
        stack.refresher.env |= {
            "LOG_FORMAT": "console",
            "REFRESHER_METRICS_PORT": str(free_port()),
            "TOKEN_ENCRYPTION_KEYS": ",".join(reversed(keys.encryption)),
        }
        try:
            stack.start(kimi=2, kimi_classic=1, moonshot=1)
            stack.simulator.settings(answer=f"{keys.words['answer']} {{prompt}}")
            (guest,) = stack.simulator.mint("kimi", name="guest")
            home = Sown(stack, keys, server.url, heard, guest["refresh_token"])
            home.sow_tokens()
            yield home
        finally:
            stack.stop()


def proxied(home: Sown) -> str:
    """An account that goes through the proxy, as an accounts file has it."""
    (late,) = home.stack.simulator.mint("kimi", name="proxied")
    home.sow_tokens()
    proxy = home.elsewhere.replace("//", f"//user:{quote(home.keys.proxy, safe='')}@")
    return f"accounts:\n  - name: proxied\n    refresh_token: {late['refresh_token']}\n    proxy: {proxy}\n"
