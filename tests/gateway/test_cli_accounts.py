"""Taking accounts into the pool from the command line, and writing them down."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.cli_taking import NO_ARGUMENT
from kimi.accounts import ConfiguredAccount, State
from kimi.accounts_file import parse, read_text
from kimi.operating.audit import Audit
from kimi.pool import Store, connect
from kimi.pool.canary import Canary
from kimi.pool.members import Members
from kimi.sealing_keys import new_key
from tests.kimi.pool.pools import Clock, Pool, present, web
from tests.kimi.pool.sealing import with_keys
from tests.kimi.test_account_forms import CONFIG
from tests.kimi.test_accounts_file import token
from tests.valkey import Valkey

DAY = 86_400
LATER = time.time() + 30 * DAY + 60
ALICE, BOB = token("alice", exp=LATER), token("bob", exp=LATER)


class Line:
    """The command line over one pool; what it says holds no secret, unless it is asked for them."""

    def __init__(self, url: str, pool: Pool) -> None:
        self.url = url
        self.pool = pool
        self.secrets: tuple[str, ...] = ("eyJ", "sk-", "access-", "refresh-a")

    def __call__(self, *words: str, text: str = "", **variables: str) -> Result:
        env = {"REDIS_URL": self.url, **variables}
        result = CliRunner().invoke(main, ["accounts", *words], input=text, env=env)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        assert not any(secret in result.output for secret in self.secrets)
        return result

    @property
    def names(self) -> list[str]:
        return [record.account.name for record in self.pool.members.all() if record.configured]

    def noted(self) -> list[tuple[str, str]]:
        """What stands in the audit log, the first at the beginning."""
        entries = Audit(self.pool.store).entries()[::-1]
        assert {entry.who for entry in entries} <= {"command line"}
        return [(entry.action, entry.subject) for entry in entries]


@pytest.fixture
def line(redis_url: str) -> Iterator[Line]:
    with connect(redis_url) as redis:
        store = Store(redis)
        yield Line(redis_url, Pool(store, Clock(store.now())))


def test_tokens_are_added_from_standard_input(line: Line) -> None:
    result = line("add", text=f"{ALICE}\n{BOB}\n{ALICE}\nrubbish\n")
    assert result.exit_code == 1
    first, second, third, fourth, summary = result.output.splitlines()
    assert first.startswith("added    kimi-") and second.startswith("added    kimi-")
    assert first.endswith("(in 30 d)")
    name = first.split()[1].rstrip(":")
    assert third == f"skipped  standard input:3: account {name} has this credential already"
    assert fourth.startswith("refused  standard input:4: is no token of Kimi")
    assert summary == "2 added, 1 known already, 1 refused."
    ((verb, subject),) = line.noted()
    assert (verb, sorted(subject.split(", "))) == ("add", sorted(line.names))
    assert line("add", text=ALICE).exit_code == 0, "what is there already is no mistake"


def test_a_file_of_another_kind_is_added_for_programs(line: Line, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG), "utf-8")
    result = line("add", str(tmp_path / "config.json"), "--json", "--kind", "kimi-classic")
    (told,) = [json.loads(each) for each in result.output.splitlines()]
    assert (told["outcome"], told["kind"], [told["name"]]) == ("added", "kimi-classic", line.names)


def test_the_settings_say_of_which_kind(line: Line) -> None:
    line("add", text="sk-abcdefgh", KIMI_KIND="moonshot")
    assert line.names[0].startswith("moonshot-")


@pytest.mark.parametrize(
    ("text", "message"), [("just some words", "standard input: must be a mapping"), ("accounts: {", "YAML")]
)
def test_what_is_no_form_of_accounts_is_one_line(line: Line, text: str, message: str) -> None:
    result = line("add", text=text)
    assert result.exit_code == 1
    assert message in result.stderr and len(result.stderr.splitlines()) == 1


def test_nothing_to_add_is_no_success(line: Line) -> None:
    nothing = line("add", text="")
    assert (nothing.exit_code, nothing.output) == (1, "There is no account in it.\n")
    assert line("add", "nowhere").stderr == "accounts: nowhere: there is no such file\n"


def test_a_new_token_of_a_dead_login_takes_its_place(line: Line) -> None:
    line("add", text=ALICE)
    (name,) = line.names
    record = line.pool.members.get(name)
    assert record is not None
    line.pool.members.mark(name, record.version, State.DEAD, "why")
    result = line("add", text=token("alice", exp=LATER, jti="newer"))
    first, summary = result.output.splitlines()
    assert first.startswith(f"added    {name}: it was dead: this takes the place of its old credential, kind kimi")
    assert (result.exit_code, summary, line.names) == (0, "1 added, 0 refused.", [name])
    assert line.noted() == [("add", name), ("add", name)]


@pytest.mark.parametrize("given", [ALICE, token("alice", space_id="x" * 400)], ids=["short", "too long for a file"])
@pytest.mark.parametrize("verb", ["add", "import", "export"])
def test_a_token_is_no_argument(line: Line, verb: str, given: str) -> None:
    result = line(verb, given)
    assert (result.exit_code, result.stdout, line.names) == (1, "", [])
    why = "there is no account [redacted]" if verb == "export" else NO_ARGUMENT
    assert result.stderr == f"accounts: {why}\n"


def test_a_file_may_be_called_like_a_token(line: Line, tmp_path: Path) -> None:
    file = tmp_path / "sk-tokens.txt"
    file.write_text(ALICE, "utf-8")
    assert line("add", str(file)).exit_code == 0


def test_what_was_added_is_shown_as_such(line: Line) -> None:
    line("add", text=ALICE)
    assert " kimi (added) " in line("list").output


def test_an_export_is_an_accounts_file_for_one_reader(line: Line, tmp_path: Path) -> None:
    line.pool.fill(web("a", weight=2), web("b"))
    file = tmp_path / "accounts.yaml"
    file.write_text("old", "utf-8")
    file.chmod(0o644)
    result = line("export", "-o", str(file))
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"Written to {file}: it holds secrets.\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = parse(read_text(file), "file")
    assert [(member.account, member.secret) for member in found] == [
        (web("a", weight=2), "refresh-a-2"),
        (web("b"), "refresh-b-2"),
    ]
    line.secrets = ()
    assert parse(line("export", "b", "-o", "-").output, "pipe") == found[1:]
    assert line.noted() == [("export", "all accounts"), ("export", "b")]


def test_an_export_where_redis_takes_no_writes_is_done_and_said_not_to_be_noted(
    own_valkey: Valkey, tmp_path: Path
) -> None:
    file = tmp_path / "accounts.yaml"
    with present(own_valkey.url) as pool:
        pool.configure(web("a"))
        pool.store.redis.config_set("min-replicas-to-write", 1)
        line = Line(own_valkey.url, pool)
        result = line("export", "-o", str(file))
        assert (result.exit_code, line.noted()) == (0, [])
    said, written = result.stderr.splitlines()
    assert said.startswith("accounts: not noted in the audit log: ")
    assert written == f"Written to {file}: it holds secrets."
    assert [member.secret for member in parse(read_text(file), "file")] == ["refresh-a"]


def test_an_export_that_cannot_be_written_is_noted(line: Line, tmp_path: Path) -> None:
    line.pool.configure(web("a"))
    assert line("export", "-o", str(tmp_path / "nowhere" / "file")).exit_code == 1
    assert line.noted() == [("export", "all accounts")], "before anything of it stood anywhere"


def test_an_export_says_whom_it_leaves_out(line: Line, tmp_path: Path) -> None:
    key = new_key()
    ours = with_keys(line.pool, key)
    Canary(ours.store).keep()
    ours.members.sync([ConfiguredAccount(web("ours"), "refresh-ours")])
    with_keys(line.pool, new_key(), key).members.sync([ConfiguredAccount(web("lost"), "refresh-lost")], "operator")
    result = line("export", "-o", str(tmp_path / "file"), TOKEN_ENCRYPTION_KEYS=key)
    assert (result.exit_code, "opens lost: left out" in result.stderr) == (1, True)
    assert "left out" in (tmp_path / "file").read_text()


def test_an_export_of_nobody_is_an_error(line: Line, tmp_path: Path) -> None:
    result = line("export", "nobody", "-o", str(tmp_path / "file"))
    assert (result.exit_code, result.stderr) == (1, "accounts: there is no account nobody\n")
    assert not (tmp_path / "file").exists()
    assert line.noted() == []


def test_an_export_can_be_added_to_another_pool(line: Line) -> None:
    line.pool.fill(web("a"))
    line.secrets = ()
    text = line("export").output.replace("refresh-a-2", ALICE)
    line.pool.store.redis.flushall()
    assert line("add", text=text).exit_code == 0
    record = Members(line.pool.store).get("a")
    assert record is not None and (record.refresh, record.state) == (ALICE, State.NEW)
