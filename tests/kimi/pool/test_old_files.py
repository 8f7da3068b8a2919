"""What Redis's files hold of what was replaced, and that it leaves them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis

from devtools.waiting import until
from kimi.pool import Store, connect
from kimi.pool.disk import until_on_disk
from kimi.pool.old_files import APPENDED, SNAPSHOT, OldFiles, Rewrite
from kimi.pool.secret_fields import VAULT
from tests.valkey import Valkey
from tests.valkeys import SentinelSet, client_of, running


@pytest.fixture
def store(own_valkey: Valkey) -> Iterator[Store]:
    with connect(own_valkey.url) as redis:
        redis.config_set("rdbcompression", "no")  # what is compressed cannot be searched
        yield Store(redis)


def on_disk(store: Store) -> bytes:
    return content(Path(store.redis.config_get("dir")["dir"]))


def content(folder: Path) -> bytes:
    found = b""
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # it was replaced just now
            found += path.read_bytes() if path.is_file() else b""
    return found


def replace_a_word(store: Store) -> None:
    store.redis.set("a", "the-old-word")
    OldFiles(store).mark()
    store.redis.set("a", "the-new-word")


def is_gone(store: Store) -> bool:
    return b"the-old-word" not in on_disk(store)


def is_marked(store: Store) -> bool:
    return any(store.redis.hgetall(store.key(VAULT)).values())


def busy(store: Store) -> Any:
    told = store.redis.info("persistence")
    return told["aof_rewrite_in_progress"] or told["rdb_bgsave_in_progress"]


def test_what_was_replaced_leaves_the_disk(store: Store) -> None:
    replace_a_word(store)
    assert until_on_disk(store) and not is_gone(store)
    assert OldFiles(store).rewrite() == Rewrite((APPENDED,))
    until(lambda: is_gone(store), seconds=10, what="the file is written anew")
    assert b"the-new-word" in on_disk(store)


def test_it_leaves_snapshots_as_well(store: Store) -> None:
    store.redis.config_set("save", "3600 1")
    replace_a_word(store)
    store.redis.execute_command("SAVE")
    assert OldFiles(store).rewrite() == Rewrite((APPENDED, SNAPSHOT))
    until(lambda: is_gone(store), seconds=10, what="both are written anew")
    until(lambda: not busy(store))
    assert OldFiles(store).follow() is None
    assert not is_marked(store)


def test_where_redis_keeps_no_file_there_is_nothing_to_do(store: Store) -> None:
    store.redis.config_set("appendonly", "no")
    replace_a_word(store)
    store.redis.execute_command("ACL", "SETUSER", "default", "-bgrewriteaof", "-bgsave")
    assert OldFiles(store).rewrite() == Rewrite(())
    assert not is_marked(store)


def test_who_may_not_ask_how_snapshots_are_taken_has_one_taken(store: Store) -> None:
    store.redis.execute_command("ACL", "SETUSER", "default", "-config")
    assert OldFiles(store).rewrite() == Rewrite((APPENDED, SNAPSHOT))


def test_what_redis_refuses_is_asked_for_again_until_it_has_been_done(store: Store) -> None:
    files = OldFiles(store)
    replace_a_word(store)
    store.redis.execute_command("ACL", "SETUSER", "default", "-bgrewriteaof")
    assert files.rewrite() == files.follow() == Rewrite((APPENDED,), refused=(APPENDED,))
    store.redis.execute_command("ACL", "SETUSER", "default", "+bgrewriteaof")
    assert files.follow() == Rewrite((APPENDED,))
    until(lambda: is_gone(store) and not busy(store), seconds=10)
    assert files.follow() is None
    assert not is_marked(store)
    assert files.follow() is None, "nothing is to do any more"


def test_what_redis_refuses_keeps_no_other_file_from_being_done(store: Store) -> None:
    files = OldFiles(store)
    store.redis.execute_command("ACL", "SETUSER", "default", "-bgsave")
    store.redis.config_set("save", "3600 1")
    replace_a_word(store)
    assert files.rewrite() == Rewrite((APPENDED, SNAPSHOT), refused=(SNAPSHOT,))
    until(lambda: is_gone(store) and not busy(store), seconds=10)
    assert [files.follow(), files.follow()] == [Rewrite((SNAPSHOT,), refused=(SNAPSHOT,))] * 2
    assert is_marked(store)
    store.redis.execute_command("ACL", "SETUSER", "default", "+bgsave")
    assert files.follow() == Rewrite((SNAPSHOT,))
    until(lambda: not busy(store), seconds=10)
    assert files.follow() is None
    assert not is_marked(store)


def test_what_redis_refuses_is_done_where_it_writes_it_all_the_same(store: Store) -> None:
    files = OldFiles(store)
    replace_a_word(store)
    store.redis.execute_command("ACL", "SETUSER", "default", "-bgrewriteaof")
    assert files.follow() == Rewrite((APPENDED,), refused=(APPENDED,))
    store.redis.execute_command("ACL", "SETUSER", "default", "+bgrewriteaof")
    store.redis.bgrewriteaof()
    until(lambda: is_gone(store) and not busy(store), seconds=10)
    store.redis.execute_command("ACL", "SETUSER", "default", "-bgrewriteaof")
    assert files.follow() is None
    assert not is_marked(store)


def test_a_redis_that_may_be_asked_nothing_is_said_to_refuse_both(store: Store) -> None:
    replace_a_word(store)
    store.redis.execute_command("ACL", "SETUSER", "default", "-@dangerous")
    assert OldFiles(store).rewrite() == OldFiles(store).follow() == Rewrite((APPENDED, SNAPSHOT), (APPENDED, SNAPSHOT))
    assert is_marked(store)


class Terse(redis.Redis):
    """One that does not tell how often it has begun to write its files."""

    def info(self, *sections: Any, **options: Any) -> Any:
        told = super().info(*sections, **options)
        return {name: value for name, value in told.items() if name not in {"aof_rewrites", "rdb_saves"}}


def test_a_redis_that_does_not_tell_how_often_is_asked_once(own_valkey: Valkey) -> None:
    with Terse.from_pool(connect(own_valkey.url).connection_pool) as client:
        store = Store(client)
        client.config_set("save", "3600 1")
        replace_a_word(store)
        assert OldFiles(store).follow() == Rewrite((APPENDED, SNAPSHOT))
        until(lambda: not busy(store), seconds=10)
        assert OldFiles(store).follow() is None
        assert not is_marked(store)


def test_who_was_killed_before_he_could_ask_leaves_it_to_the_next(store: Store) -> None:
    replace_a_word(store)
    assert OldFiles(store).follow() == Rewrite((APPENDED,))
    until(lambda: is_gone(store), seconds=10)


def test_a_redis_that_was_killed_while_it_wrote_is_asked_again(store: Store, own_valkey: Valkey) -> None:
    files = OldFiles(store)
    replace_a_word(store)
    assert not files.rewrite().refused
    own_valkey.kill()
    own_valkey.start()
    assert files.follow() == Rewrite((APPENDED,))
    until(lambda: not busy(store), seconds=10)
    assert files.follow() is None
    assert not is_marked(store)


def test_a_mark_that_was_set_while_redis_wrote_stays(store: Store) -> None:
    files = OldFiles(store)
    assert not files.rewrite().refused
    until(lambda: not busy(store), seconds=10)
    replace_a_word(store)
    assert files.follow() == Rewrite((APPENDED,))
    assert is_marked(store)


@pytest.mark.parametrize("forbidden", ["+@all", "-bgrewriteaof"])
def test_a_replica_is_asked_once_the_master_is_done_or_named(tmp_path: Path, forbidden: str) -> None:
    with running(SentinelSet(tmp_path)) as servers, connect(servers.url) as redis:
        store = Store(redis)
        replace_a_word(store)
        replica = servers.replicas[0]
        folder = replica.directory / "appendonlydir"
        until(lambda: b"the-old-word" in content(folder), what="the replica has it too")
        with client_of(replica) as client:
            client.execute_command("ACL", "SETUSER", "default", forbidden)
        told: list[Rewrite] = []

        def is_done() -> bool:
            told.extend(filter(None, [OldFiles(store).follow()]))
            return not is_marked(store)

        until(is_done, seconds=10, what="nothing is left to do")
        name = f"{APPENDED} of the replica 127.0.0.1:{replica.port}"
        if forbidden == "+@all":
            assert told == [Rewrite((APPENDED,))]
            until(lambda: b"the-old-word" not in content(folder), what="it is gone")
        else:
            assert told == [Rewrite((APPENDED,)), Rewrite((), (name,))]
