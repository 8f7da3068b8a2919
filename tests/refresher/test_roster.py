from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import structlog

from kimi import accounts_file
from kimi.accounts import ConfiguredAccount, Kind, State
from kimi.accounts_file import AccountsError
from kimi.errors import StoreUnavailable
from kimi.pool import Members, Store
from kimi.pool.interventions import Interventions
from kimi.pool.members import SyncReport
from kimi.pool.specs import with_proxy
from kimi.pool.tokens import Credential
from kimi.pool.vault import Vault
from kimi.sealing_keys import new_key
from refresher.accounts_source import AccountsSource
from refresher.memory import Memory
from refresher.roster import CHECK_SECONDS, Roster
from tests.kimi.pool.pools import Pool, web
from tests.refresher.conftest import stored

ONE = "accounts:\n  - {name: one, kind: moonshot, api_key: sk-one-one}\n"
TWO = ONE + "  - {name: two, kind: moonshot, api_key: sk-two-two}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.yaml"
    path.write_text(ONE, encoding="utf-8")
    return path


@pytest.fixture
def memory(pool: Pool) -> Memory:
    return Memory(pool.members, pool.tokens)


@pytest.fixture
def roster(pool: Pool, file: Path, memory: Memory) -> Roster:
    return Roster(AccountsSource(file), pool.members, memory, clock=pool.clock)


def checks(roster: Roster, pool: Pool, times: int = 2) -> None:
    for _ in range(times):
        pool.clock.now += CHECK_SECONDS
        roster.check()


def names(pool: Pool) -> list[str]:
    return [record.account.name for record in pool.members.all() if record.configured]


def test_a_change_of_the_file_is_taken_within_ten_seconds(pool: Pool, roster: Roster, file: Path) -> None:
    roster.start()
    assert names(pool) == ["one"]
    file.write_text(TWO, encoding="utf-8")
    began = pool.clock.now
    checks(roster, pool)
    assert names(pool) == ["one", "two"]
    assert pool.clock.now - began < 10
    file.write_text(ONE, encoding="utf-8")
    checks(roster, pool)
    assert names(pool) == ["one"]


def test_the_file_is_not_looked_at_more_often_than_that(pool: Pool, roster: Roster, file: Path) -> None:
    roster.start()
    checks(roster, pool, times=1)
    file.write_text(TWO, encoding="utf-8")
    for _ in range(10):
        roster.check()
    assert names(pool) == ["one"]


def test_a_broken_file_leaves_everything_as_it_is_and_is_told_once(pool: Pool, roster: Roster, file: Path) -> None:
    roster.start()
    file.write_text("accounts: [{name: two}]", encoding="utf-8")
    with structlog.testing.capture_logs() as lines:
        checks(roster, pool, times=6)
    assert names(pool) == ["one"]
    (line,) = lines
    assert line["log_level"] == "error"
    assert "accounts[0] (two): refresh_token is missing" in line["error"]
    file.write_text(TWO, encoding="utf-8")
    checks(roster, pool)
    assert names(pool) == ["one", "two"]


def loop(file: Path) -> None:
    file.unlink()
    file.symlink_to(file)


BREAKS = pytest.mark.parametrize(
    "break_it",
    [
        Path.unlink,
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"accounts: 5"),
        lambda file: file.write_bytes(TWO.encode()[:-20]),
        lambda file: file.write_bytes(TWO.encode() + b"# \xe9"),
        loop,
    ],
    ids=["gone", "blank", "mistaken", "cut", "no text", "unreadable"],
)


@BREAKS
@pytest.mark.parametrize("bare", ["", "sk-three", "sk-two-two"])
def test_whatever_befell_the_file_at_the_start_takes_nobody_out(
    pool: Pool, file: Path, memory: Memory, break_it: Callable[[Path], object], bare: str
) -> None:
    file.write_text(TWO, encoding="utf-8")
    Roster(AccountsSource(file), pool.members, memory, clock=pool.clock).start()
    break_it(file)
    source = AccountsSource(file, accounts_file.from_tokens(bare, Kind.MOONSHOT) if bare else ())
    roster = Roster(source, pool.members, memory, clock=pool.clock)
    with structlog.testing.capture_logs() as lines:
        roster.start()
        checks(roster, pool)
    assert [line["event"][:25] for line in lines if line["log_level"] != "info"] == ["accounts file is not take"]
    is_third = bare == "sk-three"
    assert len(names(pool)) == 2 + is_third, "nor has another one the same token"
    file.unlink(missing_ok=True)
    file.write_text(ONE, encoding="utf-8")
    checks(roster, pool)
    assert len(names(pool)) == 1 + bool(bare)


