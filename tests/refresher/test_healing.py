"""A store that has gone back to an older state, or lost everything, is brought to what a refresher remembers of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from kimi.accounts import ConfiguredAccount, Record, State
from kimi.pool import Members
from kimi.pool.interventions import Deleted, Interventions
from refresher.healing import AT_ONCE, BEHIND_SECONDS
from refresher.roster import CHECK_SECONDS
from tests.kimi.pool.pools import Pool, web
from tests.refresher.conftest import snapshot, stored
from tests.refresher.rosters import (
    Remembering,
    go_on,
    go_on_with_another_line_of_writes,
    in_service,
    lose,
    web_text,
    write,
)

MINUTES = 60.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.yaml"
    path.write_text(web_text("a", "b"), encoding="utf-8")
    return path


@pytest.fixture
def one(pool: Pool, file: Path) -> Remembering:
    one = Remembering(pool, file)
    go_on(pool, one)
    return one


def go_back_behind(pool: Pool, one: Remembering, file: Path, *rows: str) -> None:
    """The file gets those `rows`, and then Redis is what it was before."""
    go_back = snapshot(pool)
    file.write_text(web_text(*rows), encoding="utf-8")
    go_on(pool, one, seconds=10)
    go_back()
    go_on_with_another_line_of_writes(pool)


def beside(pool: Pool, file: Path, *rows: str) -> tuple[Remembering, Path]:
    """Another refresher, with a file of its own."""
    path = file.with_name("other.yaml")
    path.write_text(web_text(*rows), encoding="utf-8")
    return Remembering(pool, path), path


def beside_with_a_proxy(pool: Pool, file: Path, one: Remembering) -> Remembering:
    """Another refresher, which has given the account a proxy."""
    other, path = beside(pool, file, "a", "b")
    path.write_text(web_text("a|a|proxy: 'http://second:1'", "b"), encoding="utf-8")
    go_on(pool, one, other, seconds=10)
    return other


@pytest.mark.parametrize("is_deleted", [True, False])
def test_what_left_the_file_is_taken_out_again(pool: Pool, one: Remembering, file: Path, is_deleted: bool) -> None:
    pool.freshen("b")
    go_on(pool, one)
    go_back = snapshot(pool)
    if is_deleted:
        file.write_text(web_text("a", "b|another"), encoding="utf-8")
        go_on(pool, one, seconds=10)
    file.write_text(web_text("a"), encoding="utf-8")
    go_on(pool, one, seconds=10)
    if is_deleted:
        assert Interventions(pool.store).delete("b") is Deleted.DELETED
    go_back()
    go_on_with_another_line_of_writes(pool)
    with structlog.testing.capture_logs() as lines:
        go_on(pool, one, seconds=MINUTES)
    assert in_service(pool) == ["a"]
    assert [(line["log_level"], line["accounts"]) for line in lines] == [("warning", "b")]


def test_one_whose_file_has_them_otherwise_leaves_them_as_they_are(pool: Pool, one: Remembering, file: Path) -> None:
    other, path = beside(pool, file, "a|a|proxy: 'http://second:1'", "b")
    go_on(pool, one, other)
    go_back = snapshot(pool)
    path.write_text(web_text("a|a|proxy: 'http://third:1'"), encoding="utf-8")
    go_on(pool, one, other, seconds=10)
    assert in_service(pool) == ["a"]
    go_back()
    go_on_with_another_line_of_writes(pool)
    go_on(pool, one, seconds=MINUTES)
    assert in_service(pool) == ["a", "b"], "its own file says so"
    assert stored(pool, "a").account.proxy == "http://second:1"


def test_nobody_is_taken_out_by_one_whose_file_says_nothing(pool: Pool, file: Path) -> None:
    other, path = beside(pool, file, "a", "b")
    file.write_text("accounts: 5", encoding="utf-8")
    one = Remembering(pool, file)
    go_on(pool, one, other)
    go_back = snapshot(pool)
    path.write_text(web_text("a"), encoding="utf-8")
    go_on(pool, one, other, seconds=10)
    go_back()
    go_on_with_another_line_of_writes(pool)
    go_on(pool, one, seconds=10)
    assert in_service(pool) == ["a", "b"]


def test_one_that_is_being_exchanged_then_is_taken_out_afterwards(pool: Pool, one: Remembering, file: Path) -> None:
    go_back_behind(pool, one, file, "a")
    with pool.held("b", 30):
        go_on(pool, one)
        assert in_service(pool) == ["a", "b"]
    go_on(pool, one)
    assert in_service(pool) == ["a"]


def test_one_that_was_renamed_has_its_new_name_again(pool: Pool, one: Remembering, file: Path) -> None:
    pool.freshen("b")
    go_back_behind(pool, one, file, "a", "renamed|b")
    go_on(pool, one, seconds=10)
    assert in_service(pool) == ["a", "renamed"]
    assert stored(pool, "renamed").refresh == "refresh-b-2", "it is no new one"


def test_who_comes_by_somebodys_will_stays(pool: Pool, one: Remembering, file: Path) -> None:
    file.write_text(web_text("a"), encoding="utf-8")
    go_on(pool, one, seconds=10)
    hands = Interventions(pool.store)
    hands.delete("b")
    hands.enter(ConfiguredAccount(web("c"), "C"))
    go_on(pool, one)
    hands.delete("c")
    go_on(pool, one)
    pool.store.redis.flushall()
    go_on(pool, one, seconds=10)
    hands.enter(ConfiguredAccount(web("c"), "C"))
    other, _ = beside(pool, file, "a", "b")
    go_on(pool, one, other, seconds=10)
    assert in_service(pool) == ["a", "b", "c"]


def test_what_was_deleted_by_hand_is_deleted_again(pool: Pool, one: Remembering) -> None:
    hands = Interventions(pool.store)
    hands.enter(ConfiguredAccount(web("hand"), "T"))
    go_on(pool, one)
    go_back = snapshot(pool)
    hands.delete("hand")
    go_on(pool, one, seconds=10)
    go_back()
    go_on_with_another_line_of_writes(pool)
    with structlog.testing.capture_logs() as lines:
        go_on(pool, one, seconds=MINUTES)
    assert in_service(pool) == ["a", "b"]
    assert [(line["log_level"], line["accounts"]) for line in lines] == [("warning", "hand")]


def test_what_left_and_came_back_is_entered_again(pool: Pool, one: Remembering, file: Path) -> None:
    hands = Interventions(pool.store)
    hands.enter(ConfiguredAccount(web("hand"), "T"))
    go_on(pool, one)
    file.write_text(web_text("a"), encoding="utf-8")
    hands.delete("hand")
    go_on(pool, one, seconds=8)
    go_back = snapshot(pool)
    file.write_text(web_text("a", "b"), encoding="utf-8")
    hands.enter(ConfiguredAccount(web("hand"), "T"))
    go_on(pool, one, seconds=8)
    pool.freshen("b")
    pool.freshen("hand")  # as whoever comes in is refreshed at once
    go_on(pool, one)
    go_back()
    go_on_with_another_line_of_writes(pool)
    go_on(pool, one, seconds=10)
    assert in_service(pool) == ["a", "b", "hand"]


def test_what_was_lost_of_an_account_is_as_the_file_has_it_again(pool: Pool, one: Remembering, file: Path) -> None:
    go_back_behind(pool, one, file, "a|a|proxy: 'http://new:1'", "b|another")
    go_on(pool, one, seconds=10)
    assert stored(pool, "a").account.proxy == "http://new:1"
    assert stored(pool, "b").refresh == "eyJ.eyJ.another"


def test_a_restart_in_which_nothing_is_lost_changes_nothing_where_files_differ(
    pool: Pool, one: Remembering, file: Path
) -> None:
    other, _ = beside(pool, file, "a|a|proxy: 'http://new:1'", "b|another")
    go_on(pool, one, other)
    go_on_with_another_line_of_writes(pool)
    with structlog.testing.capture_logs() as lines:
        go_on(pool, one, other, seconds=2 * BEHIND_SECONDS)
    assert stored(pool, "a").account.proxy == "http://new:1"
    assert stored(pool, "b").refresh == "eyJ.eyJ.another"
    assert [(line["log_level"], line["accounts"]) for line in lines] == [("error", "a, b")]


def test_limits_that_were_edited_are_no_difference_that_is_told(pool: Pool, one: Remembering) -> None:
    Interventions(pool.store).edit("a", lambda account: replace(account, weight=7))
    Interventions(pool.store).pause("b")
    with structlog.testing.capture_logs() as lines:
        go_on(pool, one, seconds=2 * BEHIND_SECONDS)
    assert lines == []


def test_what_another_one_had_taken_out_stays_out_behind_a_total_loss_and_is_told_anew(
    pool: Pool, one: Remembering, file: Path
) -> None:
    other, _ = beside(pool, file, "a")
    with structlog.testing.capture_logs() as lines:
        go_on(pool, one, other, seconds=2 * BEHIND_SECONDS)
        pool.store.redis.flushall()
        go_on(pool, one, seconds=2 * BEHIND_SECONDS)
    assert in_service(pool) == ["a"]
    assert [line["accounts"] for line in lines if line["log_level"] == "error"] == ["b", "b"]


def test_two_whose_files_differ_have_everything_again_as_the_last_one_had_it(
    pool: Pool, one: Remembering, file: Path
) -> None:
    other, _ = beside(pool, file, "b|another", "c")
    go_on(pool, one, other, seconds=10)
    pool.store.redis.flushall()
    go_on(pool, one, other, seconds=2 * BEHIND_SECONDS)
    assert in_service(pool) == ["b", "c"]
    assert stored(pool, "b").refresh == "eyJ.eyJ.another"


def test_after_a_loss_nobody_is_taken_out_who_was_in_service(pool: Pool, one: Remembering, file: Path) -> None:
    other, _ = beside(pool, file, "a", "b", "c")
    go_on(pool, one, other)
    lose(pool, "a")
    go_on(pool, one)
    assert in_service(pool) == ["a", "b", "c"]


class Counted(Members):
    """The most accounts that were read, or entered, at once."""

    most = 0

    def some(self, names: Sequence[str]) -> list[Record]:
        self.most = max(self.most, len(names))
        return super().some(names)


def test_what_is_lost_is_looked_for_and_entered_in_steps_between_which_refreshes_begin(pool: Pool, file: Path) -> None:
    one = Remembering(pool, write(file, 2 * AT_ONCE + 50))
    go_on(pool, one)
    Interventions(pool.store).pause("n600")
    go_on(pool, one)
    pool.store.redis.flushall()
    pool.clock.now += CHECK_SECONDS
    counts = []
    for _ in range(3):
        one.check()
        counts.append(len(in_service(pool)))
    assert counts == [AT_ONCE, 2 * AT_ONCE, 2 * AT_ONCE + 50]
    assert stored(pool, "n600").state is State.PAUSED


def test_what_redis_has_lost_comes_back_though_another_refresher_had_it_behind_another_proxy(
    pool: Pool, one: Remembering, file: Path
) -> None:
    other = beside_with_a_proxy(pool, file, one)
    pool.freshen("a")
    go_on(pool, one, other)
    pool.store.redis.flushall()
    go_on(pool, one)
    assert in_service(pool) == ["a", "b"]
    assert stored(pool, "a").refresh == "refresh-a-2"
    go_on(pool, other, one, seconds=10)
    assert stored(pool, "a").account.proxy == "http://second:1"


def test_its_proxy_comes_back_though_another_refresher_entered_it_and_it_was_exchanged(
    pool: Pool, one: Remembering, file: Path
) -> None:
    other = beside_with_a_proxy(pool, file, one)
    pool.store.redis.flushall()
    go_on(pool, one)
    pool.freshen("a")
    go_on(pool, other, one, seconds=10)
    assert stored(pool, "a").account.proxy == "http://second:1"
    assert stored(pool, "a").refresh == "refresh-a-2"


def test_what_had_left_is_taken_out_again_before_others_are_looked_at(pool: Pool, file: Path) -> None:
    names = [f"n{number:03}" for number in range(2 * AT_ONCE)]
    file.write_text(web_text("a", *names), encoding="utf-8")
    one = Remembering(pool, file)
    go_on(pool, one)
    go_back_behind(pool, one, file, *names)
    pool.clock.now += CHECK_SECONDS
    one.check()
    assert in_service(pool) == names


def test_what_had_left_is_taken_out_again_though_redis_restarts_once_more(
    pool: Pool, one: Remembering, file: Path
) -> None:
    go_back = snapshot(pool)
    file.write_text(web_text("a"), encoding="utf-8")
    go_on(pool, one, seconds=10)
    go_back()
    pool.store.redis.set(pool.store.key("lock", "b"), "it is being exchanged")
    go_on_with_another_line_of_writes(pool)
    go_on(pool, one)
    go_on_with_another_line_of_writes(pool)
    go_on(pool, one)
    assert in_service(pool) == ["a", "b"]
    pool.store.redis.delete(pool.store.key("lock", "b"))
    go_on(pool, one)
    assert in_service(pool) == ["a"]


def test_what_had_left_is_taken_out_again_though_it_was_exchanged_before_anybody_looked(
    pool: Pool, one: Remembering, file: Path
) -> None:
    go_back_behind(pool, one, file, "a")
    pool.freshen("b")
    go_on(pool, one)
    assert in_service(pool) == ["a"]


def test_accounts_that_swapped_their_secrets_have_them_again_behind_an_older_state(
    pool: Pool, one: Remembering, file: Path
) -> None:
    go_back_behind(pool, one, file, "a|b", "b|a")
    go_on(pool, one, seconds=10)
    assert (stored(pool, "a").refresh, stored(pool, "b").refresh) == ("eyJ.eyJ.b", "eyJ.eyJ.a")


def test_one_that_was_renamed_is_there_again_behind_an_older_state_though_its_name_is_given_to_another(
    pool: Pool, one: Remembering, file: Path
) -> None:
    go_back_behind(pool, one, file, "a|new", "renamed|a", "b")
    go_on(pool, one, seconds=10)
    assert in_service(pool) == ["a", "b", "renamed"]
