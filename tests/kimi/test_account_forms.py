"""The forms in which people have tokens already, as an accounts file."""

from __future__ import annotations

import json

import pytest

from kimi import accounts_file
from kimi.account_forms import client_keys_in
from kimi.accounts import Kind
from kimi.accounts_file import AccountsError
from tests.kimi.test_accounts_file import ALICE, BOB, token

ACCESS = token("alice", typ="access")
CONFIG = {
    "chat_id": "cnhsul9kqq4ohv5hbni0",
    "token": "my-client-key",
    "auth_token": f"Bearer {ACCESS}",
    "refresh_token": f"Bearer {ALICE}",
}
STORAGE = {"theme": "dark", "access_token": ACCESS, "refresh_token": ALICE, "token": "not a client key"}


def secrets(text: str, kind: Kind = Kind.KIMI) -> list[str]:
    return [member.secret for member in accounts_file.parse(text, "file", kind)]


def complaints(text: str, kind: Kind = Kind.KIMI) -> list[str]:
    with pytest.raises(AccountsError) as caught:
        accounts_file.parse(text, "file", kind)
    assert "eyJ" not in str(caught.value) and "my-client-key" not in str(caught.value)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(CONFIG),
        json.dumps(CONFIG, indent=4),
        json.dumps(STORAGE),
        json.dumps(json.dumps(STORAGE)),
        json.dumps(ALICE),
        "".join(f"{key}\t{value}\n" for key, value in STORAGE.items()),
        "".join(f"{key}: {value}\n" for key, value in STORAGE.items()),
        f'user:"{{\\"name\\": 5}}"\r\nopen: {{ [ @\r\nrefresh_token:"{ALICE}"\r\n',
        f"refresh_token: Bearer {ALICE}  # mine",
        json.dumps([ALICE]),
        json.dumps([{"refresh_token": ALICE}], indent="\t"),
        json.dumps([CONFIG, STORAGE, ALICE]),
        json.dumps([{"name": "a", "refresh_token": ALICE}]),
        ALICE,
        f"\n# mine\nBearer {ALICE}  # until May\n",
        json.dumps({"accounts": [{"name": "a", "refresh_token": ALICE}]}),
        f"{{accounts: [{{name: a, refresh_token: {ALICE}}}]}}",
    ],
    ids=[
        "reverse-kimi's config.json",
        "the same over several lines",
        "localStorage",
        "localStorage as a string",
        "a token in quotes",
        "lines of the developer tools",
        "lines with colons",
        "lines with colons that are no YAML",
        "one such line alone",
        "a list in JSON",
        "a list of objects",
        "a list of anything",
        "the list of our own form in JSON",
        "a bare token",
        "a list with comments",
        "our own form in JSON",
        "our own form between braces",
    ],
)
def test_each_form_gives_the_token(text: str) -> None:
    assert secrets(text) == [ALICE]


def test_accounts_without_a_kind_are_of_the_kind_that_was_chosen() -> None:
    for kind in (Kind.KIMI, Kind.CLASSIC):
        (member,) = accounts_file.parse(json.dumps(CONFIG), "file", kind)
        assert member.account.kind is kind and member.account.name.startswith(f"{kind}-")
    (key,) = accounts_file.parse("sk-abcdefgh", "file", Kind.MOONSHOT)
    assert key.account.kind is Kind.MOONSHOT


def test_a_login_of_the_web_chat_is_never_an_api_key() -> None:
    (member,) = accounts_file.parse(json.dumps(CONFIG), "file", Kind.MOONSHOT)
    assert member.account.kind is Kind.KIMI


def test_a_list_holds_a_token_a_line() -> None:
    text = f"# work\n{ALICE}\n\n{BOB} # home\n{ALICE}\n"
    assert secrets(text) == [ALICE, BOB]


def test_two_tokens_of_one_login_are_two_accounts() -> None:
    first, second = accounts_file.parse(f"{ALICE}\n{token('alice', jti='other')}", "file")
    assert second.account.name == f"{first.account.name}-2"


def test_a_list_in_json_is_as_good_as_lines_of_tokens() -> None:
    assert secrets(json.dumps([ALICE, f"Bearer {BOB}", ALICE])) == [ALICE, BOB]
    assert secrets(json.dumps([{**CONFIG, "refresh_token": each} for each in (ALICE, BOB)])) == [ALICE, BOB]
    assert secrets('["sk-abcdefgh", "sk-ijklmnop"]', Kind.MOONSHOT) == ["sk-abcdefgh", "sk-ijklmnop"]
    assert secrets("[]") == []


