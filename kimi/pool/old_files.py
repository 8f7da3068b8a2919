"""What Redis has on its disk of secrets that were replaced in it since, and having that thrown away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from redis.exceptions import RedisError, ResponseError

from kimi.pool.connection import connect_to
from kimi.pool.health import facts_of
from kimi.pool.secret_fields import VAULT
from kimi.pool.store import Store

APPENDED: Final = "append-only file"
SNAPSHOT: Final = "snapshot (dump.rdb)"
_MARK: Final = "files"
_WANTED: Final = "?"
_BUSY: Final = ("aof_rewrite_in_progress", "aof_rewrite_scheduled", "rdb_bgsave_in_progress")
_BEGUN: Final = {APPENDED: "aof_rewrites", SNAPSHOT: "rdb_saves"}
_ENDS: Final = {APPENDED: "aof_last_bgrewrite_status", SNAPSHOT: "rdb_last_bgsave_status"}


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Files of Redis, in its own words, that it writes anew, a moment later, but for those that it refuses to."""

    files: tuple[str, ...]
    refused: tuple[str, ...] = ()


class OldFiles:
    """Files of Redis that hold what has been replaced in it since. Every method may raise `StoreUnavailable`.

    A mark stands in Redis from before something is replaced until it has written them anew, so that whoever comes after
    one that was killed, or after Redis itself was, goes on with it. It says of each file by itself how far that is.
    Replicas have files of their own: they are asked once, when the master is done and they have all that it has.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._key = store.key(VAULT)

    def mark(self) -> None:
        """Something is going to be replaced."""
        with self._store.guarded() as redis:
            redis.hset(self._key, _MARK, _WANTED)

    def rewrite(self) -> Rewrite:
        """Has Redis write all of them anew. While it writes some already it is asked later, by who follows."""
        self.mark()
        asked = self.follow()
        if asked is not None:
            return asked
        with self._store.guarded() as redis:
            return Rewrite(_files(redis, facts_of(redis)))

    def follow(self) -> Rewrite | None:
        """Asks for those for which nobody has asked since the mark was set, or in vain; None where there are none."""
        with self._store.guarded() as redis:
            mark: str | None = redis.hget(self._key, _MARK)
            if not mark:
                return None
            told = facts_of(redis)
            if _is_busy(told):
                return None
            before = _before(mark, told)
            left = tuple(name for name in _files(redis, told) if not _is_written(name, before[name], told))
            refused = tuple(name for name in left if not _is_accepted(redis, name))
            others = {} if left else {place: _is_asked(redis, place, told) for place in _replicas(told)}
        if None in others.values():
            return None
        now = before | {name: _now(name, told, is_refused=name in refused) for name in left}
        after = " ".join((_run(told), *now.values())) if left else ""
        self._store.run("reseal", VAULT, "", _MARK, mark, after)  # unless somebody has set it again
        refused += tuple(f"{APPENDED} of the replica {place}" for place, is_asked in others.items() if not is_asked)
        return Rewrite(left, refused) if left or refused else None


def _files(redis: Any, told: Mapping[str, Any]) -> tuple[str, ...]:
    """Those that Redis keeps. Who may not ask takes it that it keeps both."""
    try:
        saves = redis.config_get("save").get("save", "")
    except ResponseError:
        saves = "?"
    return tuple(name for name, kept in ((APPENDED, told.get("aof_enabled", 1)), (SNAPSHOT, saves)) if kept)


def _is_busy(told: Mapping[str, Any]) -> bool:
    return any(told.get(name) for name in _BUSY)


def _is_accepted(redis: Any, name: str) -> bool:
    try:
        if name == APPENDED:
            redis.bgrewriteaof()
        else:
            redis.bgsave(schedule=True)
    except ResponseError:
        return False
    return True


def _replicas(told: Mapping[str, Any]) -> list[str]:
    """Where those stand that the server names, as host:port."""
    named = (told.get(f"slave{number}") for number in range(int(told.get("connected_slaves", 0))))
    return [f"{each['ip']}:{each['port']}" for each in named if isinstance(each, Mapping)]


def _is_asked(redis: Any, place: str, told: Mapping[str, Any]) -> bool | None:
    """Has that replica write its files anew, or says that it refuses; None where it lacks some of what was written."""
    host, _, port = place.rpartition(":")
    try:
        with connect_to(host, int(port), like=redis) as replica:
            own = facts_of(replica)
            if own.get("slave_repl_offset", 0) < told.get("master_repl_offset", 0):
                return None if own else False
            refused = [name for name in _files(replica, own) if not _is_accepted(replica, name)]
            return not refused
    except RedisError:
        return False


def _run(told: Mapping[str, Any]) -> str:
    """Which run of the server this is."""
    return str(told.get("run_id", "-"))


def _times(name: str, told: Mapping[str, Any]) -> str:
    """How often the server has begun to write the file in this run."""
    return str(told.get(_BEGUN[name], 0))


def _now(name: str, told: Mapping[str, Any], *, is_refused: bool) -> str:
    """The same for the mark. What Redis refuses it may write all the same: by itself, or as somebody else tells it."""
    return _WANTED if is_refused and _BEGUN[name] not in told else _times(name, told)


def _before(mark: str, told: Mapping[str, Any]) -> dict[str, str]:
    """How often it had begun with each file when it was asked in this run, `_WANTED` where that is not known."""
    run, *times = mark.split()
    return dict(zip(_BEGUN, times, strict=True)) if run == _run(told) else dict.fromkeys(_BEGUN, _WANTED)


def _is_written(name: str, before: str, told: Mapping[str, Any]) -> bool:
    """Whether it was begun since, and came to a good end the last time. Who does not tell is asked once."""
    if before == _WANTED:
        return False
    is_begun = _BEGUN[name] not in told or int(_times(name, told)) > int(before)
    return is_begun and told.get(_ENDS[name], "ok") == "ok"
