from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from kimi.errors import Outdated
from kimi.pool import Store
from kimi.pool.migrating import Migration
from kimi.pool.schema import HISTORY, NOTICE_SECONDS, Change, Schema
from kimi.version import VERSION
from tests.dumps import dump
from tests.kimi.pool.converting import PAGE, Process, Steps, fill, schema
from tests.kimi.pool.pools import Pool, web

COUNT = 95


def standing(pool: Pool) -> dict[str, str]:
    stored: dict[str, str] = pool.store.redis.hgetall(pool.store.key("schema"))
    return stored


def column(pool: Pool, field: str) -> list[str | None]:
    """A field of all accounts."""
    names = sorted(pool.store.redis.smembers(pool.store.key("accounts")))
    return [pool.store.redis.hget(pool.store.key("account", name), field) for name in names]


def test_nothing_is_made_what_this_release_makes_it(pool: Pool) -> None:
    assert Migration(Schema(pool.store)).run()
    last = HISTORY[-1]
    assert standing(pool) == {
        "version": str(last.version),
        "oldest": str(last.oldest),
        "release": VERSION,
        "needed": "0.1.0",
    }
    before = dump(pool.store.redis)
    assert Migration(Schema(pool.store)).run()
    assert dump(pool.store.redis) == before


def test_a_pool_of_the_first_release_is_brought_to_this_one_and_keeps_all(pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    before = dump(pool.store.redis)
    assert Migration(Schema(pool.store)).run()
    assert standing(pool)["version"] == str(HISTORY[-1].version)
    after = dump(pool.store.redis)
    assert {key: after[key] for key in before} == before


def test_every_step_is_taken_once_and_in_order(pool: Pool) -> None:
    fill(pool.store, COUNT)
    steps = Steps()
    process = Process(pool.store, "0.4.0", steps)
    assert process.start() and process.start()
    assert steps.begun == ["", ""] and steps.pages == 2 * -(-COUNT // PAGE)
    assert column(pool, "tier") == [str(number % 3) for number in range(COUNT)]
    assert column(pool, "note") == [None] * COUNT
    assert standing(pool) == {"version": "4", "oldest": "3", "needed": "0.3.0", "release": "0.4.0"}
    assert not pool.store.redis.exists(pool.store.key("schema:lock")), "it is nobody's any more"
    assert process.pauses == [], "nobody was at work who had to be told"


def test_who_is_stopped_leaves_the_rest_to_the_next(pool: Pool) -> None:
    fill(pool.store, COUNT)
    steps = Steps()
    stopping = Migration(schema(pool.store, "0.3.0", steps))
    assert not stopping.run(lambda: steps.pages == 3)
    assert standing(pool)["mark"] == f"a-{3 * PAGE - 1:03}"
    assert standing(pool)["version"] == "2", "the step before is done"
    assert Process(pool.store, "0.3.0", steps).start()
    assert steps.begun == ["", f"a-{3 * PAGE - 1:03}"] and steps.pages == -(-COUNT // PAGE), "no page was done twice"
    assert column(pool, "tier") == [str(number % 3) for number in range(COUNT)]
    assert "mark" not in standing(pool)


@dataclass
class Dying(Steps):
    """Whose process is killed in a page: it says nothing any more, and gives nothing back."""

    last: int = 3
    lock: str = ""

    def expand(self, store: Store, mark: str) -> Iterator[str]:
        for number, done in enumerate(super().expand(store, mark), 1):
            yield done
            if number == self.last:
                self.lock = store.redis.get(store.key("schema:lock"))
                raise SystemExit


def test_who_dies_is_taken_over_from_where_he_was(pool: Pool) -> None:
    fill(pool.store, COUNT)
    dying, steps = Dying(), Steps()
    with pytest.raises(SystemExit):
        Process(pool.store, "0.3.0", dying).start()
    pool.store.redis.set(pool.store.key("schema:lock"), dying.lock, px=300)  # as it is where a process is killed
    process = Process(pool.store, "0.3.0", steps)
    waits = threading.Event()

    def pause(seconds: float) -> None:
        process.pauses.append(seconds)
        waits.wait(0.05)

    assert Migration(process.schema, pause=pause).run()
    assert process.pauses, "it has waited as long as the other might be at it"
    assert steps.begun == [f"a-{3 * PAGE - 1:03}"]
    assert column(pool, "tier") == [str(number % 3) for number in range(COUNT)]


@dataclass
class Slow(Steps):
    """One that is stopped amid its step for so long that another process does it all, and is at the next one."""

    meanwhile: Callable[[], object] = lambda: None

    def expand(self, store: Store, mark: str) -> Iterator[str]:
        pages = super().expand(store, mark)
        yield next(pages)
        store.redis.delete(store.key("schema:lock"))  # it has expired
        self.meanwhile()
        yield from pages


def test_who_comes_to_himself_behind_another_does_no_more(pool: Pool) -> None:
    fill(pool.store, COUNT)
    other = Migration(schema(pool.store, "0.4.0"))
    slow = Slow(meanwhile=other.run)
    assert Process(pool.store, "0.3.0", slow).start()
    assert slow.pages == 2, "it has looked whether it may go on"
    assert standing(pool) == {"version": "4", "oldest": "3", "needed": "0.3.0", "release": "0.4.0"}


def test_a_page_that_takes_longer_than_one_is_believed_is_not_done_again(pool: Pool) -> None:
    fill(pool.store, COUNT)

    class Heavy(Steps):
        def _pages(self, store: Store, mark: str) -> Iterator[list[str]]:
            for page in super()._pages(store, mark):
                store.redis.delete(store.key("schema:lock"))  # it has expired, and nobody else was there
                yield page

    heavy = Heavy()
    assert Process(pool.store, "0.3.0", heavy).start()
    assert heavy.begun == [""] and heavy.pages == -(-COUNT // PAGE)


def test_who_is_shut_out_meanwhile_ends(pool: Pool) -> None:
    fill(pool.store, COUNT)
    newest = [*Steps().history("0.4.0"), Change(5, "0.9.0", oldest=4)]
    slow = Slow(meanwhile=Migration(Schema(pool.store, history=newest, release="0.9.0")).run)
    with pytest.raises(Outdated, match=r"knows schema 3: start release 0\.4\.0"):
        Process(pool.store, "0.3.0", slow).start()
    assert standing(pool)["version"] == "5"


def test_several_that_start_at_once_convert_once(pool: Pool) -> None:
    fill(pool.store, COUNT)
    steps = Steps()
    ready = threading.Barrier(4)
    ended: list[bool] = []

    def start() -> None:
        ready.wait()
        ended.append(Migration(schema(pool.store, "0.4.0", steps)).run())

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == [True] * 4
    assert steps.begun == ["", ""]
    assert standing(pool)["version"] == "4"


@dataclass
class Elder:
    """A process of an older release, which is at work while a newer one converts."""

    schema: Schema
    seen: list[Any] = field(default_factory=list)

    def look(self, _seconds: float = 0.0) -> None:
        try:
            self.seen.append(self.schema.look().version)
        except Outdated as error:
            self.seen.append(error)


def test_elders_that_cannot_go_on_are_told_before_anything_is_converted(pool: Pool) -> None:
    fill(pool.store, COUNT)
    steps = Steps()
    assert Process(pool.store, "0.2.0").start()
    elder = Elder(schema(pool.store, "0.2.0", name="gateway old"))
    elder.look()
    assert Process(pool.store, "0.3.0", steps).start()
    elder.look()
    assert elder.seen == [2, 3], "a release goes on beside the next one"
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        elder.look()
        assert steps.begun == [""], "nothing is converted yet"

    assert Migration(schema(pool.store, "0.4.0", steps), pause=pause).run()
    assert sum(pauses) == pytest.approx(NOTICE_SECONDS)
    assert isinstance(elder.seen[-1], Outdated)


@pytest.mark.parametrize("seconds", [0.0, 4.0, NOTICE_SECONDS])
def test_what_is_left_of_the_notice_is_given_by_whoever_goes_on(pool: Pool, seconds: float) -> None:
    fill(pool.store, COUNT)
    assert Process(pool.store, "0.3.0").start()
    Elder(schema(pool.store, "0.2.0", name="gateway old")).look()
    steps, asked = Steps(), iter([False] * 5)
    newer = Migration(schema(pool.store, "0.4.0", steps), pause=lambda _: None)
    assert not newer.run(lambda: next(asked, True)), "it is told to stop amid the notice"
    assert standing(pool)["oldest"] == "3" and not steps.begun
    pool.clock.now += seconds
    pauses: list[float] = []
    assert Migration(schema(pool.store, "0.4.0", steps), pause=pauses.append).run()
    assert sum(pauses) == pytest.approx(NOTICE_SECONDS - seconds, abs=0.2)
    assert steps.begun == [""]
