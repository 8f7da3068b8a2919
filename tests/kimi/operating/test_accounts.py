"""What an operator can do to accounts, and what he is told where he cannot."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kimi.account_forms import AccountsError
from kimi.accounts import Account, ConfiguredAccount, Kind, Origin, Region, State
from kimi.accounts_append import rendered
from kimi.accounts_file import parse
from kimi.errors import Unreadable
from kimi.operating.accounts import Accounts, Limits, NoSuchAccount, Refused, Taken
from kimi.operating.troubles import UNREADABLE
from kimi.pool import PrivateAccounts
from kimi.pool.private import private_account
from kimi.sealing_keys import new_key
from tests.kimi.pool.pools import KIMI, Pool, rest, web
from tests.kimi.pool.sealing import with_keys
from tests.kimi.test_account_forms import CONFIG, STORAGE
from tests.kimi.test_accounts_file import token

T = TypeVar("T")

DAY = 86_400
LATER = 1_800_000_000 + 30 * DAY + 60  # of the clock of these tests
ALICE, BOB = token("alice", exp=LATER), token("bob", exp=LATER)


@pytest.fixture
def accounts(pool: Pool) -> Accounts:
    return Accounts(pool.store)


def told(taken: list[Taken]) -> list[tuple[str, str]]:
    """What was told, which holds no secret."""
    assert "eyJ" not in str(taken) and "sk-" not in str(taken)
    return [(each.outcome.value, each.message) for each in taken]


def names(accounts: Accounts) -> list[str]:
    return [seen.account.name for seen in accounts.all()]


def test_each_entry_is_reported(accounts: Accounts, pool: Pool) -> None:
    expired = token("carol", exp=pool.clock.now - 2 * DAY - 60)
    taken = accounts.add(f"# mine\n{ALICE}\nBearer {BOB}\n{ALICE}\n{expired}\nrubbish\n", Kind.KIMI)
    (first, second) = names(accounts)
    assert told(taken) == [
        ("added", "kind kimi, expires 2027-02-14 (in 30 d)"),
        ("added", "kind kimi, expires 2027-02-14 (in 30 d)"),
        ("known", f"account {taken[0].name} has this credential already"),
        ("refused", "expired 2 d ago: log in again and copy the new token"),
        ("refused", "is no token of Kimi: copy the value of refresh_token again, as a whole"),
    ]
    assert [each.place for each in taken[:2]] == ["the text:2", "the text:3"]
    assert [each.line for each in taken] == [2, 3, 4, 5, 6]
    assert [each.code for each in taken] == ["added", "added", "known", "expired", "unreadable"]
    assert {taken[0].name, taken[1].name} == {first, second}
    assert (taken[0].kind, taken[0].expires) == (Kind.KIMI, LATER)
    assert {record.origin for record in accounts.all()} == {Origin.OPERATOR}
    assert sorted(pool.due()) == names(accounts)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"refresh_token": token("x")}),
        json.dumps(STORAGE),
        json.dumps(CONFIG),
        f"accounts:\n  - {{name: mine, refresh_token: {ALICE}, weight: 2}}",
        f"refresh_token\t{ALICE}\naccess_token\tx",
    ],
    ids=["json", "localStorage", "config.json", "accounts.yaml", "lines of the developer tools"],
)
def test_every_form_of_an_accounts_file_is_taken(accounts: Accounts, text: str) -> None:
    (taken,) = accounts.add(text, Kind.CLASSIC)
    assert taken.outcome == "added"
    assert names(accounts) == [taken.name]


def test_a_text_in_no_form_is_told(accounts: Accounts) -> None:
    with pytest.raises(AccountsError, match="the form: must be a mapping"):
        accounts.add("just some words", Kind.KIMI, "the form")


def test_what_the_file_has_is_known_also_by_what_it_was_exchanged_for(accounts: Accounts, pool: Pool) -> None:
    pool.members.sync([ConfiguredAccount(web("filed"), ALICE)])
    pool.freshen("filed")
    exported = accounts.export().text
    assert told(accounts.add(ALICE, Kind.KIMI)) == [("known", "account filed has this credential already")]
    assert told(accounts.add(exported, Kind.KIMI)) == [("known", "account filed has this credential already")]


def test_a_name_that_is_taken_is_refused_where_it_was_written_and_changed_where_not(accounts: Accounts) -> None:
    accounts.add(ALICE, Kind.KIMI)
    (name,) = names(accounts)
    newer = token("alice", exp=LATER, jti="newer")
    (refused,) = accounts.add(f"accounts:\n  - {{name: {name}, refresh_token: {BOB}}}", Kind.KIMI)
    assert refused.message == "an account of this name is there already, with another credential"
    (renamed,) = accounts.add(newer, Kind.KIMI)
    assert renamed.name == f"{name}-2"
    assert renamed.message.endswith(f"the same login as {name}: remove the older one")
    assert (renamed.code, renamed.twin) == ("same_login", name)
    assert (refused.code, refused.line) == ("name_taken", None)


def die(pool: Pool, name: str, state: State = State.DEAD) -> None:
    record = pool.members.get(name)
    assert record is not None
    assert pool.members.mark(name, record.version, state, "why")


@pytest.mark.parametrize("state", [State.DEAD, State.BANNED])
def test_a_new_token_of_its_login_brings_back_one_that_was_added(accounts: Accounts, pool: Pool, state: State) -> None:
    accounts.add(f"accounts:\n  - {{name: mine, region: global, refresh_token: {ALICE}, weight: 2}}", Kind.KIMI)
    accounts.edit("mine", Limits(max_concurrency=3))
    die(pool, "mine", state)
    newer, newest = (token("alice", exp=LATER, jti=jti) for jti in ("newer", "newest"))
    first, second = accounts.add(f"{newer}\n{newest}\n", Kind.KIMI)
    assert told([first]) == [
        (
            "added",
            f"it was {state}: this takes the place of its old credential, kind kimi, expires 2027-02-14 (in 30 d)",
        )
    ]
    assert first.name == "mine"
    found = accounts.get("mine")
    assert (found.refresh, found.state) == (newer, State.NEW)
    assert found.account == web("mine", region=Region.GLOBAL, weight=2, max_concurrency=3)
    assert second.message.endswith("the same login as mine: remove the older one"), "one place, one token"
    assert names(accounts) == sorted(["mine", second.name])


def test_each_of_several_of_one_login_gets_a_token(accounts: Accounts, pool: Pool) -> None:
    old = accounts.add(f"{ALICE}\n{token('alice', exp=LATER, jti='other')}\n", Kind.KIMI)
    for each in old:
        die(pool, each.name)
    newer = [token("alice", exp=LATER, jti=jti) for jti in ("newer", "newest")]
    taken = accounts.add("\n".join(newer), Kind.KIMI)
    assert [each.name for each in taken] == [each.name for each in old]
    assert [accounts.get(each.name).refresh for each in taken] == newer


def test_an_entry_brings_back_the_one_of_its_name_that_was_added(accounts: Accounts, pool: Pool) -> None:
    accounts.add(f"accounts:\n  - {{name: mine, refresh_token: {ALICE}, weight: 2}}", Kind.KIMI)
    accounts.add("accounts:\n  - {name: key, kind: moonshot, api_key: sk-old-key}", Kind.KIMI)
    for name in ("mine", "key"):
        die(pool, name)
    other = f"accounts:\n  - {{name: mine, kind: kimi-classic, refresh_token: {BOB}}}"
    assert told(accounts.add(other, Kind.KIMI)) == [
        ("refused", "an account of this name is there already, with another credential")
    ]
    accounts.add(f"accounts:\n  - {{name: mine, refresh_token: {BOB}, weight: 5}}", Kind.KIMI)
    accounts.add("accounts:\n  - {name: key, kind: moonshot, api_key: sk-new-key}", Kind.KIMI)
    assert [accounts.get(name).refresh for name in ("mine", "key")] == [BOB, "sk-new-key"]
    assert accounts.get("mine").account.weight == 2
    assert accounts.add(token("alice", exp=LATER, jti="newer"), Kind.KIMI)[0].name not in {"mine", "key"}


def test_one_of_the_file_that_is_dead_is_to_be_taken_out_there(accounts: Accounts, pool: Pool) -> None:
    pool.members.sync([ConfiguredAccount(web("filed"), ALICE)])
    die(pool, "filed")
    (taken,) = accounts.add(token("alice", exp=LATER, jti="newer"), Kind.KIMI)
    assert taken.name not in {"", "filed"}
    assert taken.message.endswith("the same login as filed, which is dead: take that out of the accounts file")


def test_the_token_of_which_one_died_is_no_help(accounts: Accounts, pool: Pool) -> None:
    (taken,) = accounts.add(ALICE, Kind.KIMI)
    die(pool, taken.name)
    why = f"account {taken.name} has this credential already, and is dead with it: log in again and copy the new token"
    assert told(accounts.add(ALICE, Kind.KIMI)) == [("known", why)]
    assert accounts.get(taken.name).state is State.DEAD


def test_one_that_was_deleted_can_be_added_again(accounts: Accounts, pool: Pool) -> None:
    (taken,) = accounts.add(ALICE, Kind.KIMI)
    pool.freshen(taken.name)
    accounts.delete(taken.name)
    assert names(accounts) == []
    with pytest.raises(NoSuchAccount, match=f"there is no account {taken.name}"):
        accounts.get(taken.name)
    (again,) = accounts.add(ALICE, Kind.KIMI)
    assert (again.outcome, again.name) == ("added", taken.name)
    assert accounts.get(taken.name).refresh == f"refresh-{taken.name}-2"


def test_one_whose_token_is_being_exchanged_is_put_off(accounts: Accounts, pool: Pool) -> None:
    (taken,) = accounts.add(ALICE, Kind.KIMI)
    accounts.delete(taken.name)
    text = f"accounts:\n  - {{name: other, refresh_token: {ALICE}}}"
    with pool.held(taken.name):
        assert told(accounts.add(text, Kind.KIMI)) == [
            ("refused", "its credential is being exchanged just now: add it again in a minute")
        ]
    assert [each.outcome for each in accounts.add(text, Kind.KIMI)] == ["added"]


def test_accounts_are_paused_resumed_and_cleared(accounts: Accounts, pool: Pool) -> None:
    pool.fill(web("a"))
    assert accounts.pause("a").state is State.PAUSED
    assert accounts.resume("a").state is State.ACTIVE
    pool.leases.release(pool.leases.acquire(KIMI), rest=rest(60))
    assert accounts.clear("a").cool_until == 0
    pool.members.mark("a", accounts.get("a").version, State.BANNED, "why")
    for verb in (accounts.pause, accounts.resume):
        with pytest.raises(Refused, match="account a is banned"):
            verb("a")
    assert accounts.clear("a").state is State.NEW


def test_limits_are_edited_within_their_bounds(accounts: Accounts, pool: Pool) -> None:
    pool.fill(web("a", weight=2))
    edited = accounts.edit("a", Limits(max_concurrency=3, requests_per_minute=7)).account
    assert edited == web("a", weight=2, max_concurrency=3, requests_per_minute=7)
    assert accounts.edit("a", Limits(requests_per_minute=0, priority=-2)).account == web(
        "a", weight=2, max_concurrency=3, priority=-2
    )
    before = accounts.get("a")
    for wrong in (Limits(weight=0), Limits(max_concurrency=0), Limits(requests_per_minute=-1), Limits(priority=9999)):
        (name,) = [name for name, value in asdict(wrong).items() if value is not None]
        with pytest.raises(Refused, match=f"^{name} must be at least|^{name} must be at most"):
            accounts.edit("a", wrong)
    assert accounts.get("a") == before


def test_what_stands_in_the_file_is_not_deleted(accounts: Accounts, pool: Pool) -> None:
    pool.fill(web("a"))
    with pytest.raises(Refused, match=r"account a stands in the accounts file .*: take it out there, or pause it"):
        accounts.delete("a")
    pool.configure()
    assert names(accounts) == ["a"]
    for verb in (accounts.pause, accounts.resume, accounts.clear, lambda name: accounts.edit(name, Limits(weight=1))):
        with pytest.raises(Refused, match="account a was taken out of the accounts file"):
            verb("a")
    accounts.delete("a")
    assert names(accounts) == []


def test_nothing_can_be_done_to_what_is_not_there(accounts: Accounts) -> None:
    verbs = (
        accounts.get, accounts.pause, accounts.resume, accounts.clear, accounts.delete,
        lambda name: accounts.edit(name, Limits()),
        lambda name: accounts.refresh(name, 0),
        lambda name: accounts.export([name]),
    )  # fmt: skip
    for verb in verbs:
        with pytest.raises(NoSuchAccount, match="there is no account nobody"):
            verb("nobody")


def test_accounts_of_clients_are_shown_paused_and_deleted(accounts: Accounts, pool: Pool) -> None:
    member = private_account(ALICE, Kind.KIMI)
    name = member.account.name
    PrivateAccounts(pool.store).adopt(member)
    assert accounts.get(name).origin is Origin.CLIENT
    verbs = (
        accounts.clear,
        lambda name: accounts.edit(name, Limits()),
        lambda name: accounts.refresh(name, 0),
        lambda name: accounts.export([name]),
    )
    for verb in verbs:
        with pytest.raises(Refused, match=f"account {name} belongs to a client"):
            verb(name)
    assert accounts.pause(name).state is State.PAUSED
    assert accounts.resume(name).state is State.NEW
    assert accounts.export().text == "accounts: []\n"
    accounts.delete(name)
    assert names(accounts) == []


def test_some_can_be_read_alone(accounts: Accounts, pool: Pool) -> None:
    pool.fill(web("a"), web("b"), web("c"))
    assert [seen.account.name for seen in accounts.some(["c", "nobody", "a"])] == ["c", "a"]
    assert accounts.some([]) == []


def test_an_export_has_the_newest_tokens(accounts: Accounts, pool: Pool) -> None:
    pool.fill(web("a"), web("b"))
    pool.freshen("b")
    pool.members.mark("a", accounts.get("a").version, State.DEAD, "why")
    found = parse(accounts.export().text, "export")
    assert [(member.account, member.secret) for member in found] == [
        (web("a"), "refresh-a-2"),
        (web("b"), "refresh-b-3"),
    ]
    assert parse(accounts.export(["b"]).text, "export") == found[1:]


def test_what_no_key_opens_is_left_out_and_keeps_nobody_from_the_others(accounts: Accounts, pool: Pool) -> None:
    other = with_keys(pool, new_key())
    Accounts(other.store).add(ALICE, Kind.KIMI)
    (lost,) = names(accounts)
    other.freshen(lost)
    with pytest.raises(Unreadable):
        accounts.export()
    (renewed,) = accounts.add(token("alice", exp=LATER, jti="newer"), Kind.KIMI)
    assert (renewed.outcome, renewed.twin) == ("added", None)
    known = f"account {lost} has this credential already, and {UNREADABLE}"
    assert told(accounts.add(ALICE, Kind.KIMI)) == [("known", known)]
    exported = accounts.export()
    assert exported.left == (lost,)
    assert exported.text.startswith("# left out, for no key of TOKEN_ENCRYPTION_KEYS opens them: " + lost + "\n")
    assert [member.account.name for member in parse(exported.text, "export")] == [renewed.name]
    with pytest.raises(Refused, match=f"account {lost} cannot be opened with any key"):
        accounts.export([lost])
    assert "fernet:" not in exported.text


_words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="{}"), min_size=1)
_limits = {
    "max_concurrency": st.integers(1, 10_000),
    "requests_per_minute": st.none() | st.integers(1, 1_000_000),
    "weight": st.floats(1e-3, 1e6),
    "priority": st.integers(-1000, 1000),
    "proxy": st.none() | st.sampled_from(("socks5h://u:p@h:1080", "http://proxy:3128")),
    "base_url": st.none() | st.just("https://kimi.example"),
}
_web = st.builds(
    lambda kind, region, fields: Account(kind=kind, region=region if kind is Kind.KIMI else Region.CN, **fields),
    st.sampled_from((Kind.KIMI, Kind.CLASSIC)),
    st.sampled_from(Region),
    st.fixed_dictionaries({"name": _words.map(lambda word: word[:64]), **_limits}),
)
_official = st.builds(
    lambda fields: Account(kind=Kind.MOONSHOT, **fields),
    st.fixed_dictionaries(
        {"name": _words.map(lambda word: word[:64]), "models": st.lists(_words, max_size=2).map(tuple), **_limits}
    ),
)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_web | _official, max_size=4, unique_by=lambda account: account.name))
def test_an_export_that_is_added_to_an_empty_pool_is_the_same_again(
    pool: Pool, accounts: Accounts, given_accounts: list[Account]
) -> None:
    pool.store.redis.flushall()
    members = [
        ConfiguredAccount(account, token(f"user {i}") if account.kind.is_web else f"sk-key-{i}")
        for i, account in enumerate(given_accounts)
    ]
    assert {each.outcome for each in accounts.add(rendered(members), Kind.KIMI)} <= {"added"}
    exported = accounts.export().text
    assert sorted(parse(exported, "export"), key=_name) == sorted(members, key=_name)
    pool.store.redis.flushall()
    accounts.add(exported, Kind.KIMI)
    assert accounts.export().text == exported


def _name(member: ConfiguredAccount) -> str:
    return member.account.name


def test_long_work_is_handed_aside(pool: Pool) -> None:
    handed: list[Any] = []

    def aside(work: Callable[[], T]) -> T:
        handed.append(found := work())
        return found

    accounts = Accounts(pool.store, aside=aside)
    (taken,) = accounts.add(ALICE, Kind.KIMI)
    text = accounts.export().text
    entries, _, opened, exported = handed
    assert len(entries) == 1 and taken.outcome == "added"
    assert (exported, [member.secret for member in opened.there]) == (text, [ALICE])
    with pytest.raises(AccountsError):
        accounts.add("just some words", Kind.KIMI)
