"""Accounts that are not in the store as the accounts file has them, though the file has not changed."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import Mock

import pytest
import structlog

from devtools.waiting import until
from kimi.accounts import ConfiguredAccount
from kimi.pool import Store
from kimi.pool.interventions import Deleted, Interventions
from refresher import roster as rosters
from refresher.accounts_source import AccountsSource
from refresher.healing import BEHIND_SECONDS
from refresher.memory import Memory
from refresher.roster import CHECK_SECONDS, Roster
from tests.kimi.pool.pools import Pool
from tests.refresher.conftest import stored
from tests.refresher.rosters import (
    Remembering,
    go_on,
    go_on_with_another_line_of_writes,
    in_service,
    lose,
    roster_of,
    write,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "accounts.yaml", 3)


@pytest.fixture
def roster(pool: Pool, file: Path) -> Roster:
    roster = roster_of(pool, file)
    roster.start()
    return roster


def in_service_later(pool: Pool, roster: Roster) -> list[str]:
    go_on(pool, roster)
    return in_service(pool)


THREE = ["n000", "n001", "n002"]


@pytest.mark.parametrize("text", [None, "", "accounts:\n", "# being edited\n"])
@pytest.mark.usefixtures("roster")
def test_one_that_starts_without_a_file_takes_nothing_out(
    pool: Pool, tmp_path: Path, text: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    if text is not None:
        Path("accounts.yaml").write_text(text, encoding="utf-8")
    other = roster_of(pool, None)
    with structlog.testing.capture_logs() as lines:
        other.start()
        go_on(pool, other)
    assert in_service(pool) == THREE
    (line,) = lines
    assert line["log_level"] == "error" and "write `accounts: []` to remove all accounts" in line["error"]
    write(Path("accounts.yaml"), 4)
    go_on(pool, other)
    assert in_service(pool) == [*THREE, "n003"]


@pytest.mark.usefixtures("roster")
def test_one_that_knows_of_no_accounts_takes_none_out_when_redis_loses_something(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    other = Remembering(pool, None)
    go_on(pool, other)
    go_on_with_another_line_of_writes(pool)
    go_on(pool, other, seconds=5 * CHECK_SECONDS)
    assert other.memory.standings.losses == 1
    assert in_service(pool) == THREE


def test_a_file_that_takes_long_to_read_holds_up_nothing_else(pool: Pool, file: Path) -> None:
    class Slow(AccountsSource):
        def load(
            self, has_others: Callable[[Sequence[ConfiguredAccount]], bool] = lambda _: False
        ) -> tuple[ConfiguredAccount, ...]:
            assert threading.current_thread() is threading.main_thread() or may_end.wait(30)
            return super().load(has_others)

    may_end = threading.Event()
    with ThreadPoolExecutor(1) as beside:
        memory = Memory(pool.members, pool.tokens)
        roster = Roster(Slow(file), pool.members, memory, beside=beside, clock=pool.clock)
        roster.start()
        write(file, 4)
        go_on(pool, roster)
        lose(pool, "n001")
        go_on(pool, roster)
        assert in_service(pool) == THREE
        may_end.set()
        until(lambda: len(in_service_later(pool, roster)) == 4)
        file.write_text("accounts: 5", encoding="utf-8")
        with structlog.testing.capture_logs() as lines:
            until(lambda: in_service_later(pool, roster) and lines)
    assert lines[0]["error"].endswith("accounts must be a list")


def test_the_file_that_changed_last_has_its_way_and_the_other_refresher_tells_it_once(
    pool: Pool, roster: Roster, file: Path, tmp_path: Path
) -> None:
    other = roster_of(pool, write(tmp_path / "other.yaml", 1))
    other.start()
    with structlog.testing.capture_logs() as lines:
        go_on(pool, roster, other, seconds=4 * BEHIND_SECONDS)
    assert in_service(pool) == ["n000"]
    (told,) = lines
    assert (told["log_level"], told["accounts"]) == ("error", "n001, n002")
    assert told["event"].startswith("accounts are not in service as the accounts file of this refresher has them")
    write(file, 3)
    go_on(pool, roster, other)
    assert in_service(pool) == THREE, "it was saved again"


def test_another_ones_token_stays_and_is_told(pool: Pool, roster: Roster, file: Path, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(file.read_text().replace("sk-1-key", "sk-9-key"), encoding="utf-8")
    other = roster_of(pool, tmp_path / "other.yaml")
    other.start()
    with structlog.testing.capture_logs() as lines:
        go_on(pool, roster, other, seconds=2 * BEHIND_SECONDS)
    assert [line.get("accounts") for line in lines] == ["n001"]
    assert stored(pool, "n001").refresh == "sk-9-key"


@pytest.mark.parametrize("is_seen", [True, False])
@pytest.mark.parametrize("is_deleted", [True, False])
def test_one_whose_file_is_behind_does_not_enter_again_what_was_taken_out(
    pool: Pool, file: Path, tmp_path: Path, is_seen: bool, is_deleted: bool
) -> None:
    behind = Remembering(pool, file)
    pool.freshen("n001")
    other = roster_of(pool, write(tmp_path / "other.yaml", 1))
    other.start()
    go_on(pool, *[behind] * is_seen, other)
    if is_deleted:
        assert Interventions(pool.store).delete("n001") is Deleted.DELETED
    go_on(pool, behind, other, seconds=2 * BEHIND_SECONDS)
    go_on_with_another_line_of_writes(pool)
    go_on(pool, behind, other)
    assert in_service(pool) == ["n000"]


def test_one_whose_file_is_behind_does_not_share_a_token_with_the_new_name(
    pool: Pool, roster: Roster, file: Path, tmp_path: Path
) -> None:
    (tmp_path / "other.yaml").write_text(file.read_text().replace("n001", "renamed"), encoding="utf-8")
    other = roster_of(pool, tmp_path / "other.yaml")
    other.start()
    Interventions(pool.store).delete("n001")
    go_on(pool, roster, other, seconds=2 * BEHIND_SECONDS)
    assert in_service(pool) == ["n000", "n002", "renamed"]


def test_an_account_that_leaves_one_file_after_the_other_stays_out(
    pool: Pool, roster: Roster, file: Path, tmp_path: Path
) -> None:
    other = roster_of(pool, write(tmp_path / "other.yaml", 1))
    other.start()
    go_on(pool, roster, other, seconds=BEHIND_SECONDS / 2)
    write(file, 1)
    with structlog.testing.capture_logs() as lines:
        go_on(pool, roster, other, seconds=3 * BEHIND_SECONDS)
    assert in_service(pool) == ["n000"]
    assert {line["log_level"] for line in lines} == {"info"}


@pytest.fixture
def many(file: Path) -> None:
    write(file, 350)


@pytest.mark.usefixtures("many")
def test_what_is_lost_comes_back_though_nobody_saw_the_loss(pool: Pool, roster: Roster) -> None:
    lose(pool, "n120", "n340", "n341")
    go_on(pool, roster, seconds=4 * CHECK_SECONDS)
    assert len(in_service(pool)) == 350


@pytest.mark.parametrize(("left", "level"), [(9, "warning"), (12, "info")])
def test_a_change_that_takes_out_most_accounts_is_told_louder(pool: Pool, file: Path, left: int, level: str) -> None:
    roster = roster_of(pool, write(file, 20))
    roster.start()
    write(file, left)
    with structlog.testing.capture_logs() as lines:
        go_on(pool, roster)
    assert lines[0]["log_level"] == level
    assert len(in_service(pool)) == left


def test_a_clock_that_is_set_back_delays_nothing(pool: Pool, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rosters, "CHECK_SECONDS", 0.0)
    roster = Roster(AccountsSource(file), pool.members, Memory(pool.members, pool.tokens))
    roster.start()
    roster.check()
    monkeypatch.setattr("time.time", lambda: 0.0)
    write(file, 4)
    roster.check()
    roster.check()
    assert in_service(pool) == [*THREE, "n003"]


def test_a_file_that_cannot_be_read_for_now_is_told_once(
    pool: Pool, roster: Roster, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, 4)
    with monkeypatch.context() as patch, structlog.testing.capture_logs() as lines:
        patch.setattr(Path, "read_text", Mock(side_effect=OSError(errno.EMFILE, "Too many open files")))
        go_on(pool, roster, seconds=10 * CHECK_SECONDS)
    assert [line["log_level"] for line in lines] == ["error"]
    go_on(pool, roster)
    assert in_service(pool) == [*THREE, "n003"]


def test_accounts_of_another_pool_are_left_to_that_and_told_once(pool: Pool, file: Path) -> None:
    text = "accounts:\n" + "".join(f"  - {{name: {name}, refresh_token: eyJ.eyJ.{name}}}\n" for name in "abc")
    file.write_text(text, encoding="utf-8")
    cell = Pool(Store(pool.store.redis, "cell-1", clock=pool.clock), pool.clock)
    roster_of(cell, file).start()
    file.write_text(text + "  - {name: d, refresh_token: eyJ.eyJ.d}\n", encoding="utf-8")
    roster = roster_of(pool, file)
    with structlog.testing.capture_logs() as lines:
        roster.start()
        go_on(pool, roster, seconds=2 * BEHIND_SECONDS)
    assert in_service(pool) == ["d"]
    (told,) = [line for line in lines if line["log_level"] != "info"]
    assert told["error"].startswith("the pool cell-1 in this Redis has a, b, c, so that the tokens")
    moved = text.replace("eyJ.eyJ.a", "eyJ.eyJ.exported")
    file.write_text(moved + "  - {name: d, refresh_token: eyJ.eyJ.d}\n", encoding="utf-8")
    go_on(pool, roster)
    assert in_service(pool) == ["a", "d"]
    cell.members.sync([])
    file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    go_on(pool, roster)
    assert in_service(pool) == ["a", "b", "c", "d"], "it has them no more"


def test_what_is_left_out_is_no_loss_though_other_accounts_change(pool: Pool, file: Path) -> None:
    text = "accounts:\n  - {name: a, refresh_token: eyJ.eyJ.a}\n"
    file.write_text(text, encoding="utf-8")
    roster_of(Pool(Store(pool.store.redis, "cell-1", clock=pool.clock), pool.clock), file).start()
    file.write_text(text + "  - {name: b, refresh_token: eyJ.eyJ.b}\n", encoding="utf-8")
    roster = roster_of(pool, file)
    roster.start()
    with pool.held("b", 30):
        file.write_text(text + "  - {name: renamed, refresh_token: eyJ.eyJ.b}\n", encoding="utf-8")
        go_on(pool, roster)
    with structlog.testing.capture_logs() as lines:
        go_on(pool, roster, seconds=BEHIND_SECONDS)
    assert in_service(pool) == ["renamed"]
    assert len(lines) == 1, "the one that waited for the exchange"
