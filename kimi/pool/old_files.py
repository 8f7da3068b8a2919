"""What Redis has on its disk of secrets that were replaced in it since, and having that thrown away."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from redis.exceptions import ResponseError

from kimi.pool.secret_fields import VAULT
from kimi.pool.store import Store

APPENDED: Final = "append-only file"
SNAPSHOT: Final = "snapshot (dump.rdb)"
_MARK: Final = "files"
_WANTED: Final = "?"
_SECTIONS: Final = ("server", "persistence")
_BUSY: Final = ("aof_rewrite_in_progress", "aof_rewrite_scheduled", "rdb_bgsave_in_progress")
_ENDS: Final = {APPENDED: "aof_last_bgrewrite_status", SNAPSHOT: "rdb_last_bgsave_status"}


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What Redis keeps on its disk, in its own words, and whether it writes that anew, which it does a moment later."""

    files: tuple[str, ...]
    accepted: bool = True


class OldFiles:
    """Files of Redis that hold what has been replaced in it since. Every method may raise `StoreUnavailable`.

    A mark stands in Redis from before something is replaced until it has written them anew, so that whoever comes after
    one that was killed, or after Redis itself was, goes on with it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._key = store.key(VAULT)

    def mark(self) -> None:
        """Something is going to be replaced."""
        with self._store.guarded() as redis:
            redis.hset(self._key, _MARK, _WANTED)

    def rewrite(self) -> Rewrite:
        """Has Redis write its files anew. While it writes some already it is asked later, by who follows."""
        with self._store.guarded() as redis:
            told, mark, accepted = redis.info(*_SECTIONS), _WANTED, True
            files = _files(redis, told)
            if not _is_busy(told):
                try:
                    if APPENDED in files:
                        redis.bgrewriteaof()
                    if SNAPSHOT in files:
                        redis.bgsave(schedule=True)
                    mark = " ".join(_times(told))
                except ResponseError:
                    accepted = False
            redis.hset(self._key, _MARK, mark if files else "")
        return Rewrite(files, accepted)

    def follow(self) -> Rewrite | None:
        """Asks again where nobody has asked since the mark was set, or it has come to nothing; None otherwise."""
        with self._store.guarded() as redis:
            mark: str | None = redis.hget(self._key, _MARK)
            if not mark:
                return None
            told = redis.info(*_SECTIONS)
            if _is_busy(told):
                return None
            is_done = mark != _WANTED and _has_written(mark, told, _files(redis, told))
        if not is_done:
            return self.rewrite()
        self._store.run("reseal", VAULT, _MARK, mark, "")  # unless somebody has set it again
        return None


def _files(redis: Any, told: Mapping[str, Any]) -> tuple[str, ...]:
    """Those that Redis keeps. Who may not ask for its settings takes it that there are snapshots."""
    try:
        saves = redis.config_get("save").get("save", "")
    except ResponseError:
        saves = "?"
    return tuple(name for name, kept in ((APPENDED, told.get("aof_enabled")), (SNAPSHOT, saves)) if kept)


def _is_busy(told: Mapping[str, Any]) -> bool:
    return any(told.get(name) for name in _BUSY)


def _times(told: Mapping[str, Any]) -> tuple[str, str, str]:
    """Which run of the server this is, and how often it has begun to write each of its files in it."""
    return told["run_id"], str(told.get("aof_rewrites", 0)), str(told.get("rdb_saves", 0))


def _has_written(mark: str, told: Mapping[str, Any], files: Collection[str]) -> bool:
    """Whether all files were begun since that mark, and the last time came to a good end."""
    run, *before = mark.split()
    now, *times = _times(told)
    is_new = {
        name: int(later) > int(once) for name, once, later in zip((APPENDED, SNAPSHOT), before, times, strict=True)
    }
    is_well = {name: told.get(field) == "ok" for name, field in _ENDS.items()}
    return run == now and all(is_new[name] and is_well[name] for name in files)