def test_several_storages_below_each_other_are_several_accounts() -> None:
    text = f"theme: dark\nrefresh_token: {ALICE}\n\ntheme\tdark\nrefresh_token\t{BOB}\n"
    assert secrets(text) == [ALICE, BOB]


def test_a_list_with_fields_of_ours_loses_none_of_them() -> None:
    text = json.dumps([{"name": "a", "weight": 2, "refresh_token": ALICE}])
    (member,) = accounts_file.parse(text, "file")
    assert (member.account.name, member.account.weight) == ("a", 2.0)
    text = json.dumps([{"proxy": "http://host:1", "refresh_token": ALICE}, {"name": "b", "refresh_token": BOB}, BOB])
    assert complaints(text) == [
        "file: [0]: name is missing",
        "file: [2]: must be a mapping with name, kind, and refresh_token or api_key",
    ]


def test_every_bad_place_of_a_list_in_json_is_told() -> None:
    assert complaints(json.dumps([ALICE, ACCESS, {**CONFIG, "refresh_token": BOB[:40]}, {"token": "x"}, 5, None])) == [
        "file: [1]: is an access token: copy the value of refresh_token instead",
        "file: [2]: is not complete: a token has three parts with a dot between them, copy it again",
        "file: [3]: is an object without a refresh_token in it",
        "file: [4]: must be a text",
        "file: [5]: must be a text",
    ]


def test_every_bad_line_of_storages_is_told() -> None:
    assert complaints(f"refresh_token: {ACCESS}\ntheme: dark\nrefreshToken:\n") == [
        "file:1: is an access token: copy the value of refresh_token instead",
        "file:3: is empty",
    ]


def test_every_bad_line_of_a_list_is_told() -> None:
    assert complaints(f"{ALICE}\n# fine so far\n{ACCESS}\nsome words\n{BOB[:40]}") == [
        "file:3: is an access token: copy the value of refresh_token instead",
        "file:4: contains spaces or line breaks: give the token alone, in one piece",
        "file:5: is not complete: a token has three parts with a dot between them, copy it again",
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (json.dumps({**CONFIG, "refresh_token": ACCESS}), "file: is an access token"),
        (json.dumps({"auth_token": ACCESS, "token": "x"}), "file: has neither `accounts` nor a refresh token in it"),
        ("sk-abcdefgh", "file:1: is an API key of the official platform"),
        ('{"refresh_token": "' + ALICE, "file:1:"),
        (f'["{ALICE}", "{BOB}"', "file:1:"),
        (f'["{ALICE}",]', "file: a list must stand under `accounts`, or be valid JSON"),
        (f"- name: a\n  refresh_token: {ALICE}", "file: a list must stand under `accounts`, or be valid JSON"),
        (f'[{{"refresh_token": "{ALICE}", "refresh_token": "{BOB}"}}]', "file:1:"),
        (f"name: a\nrefresh_token: {ALICE}", "file: only `accounts` may stand at the top, not name, refresh_token"),
        ("just some words", "file: must be a mapping with a list under `accounts`, or hold refresh tokens"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place(text: str, complaint: str) -> None:
    (line,) = complaints(text)
    assert line.startswith(complaint)


def test_the_key_of_reverse_kimis_clients_is_found() -> None:
    assert client_keys_in(json.dumps(CONFIG)) == ("my-client-key",)
    assert client_keys_in(json.dumps({**CONFIG, "token": "Bearer my-client-key"})) == ("my-client-key",)


def test_the_keys_of_a_list_are_found_each_once() -> None:
    found = [CONFIG, STORAGE, {**CONFIG, "token": "another"}, ALICE, {**CONFIG, "token": ""}, CONFIG]
    assert client_keys_in(json.dumps(found)) == ("my-client-key", "another")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(STORAGE),
        json.dumps({key: value for key, value in CONFIG.items() if key != "token"}),
        json.dumps({**CONFIG, "token": ""}),
        json.dumps({**CONFIG, "token": 5}),
        json.dumps({"token": "x"}),
        "accounts: []",
        f"auth_token: {ACCESS}\nrefresh_token: {ALICE}\ntoken: x",
        ALICE,
        "{",
        "[",
        "[]",
        json.dumps([STORAGE, ["x"], None]),
        "",
    ],
)
def test_nothing_else_is_taken_for_a_key(text: str) -> None:
    assert client_keys_in(text) == ()
