from __future__ import annotations

import re
from itertools import pairwise

import pytest

from kimi.errors import Outdated
from kimi.pool.schema import HISTORY, HOLDS, Schema, at_work
from kimi.pool.sealers import LIVES_SECONDS, Sealers
from kimi.startup import reporting
from kimi.version import VERSION
from tests.dumps import dump
from tests.kimi.pool.converting import Process, Steps, fill, schema
from tests.kimi.pool.pools import Pool, web


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


def test_each_release_leaves_room_for_the_one_before() -> None:
    assert [change.version for change in HISTORY] == list(range(1, len(HISTORY) + 1))
    for before, change in pairwise(HISTORY):
        assert _numbers(before.release) <= _numbers(change.release) <= _numbers(VERSION)
        known = max(other.version for other in HISTORY if _numbers(other.release) < _numbers(change.release))
        assert before.oldest <= change.oldest <= known, "the release before is shut out while it is still at work"


def test_what_carries_no_version_is_nothing_or_the_first(pool: Pool) -> None:
    here = Schema(pool.store)
    assert here.look().version == 0
    pool.configure(web("a"))
    standing = here.look()
    assert (standing.version, standing.oldest) == (1, 1)
    assert str(standing) == "1, written by release 0.1.0"


@pytest.mark.parametrize("key", ["clients", "figures:all", "audit", "tickets"])
def test_what_was_in_use_without_accounts_is_no_new_one(pool: Pool, key: str) -> None:
    pool.store.redis.set(pool.store.key(key), "any")
    assert Schema(pool.store).look().version == 1


def test_a_release_goes_on_with_what_a_newer_one_has_only_added_to(pool: Pool) -> None:
    Process(pool.store, "0.2.0").start()
    standing = schema(pool.store, "0.1.0").look()
    assert (standing.version, standing.oldest, standing.release) == (2, 1, "0.2.0")


def test_a_release_that_knows_too_little_ends_with_a_line_that_says_what_to_do(
    pool: Pool, capsys: pytest.CaptureFixture[str]
) -> None:
    Process(pool.store, "0.4.0").start()
    schema(pool.store, "0.3.0").look()
    with pytest.raises(SystemExit) as ended, reporting("refresher"):
        schema(pool.store, "0.2.0").look()
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "refresher: Redis holds schema 4, written by release 0.4.0; this is release 0.2.0, which knows schema 2: "
        "start release 0.3.0 or a newer one\n"
    )


@pytest.mark.parametrize("stands", ["", "garbage", "2.0", "-1", None], ids=str)
@pytest.mark.parametrize("field", ["version", "oldest"])
def test_what_no_release_writes_is_told_and_left_alone(pool: Pool, field: str, stands: str | None) -> None:
    Process(pool.store, "0.2.0").start()
    name = pool.store.key("schema")
    if stands is None:
        pool.store.redis.set(name, "a text")
    else:
        pool.store.redis.hset(name, field, stands)
    before = dump(pool.store.redis)
    with pytest.raises(Outdated, match=f"^{HOLDS} .*{re.escape(name)}: put back") as refused:
        Process(pool.store, "0.3.0").start()
    assert refused.value.advice.startswith("put back")
    assert dump(pool.store.redis) == before


def test_who_does_not_convert_waits_for_what_he_cannot_read(pool: Pool) -> None:
    here = schema(pool.store, "0.3.0")
    here.check()
    fill(pool.store, 3)
    with pytest.raises(Outdated, match=r"schema 1, .* not converted yet: start its refresher, or its gateway, first"):
        here.check()
    Process(pool.store, "0.2.0").start()
    here.check()
    Process(pool.store, "0.3.0", Steps()).start()
    here.check()


def test_who_is_at_work_shows_his_release(pool: Pool) -> None:
    processes = [schema(pool.store, "0.3.0", name="gateway b-2"), schema(pool.store, "0.3.0", name="gateway a-1")]
    newer = schema(pool.store, "0.4.0", name="refresher a-3")
    for process in (*processes, newer, schema(pool.store, "0.4.0")):
        process.look()
    Sealers(pool.store, "refresher a-3").beat()
    assert at_work(pool.store) == {"0.3.0": ["gateway a-1", "gateway b-2"], "0.4.0": ["refresher a-3"]}
    Sealers(pool.store, "gateway old-1").beat()
    processes[0].leave()
    assert at_work(pool.store) == {
        "0.1.0": ["gateway old-1"],
        "0.3.0": ["gateway a-1"],
        "0.4.0": ["refresher a-3"],
    }, "the first release shows none"
    pool.clock.now += LIVES_SECONDS + 1
    newer.look()
    assert at_work(pool.store) == {"0.4.0": ["refresher a-3"]}
    assert pool.store.redis.zcard(pool.store.key("releases")) == 1


def test_who_died_before_the_clock_was_set_back_is_at_work_no_more(pool: Pool) -> None:
    schema(pool.store, "0.3.0", name="gateway dead-1").look()
    pool.clock.now -= 3600
    schema(pool.store, "0.3.0", name="gateway living-1").look()
    assert at_work(pool.store) == {"0.3.0": ["gateway living-1"]}
