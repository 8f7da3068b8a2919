from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import jwt
import pytest

from kimi import accounts_file
from kimi.accounts import ConfiguredAccount, Kind, Region
from kimi.accounts_file import AccountsError


def token(user: str, **claims: Any) -> str:
    return jwt.encode({"typ": "refresh", "sub": user, **claims}, "0" * 64, algorithm="HS512")


ALICE, BOB = token("alice"), token("bob")


def parse(text: str) -> tuple[ConfiguredAccount, ...]:
    return accounts_file.parse(textwrap.dedent(text), "accounts.yaml")


def complaints(text: str) -> list[str]:
    with pytest.raises(AccountsError) as caught:
        parse(text)
    said = str(caught.value)
    assert "eyJ" not in said
    assert "sk-" not in said
    return said.splitlines()


def test_every_field_is_read() -> None:
    web, official = parse(f"""
        accounts:
          - name: alice
            kind: kimi
            region: global
            refresh_token: {ALICE}
            max_concurrency: 2
            requests_per_minute: 10
            weight: 2.5
            priority: -1
            proxy: socks5h://user:pass@127.0.0.1:1080
          - name: official
            kind: moonshot
            api_key: sk-abcdefgh
            base_url: https://api.moonshot.ai/v1/
            models: [kimi-k2.6, kimi-k3]
    """)
    assert web.secret == ALICE
    assert web.account.kind is Kind.KIMI
    assert web.account.region is Region.GLOBAL
    assert (web.account.max_concurrency, web.account.requests_per_minute) == (2, 10)
    assert (web.account.weight, web.account.priority) == (2.5, -1)
    assert web.account.proxy == "socks5h://user:pass@127.0.0.1:1080"
    assert official.secret == "sk-abcdefgh"
    assert official.account.kind is Kind.MOONSHOT
    assert official.account.base_url == "https://api.moonshot.ai/v1"
    assert official.account.models == ("kimi-k2.6", "kimi-k3")


def test_defaults_depend_on_the_kind() -> None:
    web, classic, official = parse(f"""
        accounts:
          - {{name: a, refresh_token: {ALICE}, proxy: null}}
          - {{name: b, kind: kimi-classic, refresh_token: "Bearer {BOB}"}}
          - {{name: c, kind: moonshot, api_key: sk-abcdefgh}}
    """)
    assert (web.account.kind, classic.account.kind) == (Kind.KIMI, Kind.CLASSIC)
    assert [member.account.max_concurrency for member in (web, classic, official)] == [1, 1, 50]
    assert web.account.region is Region.CN
    assert (web.account.weight, web.account.priority, web.account.requests_per_minute) == (1.0, 0, None)
    assert web.account.proxy is None
    assert official.account.models == ()


def test_json_is_read_too() -> None:
    text = json.dumps({"accounts": [{"name": "爱丽丝", "kind": "kimi", "refresh_token": {"refresh_token": ALICE}}]})
    (member,) = parse(text)
    assert (member.account.name, member.secret) == ("爱丽丝", ALICE)


@pytest.mark.parametrize("text", ["", "# nothing\n", "accounts:\n", "accounts: []\n"])
def test_a_file_may_hold_no_accounts(text: str) -> None:
    assert parse(text) == ()


def test_all_mistakes_are_told_at_once_with_account_and_field() -> None:
    assert complaints(f"""
        accounts:
          - name: alice
            kind: kimi
            refresh_token: {ALICE}
          - name: alice
            kind: kimi-classic
            region: cn
            refresh_token: {BOB}
            weight: 0
          - name: carol
            kind: kimi
          - kind: moonshot
            refresh_token: {token("dave")}
          - name: erin
            kind: gemini
          - name: frank
            refresh_token: {ALICE}
            proxy: 127.0.0.1:1080
            max_concurrency: many
            colour: red
          - just text
          - name: grace
            kind: moonshot
            api_key: sk-abcdefgh
            base_url: api.moonshot.ai
            models: [kimi-k3, 5]
    """) == [
        "accounts.yaml: accounts[1] (alice): weight must be at least 0.001",
        "accounts.yaml: accounts[1] (alice): region is not for kind kimi-classic",
        "accounts.yaml: accounts[2] (carol): refresh_token is missing",
        "accounts.yaml: accounts[3]: name is missing",
        "accounts.yaml: accounts[3]: api_key is missing",
        "accounts.yaml: accounts[3]: refresh_token is not for kind moonshot",
        "accounts.yaml: accounts[4] (erin): kind must be one of kimi, kimi-classic, moonshot",
        "accounts.yaml: accounts[5] (frank): max_concurrency must be a whole number",
        "accounts.yaml: accounts[5] (frank): proxy must be the URL of a proxy, as in socks5h://host:1080",
        "accounts.yaml: accounts[5] (frank): colour is not a field of an account",
        "accounts.yaml: accounts[6]: must be a mapping with name, kind, and refresh_token or api_key",
        "accounts.yaml: accounts[7] (grace): base_url must start with http:// or https://",
        "accounts.yaml: accounts[7] (grace): models[1] must be a text",
        "accounts.yaml: accounts[1] (alice): has the same name as accounts[0] (alice)",
        "accounts.yaml: accounts[5] (frank): has the same refresh_token as accounts[0] (alice)",
    ]


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ("name: ''", "name must have 1 to 64 characters"),
        ("name: 12", "name must be a text"),
        ("name: 'a{b'", "(a{b): name must not contain control characters or braces"),
        ("name: a, weight: .inf", "(a): weight must be a finite number"),
        ("name: a, weight: 1.0e-320", "(a): weight must be at least 0.001"),
        ("name: a, max_concurrency: true", "(a): max_concurrency must be a whole number"),
        ("name: a, priority: 1001", "(a): priority must be at most 1000"),
        ("name: a, requests_per_minute: 0", "(a): requests_per_minute must be at least 1"),
        ("name: a, region: us", "(a): region must be 'cn' or 'global'"),
        ("name: a, proxy: 'socks5h://u:pw@h:port'", "(a): proxy must be the URL of a proxy"),
        ("name: a, proxy: 'ftp://h'", "(a): proxy must be the URL of a proxy"),
        ("name: a, proxy: 'socks5://u:p w@h'", "(a): proxy must be the URL of a proxy"),
        (f"name: a, {ALICE}: x", "(a): [redacted] is not a field of an account"),
    ],
)
def test_fields_have_bounds(fields: str, complaint: str) -> None:
    (line,) = complaints(f"accounts: [{{{fields}, refresh_token: {BOB}}}]")
    assert complaint in line
    assert "pw" not in line


