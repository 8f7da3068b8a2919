"""Accounts are taken over from any form, and everything that happens is said."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from kimi.accounts import Kind
from kimi.accounts_file import parse, read_text
from tests.kimi.test_account_forms import CONFIG, STORAGE
from tests.kimi.test_accounts_file import token

DAY = 86_400
LATER = time.time() + 30 * DAY + 60
ALICE, BOB = token("alice", exp=LATER), token("bob", exp=LATER)

Import = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def take(folder: Path) -> Import:
    def run(text: str, *options: str, **variables: str) -> Result:
        """Imports `text` from a file; what it says holds no secret."""
        (folder / "given").write_text(text, "utf-8")
        result = CliRunner().invoke(main, ["accounts", "import", "given", *options], env=variables)
        assert not any(secret in result.output for secret in ("eyJ", "sk-", "my-client-key"))
        return result

    return run


def written(folder: Path) -> dict[str, str]:
    found = parse(read_text(folder / "accounts.yaml"), "accounts.yaml")
    return {member.account.name: member.secret for member in found}


def test_a_list_becomes_an_accounts_file(folder: Path, take: Import) -> None:
    result = take(f"# mine\n{ALICE}\n{BOB}\n")
    assert result.exit_code == 0
    first, second, summary = result.output.splitlines()
    day = time.strftime("%Y-%m-%d", time.gmtime(LATER))
    assert first.startswith("took     kimi-") and first.endswith(f": kind kimi, expires {day} (in 30 d)")
    assert second.startswith("took     kimi-")
    assert summary == "2 written to accounts.yaml, 0 refused."
    assert list(written(folder).values()) == [ALICE, BOB]
    assert stat.S_IMODE((folder / "accounts.yaml").stat().st_mode) == 0o600


def test_programs_get_json(folder: Path, take: Import) -> None:
    result = take(f"{ALICE}\nrubbish\n", "--json")
    assert result.exit_code == 1
    first, second = [json.loads(line) for line in result.output.splitlines()]
    assert (first["outcome"], first["kind"], [first["name"]]) == ("added", "kimi", list(written(folder)))
    assert (second["outcome"], second["place"]) == ("refused", "given:2")


def test_everything_that_is_not_taken_is_said_with_its_place(folder: Path, take: Import) -> None:
    gone = token("carol", exp=time.time() - 2 * DAY - 60)
    result = take(f"{ALICE}\n{token('x', typ='access')}\n{ALICE}\n{gone}\n")
    assert result.exit_code == 1
    _, *lines = result.output.splitlines()
    (name,) = written(folder)
    assert lines == [
        "refused  given:2: is an access token: copy the value of refresh_token instead",
        f"skipped  given:3: account {name} has this credential already",
        "refused  given:4: expired 2 d ago: log in again and copy the new token",
        "1 written to accounts.yaml, 1 known already, 2 refused.",
    ]


def test_what_says_nothing_of_itself_is_no_token(folder: Path, take: Import) -> None:
    result = take(f"{ALICE}\nrubbish\neyJh.bc.de\n")
    assert result.exit_code == 1
    assert result.output.splitlines()[1:] == [
        "refused  given:2: is no token of Kimi: copy the value of refresh_token again, as a whole",
        "refused  given:3: is no token of Kimi: copy the value of refresh_token again, as a whole",
        "1 written to accounts.yaml, 2 refused.",
    ]
    assert list(written(folder).values()) == [ALICE]


def test_what_is_there_already_is_skipped_and_nothing_is_written(folder: Path, take: Import) -> None:
    take(ALICE)
    before = (folder / "accounts.yaml").stat()
    result = take(ALICE)
    assert result.exit_code == 0
    assert "skipped  given:1: account kimi-" in result.output
    assert (folder / "accounts.yaml").stat() == before


def test_accounts_are_added_to_those_that_are_there(folder: Path, take: Import) -> None:
    file = folder / "accounts.yaml"
    file.write_text(f"accounts:\n  - name: alice  # mine\n    refresh_token: {ALICE}\n", "utf-8")
    assert take(BOB).exit_code == 0
    assert "# mine" in read_text(file)
    assert list(written(folder).values()) == [ALICE, BOB]


def test_an_account_keeps_its_fields_and_its_name(folder: Path, take: Import) -> None:
    text = f"accounts:\n  - {{name: bob, kind: kimi-classic, weight: 2, refresh_token: {BOB}}}\n"
    assert take(text).output.startswith("took     bob: kind kimi-classic, expires ")
    (member,) = parse(read_text(folder / "accounts.yaml"), "accounts.yaml")
    assert (member.account.kind, member.account.weight) == (Kind.CLASSIC, 2.0)
    result = take(text.replace(BOB, ALICE))
    assert result.exit_code == 1
    assert "refused  given: accounts[0] (bob): an account of this name is there already" in result.output


def test_another_token_of_a_login_is_told(folder: Path, take: Import) -> None:
    take(ALICE)
    result = take(token("alice", exp=LATER, jti="newer"))
    old, new = written(folder)
    assert new == f"{old}-2"
    assert f"the same login as {old}: remove the older one" in result.output


@pytest.mark.parametrize("given", [CONFIG, STORAGE])
def test_files_of_others_are_taken_over(folder: Path, take: Import, given: dict[str, str]) -> None:
    result = take(json.dumps(given), "--kind", "kimi-classic")
    assert result.exit_code == 0
    (name,) = written(folder)
    assert name.startswith("kimi-classic-")
    assert ("GATEWAY_API_KEYS" in result.output) == (given is CONFIG)


def test_a_list_of_such_files_is_taken_over(folder: Path, take: Import) -> None:
    expired = token("carol", exp=1)
    given = [{**CONFIG, "refresh_token": ALICE}, {**CONFIG, "refresh_token": expired}, BOB, "rubbish", {"token": "x"}]
    result = take(json.dumps(given))
    assert result.exit_code == 1
    assert list(written(folder).values()) == [ALICE, BOB]
    refused = [line.split(": ")[1] for line in result.output.splitlines() if line.startswith("refused")]
    assert refused == ["[1]", "[3]", "[4]"]
    assert "add each `token` of it to GATEWAY_API_KEYS" in result.output


def test_the_settings_say_of_which_kind_and_where_to(folder: Path, take: Import) -> None:
    result = take(
        "sk-abcdefgh", KIMI_KIND="moonshot", KIMI_ACCOUNTS_FILE="mine.yaml", KIMI_REFRESH_TOKENS="sk-ijklmnop"
    )
    assert result.exit_code == 0
    assert "1 written to mine.yaml" in result.output
    assert "api_key: sk-abcdefgh" in read_text(folder / "mine.yaml")
    again = take("sk-ijklmnop", KIMI_KIND="moonshot", KIMI_REFRESH_TOKENS="sk-ijklmnop")
    assert "has this credential already" in again.output


def test_it_reads_from_standard_input(folder: Path) -> None:
    result = CliRunner().invoke(main, ["accounts", "import", "-"], input=ALICE)
    assert result.exit_code == 0
    assert list(written(folder).values()) == [ALICE]
    result = CliRunner().invoke(main, ["accounts", "import", "-"], input="eyJhbGciOi")
    assert "refused  standard input:1: is not complete" in result.output


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("accounts: {", "given:1:"),
        ("just some words", "given: must be a mapping"),
    ],
)
def test_what_is_no_form_of_accounts_is_one_line(take: Import, text: str, complaint: str) -> None:
    result = take(text)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"accounts: {complaint}") and len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("text", ["", "accounts: []"])
def test_nothing_to_take_is_no_success(take: Import, text: str) -> None:
    assert take(text).exit_code == 1


def test_a_file_of_another_program_is_not_written_to(folder: Path, take: Import) -> None:
    (folder / "config.json").write_text(json.dumps(CONFIG), "utf-8")
    result = take(BOB, KIMI_ACCOUNTS_FILE="config.json")
    assert result.exit_code == 1
    assert json.loads(read_text(folder / "config.json")) == CONFIG


def test_a_missing_file_and_bad_tokens_of_the_settings_are_told(take: Import) -> None:
    result = CliRunner().invoke(main, ["accounts", "import", "nowhere"])
    assert (result.exit_code, result.stderr) == (1, "accounts: nowhere: there is no such file\n")
    result = take(ALICE, KIMI_REFRESH_TOKENS="sk-abcdefgh")
    assert result.exit_code == 1 and "KIMI_REFRESH_TOKENS: entry 1" in result.stderr
