from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest.mock import Mock

import pytest

from kimi import accounts_file
from kimi.accounts import Kind
from kimi.accounts_file import AccountsError
from refresher.accounts_source import AccountsSource, NothingSaid

ONE = "accounts:\n  - {name: one, kind: moonshot, api_key: sk-one-one}\n"
TWO = ONE + "  - {name: two, kind: moonshot, api_key: sk-two-two}\n"


def names(source: AccountsSource) -> list[str]:
    return [member.account.name for member in source.load()]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.yaml"
    path.write_text(ONE, encoding="utf-8")
    return path


def settles(source: AccountsSource) -> bool:
    """Whether two looks in a row see a change that has come to rest."""
    source.changed()
    return source.changed()


def test_accounts_of_the_file_and_of_the_environment_are_one_list(file: Path) -> None:
    bare = accounts_file.from_tokens("sk-three", Kind.MOONSHOT)
    assert names(AccountsSource(file, bare)) == ["one", bare[0].account.name]


def test_an_account_in_both_places_is_a_mistake(file: Path) -> None:
    with pytest.raises(AccountsError, match="account one also stands in KIMI_REFRESH_TOKENS") as caught:
        AccountsSource(file, accounts_file.from_tokens("sk-one-one", Kind.MOONSHOT)).load()
    assert "sk-" not in str(caught.value)


def test_a_file_that_was_named_has_to_exist(tmp_path: Path) -> None:
    with pytest.raises(AccountsError, match="there is no such file"):
        AccountsSource(tmp_path / "gone.yaml").load()


def test_the_default_file_may_be_missing_and_is_found_when_it_appears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = AccountsSource(None)
    assert source.load() == ()
    assert not settles(source)
    source.path.write_text(ONE, encoding="utf-8")
    assert settles(source)
    assert names(source) == ["one"]
    assert not settles(source)


def rewrite(path: Path) -> None:
    path.write_text(TWO, encoding="utf-8")


def rename_over(path: Path) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(TWO, encoding="utf-8")
    fresh.rename(path)


def same_size_and_time(path: Path) -> None:
    before = path.stat()
    path.write_text(ONE.replace("one-one", "one-two"), encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("change", [rewrite, rename_over, same_size_and_time])
def test_a_change_is_seen_once_it_has_come_to_rest(file: Path, change: Callable[[Path], None]) -> None:
    source = AccountsSource(file)
    source.load()
    assert not settles(source)
    change(file)
    assert not source.changed()  # may be half a save
    assert source.changed()
    source.load()
    assert not source.changed()


def test_a_swapped_link_is_a_change(tmp_path: Path) -> None:
    for version, text in (("v1", ONE), ("v2", TWO)):
        (tmp_path / version).mkdir()
        (tmp_path / version / "accounts.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "data").symlink_to("v1")
    (tmp_path / "accounts.yaml").symlink_to("data/accounts.yaml")
    source = AccountsSource(tmp_path / "accounts.yaml")
    assert names(source) == ["one"]
    (tmp_path / "next").symlink_to("v2")
    (tmp_path / "next").rename(tmp_path / "data")
    assert settles(source)
    assert names(source) == ["one", "two"]


def test_a_broken_file_is_told_once_a_change(file: Path) -> None:
    source = AccountsSource(file)
    source.load()
    file.write_text("accounts: [", encoding="utf-8")
    assert settles(source)
    with pytest.raises(AccountsError):
        source.load()
    assert not settles(source)
    file.write_text(TWO, encoding="utf-8")
    assert settles(source)
    assert names(source) == ["one", "two"]


BREAKS = pytest.mark.parametrize(
    ("break_it", "complaint"),
    [
        (Path.unlink, "there is no such file"),
        *(
            (partial(Path.write_text, data=text), "names no accounts")
            for text in (
                "",
                "accounts:\n",
                "# being edited\n",
                "accounts:\n  # - {name: one\n",
                '{"accounts": null}',
                "~",
            )
        ),
    ],
)


@BREAKS
def test_a_file_that_held_accounts_and_vanished_does_not_mean_that_there_are_none(
    file: Path, break_it: Callable[[Path], object], complaint: str
) -> None:
    source = AccountsSource(file)
    source.load()
    break_it(file)
    assert settles(source)
    with pytest.raises(AccountsError, match=complaint):
        source.load()


@BREAKS
def test_nor_does_one_that_is_like_that_at_the_start_while_the_pool_has_accounts(
    file: Path, break_it: Callable[[Path], object], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    break_it(file)
    with pytest.raises(NothingSaid, match=complaint):
        AccountsSource(None).load(lambda _: True)
    assert AccountsSource(None).load(lambda _: False) == ()


def test_accounts_of_the_environment_need_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bare = accounts_file.from_tokens("sk-three", Kind.MOONSHOT)
    assert AccountsSource(None, bare).load(lambda of_it: of_it != bare) == bare


@BREAKS
def test_nor_do_they_mean_that_there_are_no_others(
    file: Path, break_it: Callable[[Path], object], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    bare = accounts_file.from_tokens("sk-three", Kind.MOONSHOT)
    source = AccountsSource(None, bare)
    source.load()
    break_it(file)
    for each in (source, AccountsSource(None, bare)):
        with pytest.raises(NothingSaid, match=complaint):
            each.load(lambda _: True)


def test_a_file_that_cannot_be_read_for_now_is_tried_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = AccountsSource(file)
    source.load()
    file.write_text(TWO, encoding="utf-8")
    assert settles(source)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", Mock(side_effect=OSError(errno.EMFILE, "Too many open files")))
        with pytest.raises(AccountsError, match="cannot be read: Too many open files"):
            source.load()
    assert source.changed()
    assert names(source) == ["one", "two"]


def test_all_accounts_can_be_removed_by_saying_so(file: Path) -> None:
    source = AccountsSource(file)
    source.load()
    file.write_text("accounts: []\n", encoding="utf-8")
    assert settles(source)
    assert source.load(lambda _: True) == ()


def test_a_file_of_another_program_is_read_and_never_written(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"token": "key", "auth_token": "x", "refresh_token": "eyJ.eyJ.x"}), encoding="utf-8")
    before = path.read_bytes()
    (member,) = AccountsSource(path, kind=Kind.CLASSIC).load()
    assert (member.account.kind, member.secret) == (Kind.CLASSIC, "eyJ.eyJ.x")
    assert path.read_bytes() == before