@BREAKS
def test_nor_does_it_while_one_has_accounts_of_the_environment(
    pool: Pool, file: Path, memory: Memory, break_it: Callable[[Path], object]
) -> None:
    source = AccountsSource(file, accounts_file.from_tokens("sk-three", Kind.MOONSHOT))
    roster = Roster(source, pool.members, memory, clock=pool.clock)
    roster.start()
    before = names(pool)
    break_it(file)
    checks(roster, pool)
    assert names(pool) == before
    file.unlink(missing_ok=True)
    file.write_text("accounts: []", encoding="utf-8")
    checks(roster, pool)
    assert names(pool) == before[:1]


def test_a_broken_file_at_the_start_is_an_error_where_the_pool_has_none(pool: Pool, roster: Roster, file: Path) -> None:
    file.write_text("accounts: 5", encoding="utf-8")
    with pytest.raises(AccountsError):
        roster.start()
    assert names(pool) == []


def test_nor_is_it_where_accounts_were_added_by_hand(pool: Pool, roster: Roster, file: Path) -> None:
    Interventions(pool.store).enter(ConfiguredAccount(web("hand"), "T"))
    file.write_text("accounts: 5", encoding="utf-8")
    roster.start()
    assert names(pool) == ["hand"]


def test_without_accounts_it_starts_and_says_how_to_add_some(
    pool: Pool, tmp_path: Path, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    roster = Roster(AccountsSource(None), pool.members, memory, clock=pool.clock)
    with structlog.testing.capture_logs() as lines:
        roster.start()
        checks(roster, pool)
    (line,) = [line for line in lines if line["log_level"] == "warning"]
    assert "accounts.yaml" in line["event"]
    assert "KIMI_REFRESH_TOKENS" in line["event"]
    (tmp_path / "accounts.yaml").write_text(ONE, encoding="utf-8")
    checks(roster, pool)
    assert names(pool) == ["one"]


def test_a_store_that_lost_everything_is_filled_again(pool: Pool, roster: Roster, file: Path) -> None:
    file.write_text(TWO, encoding="utf-8")
    roster.start()
    pool.store.redis.flushall()
    checks(roster, pool, times=1)
    assert names(pool) == ["one", "two"]


def test_a_store_that_lost_everything_gets_the_rotated_tokens_and_not_the_spent_ones(
    pool: Pool, roster: Roster, memory: Memory
) -> None:
    roster.start()
    memory.remember(stored(pool, "one").fingerprint, Credential("rotated", 7))
    pool.store.redis.flushall()
    checks(roster, pool, times=1)
    assert (stored(pool, "one").refresh, stored(pool, "one").version) == ("rotated", 7)


def test_an_account_whose_death_nobody_told_is_brought_back(
    pool: Pool, roster: Roster, file: Path, memory: Memory
) -> None:
    file.write_text(TWO, encoding="utf-8")
    roster.start()
    memory.remember(stored(pool, "two").fingerprint, Credential("rotated", 7))
    for name in ("one", "two"):
        pool.members.mark(name, 1, State.DEAD, "refused")
    checks(roster, pool)
    assert stored(pool, "one").state is State.DEAD
    assert (stored(pool, "two").state, stored(pool, "two").refresh) == (State.NEW, "rotated")


def test_another_replicas_newer_file_is_not_overwritten(
    pool: Pool, roster: Roster, tmp_path: Path, memory: Memory
) -> None:
    roster.start()
    newer = tmp_path / "newer.yaml"
    newer.write_text(TWO.replace("sk-one-one", "sk-new-new"), encoding="utf-8")
    Roster(AccountsSource(newer), pool.members, memory, clock=pool.clock).start()
    checks(roster, pool, times=6)
    assert names(pool) == ["one", "two"]
    record = pool.members.get("one")
    assert record is not None
    assert (record.refresh, record.state) == ("sk-new-new", State.NEW)


def test_a_line_of_the_log_names_some_of_many_accounts(roster: Roster, file: Path) -> None:
    entries = [f"  - {{name: n{number}, kind: moonshot, api_key: sk-{number}-key}}\n" for number in range(25)]
    file.write_text("accounts:\n" + "".join(entries), encoding="utf-8")
    with structlog.testing.capture_logs() as lines:
        roster.start()
    (line,) = lines
    assert line["configured"] == 25
    assert line["added"].startswith("n0, n1, ")
    assert line["added"].endswith("n19 and 5 more")
    assert line["removed"] == ""


def test_accounts_whose_proxies_cannot_be_opened_are_named(pool: Pool, roster: Roster, file: Path) -> None:
    pool.members.sync([ConfiguredAccount(web("one", proxy="http://proxy:1"), "refresh-one")])
    account = pool.store.key("account", "one")
    lost = with_proxy(pool.store.redis.hget(account, "spec"), Vault([new_key()]).seal("http://proxy:1"))
    pool.store.redis.hset(account, mapping={"spec": lost, "written": lost})
    proxied = ONE.replace("}", ", proxy: 'http://proxy:2'}")
    file.write_text(proxied, encoding="utf-8")
    with structlog.testing.capture_logs() as lines:
        roster.start()
    warned, taken = lines
    assert (warned["log_level"], warned["accounts"]) == ("warning", "one")
    assert warned["event"].startswith("accounts are not taken, for no key of TOKEN_ENCRYPTION_KEYS opens their proxies")
    assert taken["event"] == "accounts taken"


class Gone(Members):
    """A store that does not answer for a while."""

    gone = False

    def sync(self, *args: object, **kwargs: object) -> object:  # type: ignore[override]
        if self.gone:
            raise StoreUnavailable("gone")
        return super().sync(*args, **kwargs)  # type: ignore[arg-type]


def test_a_change_that_the_store_could_not_take_is_taken_later(pool: Pool, file: Path, memory: Memory) -> None:
    members = Gone(pool.store)
    roster = Roster(AccountsSource(file), members, memory, clock=pool.clock)
    roster.start()
    file.write_text(TWO, encoding="utf-8")
    members.gone = True
    checks(roster, pool, times=1)
    with pytest.raises(StoreUnavailable):
        checks(roster, pool, times=1)
    members.gone = False
    checks(roster, pool, times=1)
    assert names(pool) == ["one", "two"]


def test_a_renamed_account_is_taken_once_its_exchange_is_over(pool: Pool, roster: Roster, file: Path) -> None:
    roster.start()
    with pool.held("one", 30):
        file.write_text(ONE.replace("name: one", "name: other"), encoding="utf-8")
        checks(roster, pool)
        assert names(pool) == ["one"], "it serves on"
        checks(roster, pool)
        assert names(pool) == ["one"]
    checks(roster, pool, times=1)
    assert names(pool) == ["other"]


class Counted(Members):
    """Tells which accounts were entered."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.entered: list[Collection[str] | None] = []

    def sync(self, *args: Any, only: Collection[str] | None = None, **options: Any) -> SyncReport:
        self.entered.append(only)
        return super().sync(*args, only=only, **options)


def test_a_change_of_one_account_enters_that_one_alone(pool: Pool, file: Path, memory: Memory) -> None:
    members = Counted(pool.store)
    roster = Roster(AccountsSource(file), members, memory, clock=pool.clock)
    file.write_text(TWO, encoding="utf-8")
    roster.start()
    file.write_text(TWO.replace("sk-two-two", "sk-new-new"), encoding="utf-8")
    checks(roster, pool)
    assert stored(pool, "two").refresh == "sk-new-new"
    file.write_text(ONE, encoding="utf-8")
    checks(roster, pool)
    assert names(pool) == ["one"]
    assert members.entered == [None, {"two"}, set()]


def test_what_could_not_be_taken_is_not_forgotten_with_the_next_change(pool: Pool, file: Path, memory: Memory) -> None:
    members = Gone(pool.store)
    roster = Roster(AccountsSource(file), members, memory, clock=pool.clock)
    roster.start()
    for text in (TWO, TWO + "  - {name: three, kind: moonshot, api_key: sk-three-three}\n"):
        file.write_text(text, encoding="utf-8")
        members.gone = True
        pool.clock.now += CHECK_SECONDS
        with suppress(StoreUnavailable):
            roster.check()
        with pytest.raises(StoreUnavailable):
            checks(roster, pool, times=1)
    members.gone = False
    checks(roster, pool, times=1)
    assert names(pool) == ["one", "three", "two"]
