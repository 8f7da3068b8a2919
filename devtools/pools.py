"""Which accounts a Redis holds already, before anything of ours runs on it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from devtools import children, valkey
from devtools.saying import Trouble
from devtools.waiting import until
from kimi.accounts import Origin
from kimi.errors import StoreUnavailable
from kimi.pool import Members, Store, connect
from kimi.pool.vault import Vault
from kimi.pool_name import POOL, pool_name
from kimi.settings import parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

START_SECONDS = 120.0


def origins(url: str, said: Mapping[str, str]) -> Mapping[Origin, int]:
    """How many accounts that are not the demo's come from where; none where the Redis does not answer.

    Whatever is wrong with it, and with what is `said` of keys, the processes say themselves, and better.
    """
    try:
        keys = parts(said.get("TOKEN_ENCRYPTION_KEYS", ""))
        pool = pool_name(said.get("KIMI_POOL", "") or POOL)
        with Store(connect(url, pool), pool, vault=Vault(keys)) as store:
            records = Members(store).all()
    except (StoreUnavailable, ValueError):
        return {}
    return Counter(each.origin for each in records if each.configured and not each.account.name.startswith("demo-"))


@contextmanager
def looked_into(folder: Path) -> Iterator[str]:
    """The URL of a server over the data in `folder`, which ends with the block. Raises Trouble."""
    with tempfile.TemporaryDirectory(prefix="kimi-") as sockets:
        socket = Path(sockets, "valkey.sock")
        command = valkey.command(server(), folder, unix_socket=socket)
        env = children.bare(os.environ)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
        try:
            until(lambda: valkey.answers(socket) or process.poll() is not None, seconds=START_SECONDS)
            yield f"unix://{socket}?db=0"
        finally:
            process.terminate()
            process.wait()


def server() -> str:
    """The program of the server. Raises Trouble."""
    try:
        return valkey.find_server()
    except valkey.ServerMissing as missing:
        raise Trouble(str(missing)) from missing
