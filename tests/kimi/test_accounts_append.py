"""Accounts are added to a file, and nothing else in it changes."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from kimi.account_forms import AccountsError
from kimi.accounts import Account, ConfiguredAccount, Kind, Region
from kimi.accounts_append import appended, write
from kimi.accounts_file import parse

FULL = ConfiguredAccount(
    Account(
        name="名字: #1",
        kind=Kind.KIMI,
        region=Region.GLOBAL,
        max_concurrency=2,
        requests_per_minute=10,
        weight=2.5,
        priority=-1,
        proxy="socks5h://user:pass@127.0.0.1:1080",
        base_url="https://example.org",
    ),
    "eyJ.a.b",
)
KEY = ConfiguredAccount(
    Account(name="key", kind=Kind.MOONSHOT, max_concurrency=50, models=("kimi-k3",)), "sk-" + "x" * 300
)
PLAIN = ConfiguredAccount(Account(name="plain", kind=Kind.CLASSIC), "eyJ.c.d")
NEW = (FULL, KEY, PLAIN)


def add(text: str) -> str:
    return appended(text, NEW, "accounts.yaml", Kind.KIMI)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# mine\n\n",
        "accounts:\n",
        "accounts: []\n",
        "accounts: [] # none yet",
        "accounts: null",
        "accounts: ~\n# later\n",
        "accounts:  # all of them\n",
        "accounts:\n  - name: old  # the first\n    refresh_token: eyJ.x.y\n# the end\n",
        "accounts:\n- {name: old, refresh_token: eyJ.x.y}",
        "---\naccounts:\n    - name: old\n      refresh_token: eyJ.x.y\n\n\n",
    ],
)
def test_what_stands_there_stays(text: str) -> None:
    after = add(text)
    assert parse(after, "accounts.yaml") == (*parse(text, "accounts.yaml"), *NEW)
    for comment in ("# mine", "# none yet", "# later", "# all of them", "# the first", "# the end"):
        assert (comment in after) == (comment in text)
    assert add(text).startswith(text.rstrip()) or "old" not in text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("accounts: [{name: old, refresh_token: eyJ.x.y}]", "do it by hand"),
        (json.dumps({"accounts": [{"name": "old", "refresh_token": "eyJ.x.y"}]}), "do it by hand"),
        ("accounts: []\n...\n", "do it by hand"),
        ("eyJ.x.y\n", "in another form"),
        (json.dumps([{"refresh_token": "eyJ.x.y"}], indent="\t"), "in another form"),
        ("theme\tdark\nopen: { [ @\nrefresh_token: eyJ.x.y\n", "in another form"),
        (json.dumps({"auth_token": "x", "refresh_token": "eyJ.x.y"}), "do it by hand"),
        ("accounts:\n  - name: key\n    refresh_token: eyJ.x.y\n", "do it by hand"),
        ("accounts: 5", "accounts must be a list"),
    ],
)
def test_a_file_that_cannot_be_added_to_is_left_alone(text: str, complaint: str) -> None:
    with pytest.raises(AccountsError, match=complaint) as caught:
        add(text)
    assert "eyJ" not in str(caught.value) and "sk-" not in str(caught.value)


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "accounts.yaml"
    write(path, "accounts: []\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text("utf-8") == "accounts: []\n"


def test_an_old_file_keeps_its_mode_and_a_link_stays_one(tmp_path: Path) -> None:
    path, link = tmp_path / "real.yaml", tmp_path / "accounts.yaml"
    path.write_text("old", "utf-8")
    path.chmod(0o640)
    link.symlink_to(path)
    write(link, "new")
    assert link.is_symlink() and path.read_text("utf-8") == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(file.name for file in tmp_path.iterdir()) == ["accounts.yaml", "real.yaml"]


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    with pytest.raises(AccountsError, match="cannot be written: No such file or directory"):
        write(tmp_path / "nowhere" / "accounts.yaml", "x")
