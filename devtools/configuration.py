"""What the environment and `.env` say, as far as the supervisor has to know it.

The processes read and check their own settings; nothing is checked twice here.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv import dotenv_values

from devtools.private import private

if TYPE_CHECKING:
    from collections.abc import Mapping

CLIENT_KEY = "client-key"
"""The file that holds the client key of `./dev up` where none is set."""
STORE_URL = "redis-url"
"""The file that tells where the Redis of a running `./dev up` is."""
UPSTREAMS = "upstreams.env"
"""The file that tells what `./dev up` has put in the place of Kimi."""
ADDRESS = "address.env"
"""The file that tells where the gateway of a running `./dev up` listens."""
ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1", "*": "127.0.0.1", "": "127.0.0.1"}  # noqa: S104 - what we connect to


def read(root: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Every variable that has a value, by its upper-case name; the environment wins over `.env`."""
    said: dict[str, str] = {}
    for source in (dotenv_values(root / ".env"), environ):
        said.update({name.upper(): value.strip() for name, value in source.items() if value and value.strip()})
    return said


def has_accounts(root: Path, said: Mapping[str, str]) -> bool:
    """Whether the operator has named accounts of Kimi."""
    return bool({"KIMI_ACCOUNTS_FILE", "KIMI_REFRESH_TOKENS"} & said.keys()) or (root / "accounts.yaml").exists()


def address(said: Mapping[str, str]) -> tuple[str, int]:
    """Host and port at which the gateway can be reached from this machine."""
    host = said.get("GATEWAY_HOST", "127.0.0.1").strip("[]")
    port = said.get("GATEWAY_PORT", "6867")
    return ANY_HOST.get(host, host), int(port) if port.isdecimal() else 0  # the gateway refuses a bad one


def client_key(said: Mapping[str, str], kept: Path) -> str:
    """The first client key that is set, else the one in the file `kept`, which is made when it is not there."""
    if "GATEWAY_API_KEYS" in said:
        return said["GATEWAY_API_KEYS"].replace("\n", ",").split(",")[0].strip()
    return _kept_key(kept)


def admin_key(said: Mapping[str, str], kept: Path) -> str:
    """The key of the operator's page that is set, else the one in the file `kept`, as above."""
    return said.get("GATEWAY_ADMIN_KEY") or _kept_key(kept)


def _kept_key(kept: Path) -> str:
    if not private(kept).read_text().strip():
        kept.write_text(f"sk-{secrets.token_urlsafe(32)}\n")
    return kept.read_text().strip()