def test_an_access_token_is_refused_with_the_place_it_stands_at() -> None:
    (line,) = complaints(f"accounts: [{{name: a, refresh_token: {token('x', typ='access')}}}]")
    assert line.startswith("accounts.yaml: accounts[0] (a): refresh_token is an access token")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("- a", "accounts.yaml: a list must stand under `accounts`"),
        ("accounts: {a: 1}", "accounts.yaml: accounts must be a list"),
        ("account: []", "accounts.yaml: only `accounts` may stand at the top, not account"),
        (f"accounts: [{{name: a, refresh_token: {ALICE}", "accounts.yaml:1:"),
        (
            "accounts:\n  - name: a\n    kind: kimi\n    name: b",
            "accounts.yaml:4:5: is not valid YAML: name stands twice",
        ),
        ("accounts:\n  - [a]: 1", "accounts.yaml:2:5: is not valid YAML: found unhashable key"),
        ("accounts: \x07", "accounts.yaml: is not valid YAML: it contains a character that YAML does not allow"),
    ],
)
def test_what_is_no_accounts_file_is_told_with_its_place(text: str, complaint: str) -> None:
    (line,) = complaints(text)
    assert line.startswith(complaint)


def test_a_file_that_cannot_be_read_is_told_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(AccountsError, match=r"accounts\.yaml: there is no such file"):
        accounts_file.read_text(tmp_path / "accounts.yaml")
    with pytest.raises(AccountsError, match="cannot be read: Is a directory"):
        accounts_file.read_text(tmp_path)
    (tmp_path / "latin").write_bytes(b"name: \xe9")
    with pytest.raises(AccountsError, match="latin: is not UTF-8 text"):
        accounts_file.read_text(tmp_path / "latin")


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\xef\xbb\xbfaccounts: []")
    assert accounts_file.read_text(tmp_path / "file") == "accounts: []"


def test_bare_tokens_become_accounts_named_after_their_login() -> None:
    first = accounts_file.from_tokens(f"{ALICE}, Bearer {BOB}\n", Kind.CLASSIC)
    again = accounts_file.from_tokens(token("alice", jti="rotated"), Kind.CLASSIC)
    assert [member.secret for member in first] == [ALICE, BOB]
    assert again[0].account == first[0].account
    assert first[0].account.name.startswith("kimi-classic-")
    assert first[0].account.name != first[1].account.name
    assert first[0].account.max_concurrency == 1


def test_bare_api_keys_become_moonshot_accounts() -> None:
    (member,) = accounts_file.from_tokens("sk-abcdefgh", Kind.MOONSHOT)
    assert member.secret == "sk-abcdefgh"
    assert member.account.kind is Kind.MOONSHOT
    assert member.account.max_concurrency == 50
    assert "sk-" not in member.account.name


def test_a_bare_token_that_was_pasted_twice_is_one_account() -> None:
    (member,) = accounts_file.from_tokens(f"{ALICE},Bearer {ALICE}\n{ALICE}", Kind.KIMI)
    assert member.secret == ALICE


def test_two_tokens_of_one_login_are_two_accounts() -> None:
    other = token("alice", jti="other")
    first, second = accounts_file.from_tokens(f"{ALICE},{other}", Kind.KIMI)
    assert (first.secret, second.secret) == (ALICE, other)
    assert second.account.name == f"{first.account.name}-2"


def test_bad_bare_tokens_are_told_by_their_position() -> None:
    text = f"{ALICE},{token('x', typ='access')},eyJ..."
    with pytest.raises(ValueError, match="entry 2 is an access token") as caught:
        accounts_file.from_tokens(text, Kind.KIMI)
    _, third = str(caught.value).split("; ")
    assert third.startswith("entry 3 is not complete")
    assert "eyJ" not in str(caught.value)
