"""Dumps of earlier releases, put into a Redis as they were."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.releases.making import PREFIX


@dataclass(frozen=True)
class Dump:
    """What a release wrote, the key by which it is sealed ("" is none), and a client key that it created."""

    release: str
    sealing_key: str
    client_key: str
    keys: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, path: Path) -> Dump:
        return cls(**json.loads(path.read_text("utf-8")))

    def load(self, client: Any) -> None:
        """Writes all of it; what expires has as much time as it had."""
        pipe = client.pipeline()
        for name, entry in self.keys.items():
            key, value = PREFIX + name, entry["value"]
            match entry["type"]:
                case "string":
                    pipe.set(key, value)
                case "hash":
                    pipe.hset(key, mapping=value)
                case "list":
                    pipe.rpush(key, *value)
                case "set":
                    pipe.sadd(key, *value)
                case "zset":
                    pipe.zadd(key, dict(value))
                case "stream":
                    for number, fields in value:
                        pipe.xadd(key, fields, id=number)
            if "pttl" in entry:
                pipe.pexpire(key, entry["pttl"])
        pipe.execute()
