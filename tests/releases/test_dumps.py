"""The present code starts on what earlier releases wrote, and nothing of it is lost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from kimi.accounts import ConfiguredAccount, Kind, State
from kimi.alerts.notes import Rule
from kimi.errors import AllBusy
from kimi.events import Finish
from kimi.operating.audit import Audit
from kimi.operating.status import Status
from kimi.pool import Chats, Members, PrivateAccounts, Store, connect
from kimi.pool.alerts import AlertBook
from kimi.pool.canary import Canary
from kimi.pool.client_limits import Limit, Limiter, LimitReached
from kimi.pool.clients import Clients, digest_of
from kimi.pool.conversations import Conversations
from kimi.pool.drift import DriftBook
from kimi.pool.figures import Figures, Span
from kimi.pool.interventions import Entered, Interventions
from kimi.pool.leases import LEASE_SECONDS
from kimi.pool.migrating import Migration
from kimi.pool.private import private_account
from kimi.pool.schema import HISTORY, Schema
from kimi.pool.sessions import Sessions
from kimi.pool.uploads import Uploads
from kimi.pool.vault import Vault
from kimi.version import VERSION
from refresher.outcomes import Outcome
from refresher.stopping import Stop
from tests.gateway.houses import HELLO, House
from tests.gateway.scripted import ScriptedUpstream
from tests.kimi.pool.pools import Pool, turned, web, wish
from tests.refresher.conftest import build
from tests.refresher.vendors import Vendor
from tests.releases.dumps import Dump
from tests.releases.history import FOLDER, RELEASES
from tests.releases.making import ACCOUNTS, GUEST, NOW, UPLOAD, Writing, dumped

GUEST_NAME = private_account(GUEST, Kind.KIMI).account.name
IN_SERVICE = {"active", "by-hand", "classic", "limited", "official", "proxied", "rejected", "resting", "spending"}
STATES = (
    dict.fromkeys(IN_SERVICE | {"gone", GUEST_NAME}, State.ACTIVE)
    | {"dead": State.DEAD, "banned": State.BANNED, "paused": State.PAUSED}
    | dict.fromkeys(("new", "deleted"), State.NEW)
)  # fmt: skip


@pytest.fixture(params=sorted(path.name for path in FOLDER.glob("v*.json")))
def dump(request: pytest.FixtureRequest) -> Dump:
    return Dump.of(FOLDER / request.param)


@pytest.fixture
def pool(redis_url: str, dump: Dump) -> Iterator[Pool]:
    """What the release wrote, when the present one has just started on it."""
    with turned(redis_url) as pool:
        pool.clock.now = NOW
        pool.store.vault = Vault([dump.sealing_key] if dump.sealing_key else [])
        dump.load(pool.store.redis)
        assert Migration(Schema(pool.store)).run()
        yield pool


def test_every_release_has_left_what_it_wrote() -> None:
    for release in RELEASES:
        for path, sealed in zip(release.dumps, (False, True), strict=True):
            dump = Dump.of(path)
            assert (dump.release, bool(dump.sealing_key)) == (release.name, sealed)
    assert {change.release for change in HISTORY} - {VERSION} <= {release.name for release in RELEASES}


def bare(names: Iterable[str]) -> set[str]:
    """Without what is random in them."""
    return {re.sub(r"[0-9a-f]{16}|gateway-1\.[0-9a-f]{32}", "", name) for name in names}


def test_the_present_release_writes_all_that_the_last_one_did(redis_url: str) -> None:
    """Which reads it beside this one. Who contracts takes out here what the last one does not need."""
    last = Dump.of(RELEASES[-1].dumps[0])
    with connect(redis_url) as client:
        Writing(Store(client, clock=lambda: NOW)).all()
        now = dumped(client)
    for name in last.keys.keys() & now.keys():
        before, after = last.keys[name], now[name]
        assert (after["type"], "pttl" in after) == (before["type"], "pttl" in before), name
        if before["type"] == "hash":
            assert bare(after["value"]) >= bare(before["value"]), name
    assert bare(last.keys) <= bare(now)


def test_it_is_brought_to_the_present_version_and_all_of_it_stays(pool: Pool, dump: Dump) -> None:
    standing = Schema(pool.store).look()
    assert (standing.version, standing.release) == (HISTORY[-1].version, VERSION)
    now = dumped(pool.store.redis)
    lasting = [name for name, entry in dump.keys.items() if "pttl" not in entry]
    assert {name: now[name]["value"] for name in lasting} == {name: dump.keys[name]["value"] for name in lasting}


def test_every_account_is_there_with_its_newest_tokens(pool: Pool) -> None:
    assert Canary(pool.store).check() is pool.store.vault.seals
    records = {record.account.name: record for record in pool.members.all()}
    assert {name: record.state for name, record in records.items()} == STATES
    for name, record in records.items():
        number = {"active": 4, "new": 1, "official": 1}.get(name, 2)
        first = GUEST if name == GUEST_NAME else f"{name}-refresh-1"
        assert record.refresh == (first if number == 1 else f"{name}-refresh-{number}")
        record.unseal()
    active = records["active"]
    assert [before.refresh for before in active.previous] == ["active-refresh-3"]
    assert (active.alone, active.models, active.in_flight) == (True, ("kimi-k2.5", "kimi-k3"), 1)
    assert records["proxied"].account.proxy_to_dial() == "socks5h://user:password@192.0.2.1:1080"
    assert records["by-hand"].account.max_concurrency == 2
    assert {name for name, record in records.items() if not record.configured} == {"deleted", "gone"}


def test_the_same_file_changes_nothing_and_who_was_taken_out_comes_back_with_his_newest_token(pool: Pool) -> None:
    members = [ConfiguredAccount(account, f"{account.name}-refresh-1") for account in ACCOUNTS]
    report = pool.members.sync([member for member in members if member.account.name != "gone"])
    assert not any((report.added, report.updated, report.revived, report.removed, report.deferred))
    report = pool.members.sync(members)
    assert (report.added, report.updated, report.revived, report.removed) == ((), ("gone",), (), ())
    hands = Interventions(pool.store)
    assert hands.enter(ConfiguredAccount(web("deleted"), "deleted-refresh-1")) is Entered.ADDED
    for name in ("gone", "deleted"):
        record = pool.members.get(name)
        assert record is not None
        assert (record.refresh, record.configured) == (f"{name}-refresh-2", True)


def test_leases_that_run_count_and_expire_and_who_waits_is_next(pool: Pool) -> None:
    taken = [pool.leases.acquire(wish(only="active")) for _ in range(2)]
    assert {lease.token for lease in taken} == {"active-access-3"}
    with pytest.raises(AllBusy):
        pool.leases.acquire(wish(only="active"))
    classic = wish("kimi-classic", model="kimi-k1.5")
    with pytest.raises(AllBusy):
        pool.leases.acquire(classic)
    pool.clock.now += LEASE_SECONDS + 1
    pool.leases.look(["kimi-classic"])
    assert pool.leases.expired() >= 3
    assert pool.leases.acquire(classic, ticket="gateway-1.1").account.name == "classic"


def test_rests_and_refused_models_last(pool: Pool) -> None:
    others = IN_SERVICE | {"new"}
    with pytest.raises(AllBusy):
        pool.leases.acquire(wish(exclude=others - {"resting"}))
    pool.clock.now += 61
    assert pool.leases.acquire(wish(exclude=others - {"resting"})).account.name == "resting"
    assert pool.leases.acquire(wish(only="limited")).account.name == "limited"


def test_requests_are_answered_along_every_kind(pool: Pool) -> None:
    house = House(pool, ScriptedUpstream([HELLO]))
    for model in ("kimi", "kimi-k3", "moonshot-v1-8k"):
        assert isinstance(house.ask(model)[-1], Finish)


def test_each_token_is_exchanged_once_and_none_that_nobody_uses(pool: Pool) -> None:
    vendor = Vendor(pool.clock)
    records = {record.account.name: record for record in pool.members.all()}
    vendor.current = {name: record.refresh for name, record in records.items()}
    refreshing = build(pool, vendor, Stop())
    assert set(pool.due()) == {"new", "rejected"}
    outcomes: list[Outcome | None] = []
    for seconds in (0, 15, 600):
        pool.clock.now = NOW + seconds
        outcomes += [refreshing.refresh(name) for name in pool.due() for _ in range(2)]
    assert set(outcomes) == {Outcome.REFRESHED, None}
    exchanged = {*IN_SERVICE, "new", GUEST_NAME}
    stored = [records[name].refresh for name in exchanged]
    assert len(set(vendor.asked)) == len(vendor.asked) and set(stored) <= set(vendor.asked)
    assert not {records[name].refresh for name in STATES.keys() - exchanged} & set(vendor.asked)
    for name in exchanged:
        record = pool.members.get(name)
        assert record is not None
        assert (record.refresh, record.state) == (vendor.current[name], State.ACTIVE)


def test_who_brought_a_token_is_known_by_it(pool: Pool) -> None:
    guest = private_account(GUEST, Kind.KIMI)
    (known,) = PrivateAccounts(pool.store).notice([guest]).values()
    assert (known.usable, known.name) == (True, GUEST_NAME)


def test_conversations_go_on_and_files_are_uploaded_once(pool: Pool) -> None:
    conversation = Conversations(pool.store).claim("conversation-1", 120)
    assert conversation is not None
    assert (conversation.chat.id, conversation.chat.account, conversation.message_id) == (
        "chat-kept",
        "active",
        "message-1",
    )
    assert Uploads(pool.store, 60).known("active", ["upload-1"]) == {"upload-1": UPLOAD}
    pool.clock.now += 60
    assert [chat.id for chat in Chats(pool.store).claim(10)] == ["chat-left"]


def test_client_keys_open_and_have_what_is_left_of_their_limits(pool: Pool, dump: Dump) -> None:
    clients, limiter = Clients(pool.store), Limiter(pool.store)
    assert {client.name: client.revoked for client in clients.all()} == {
        "limited-client": None,
        "free-client": None,
        "revoked-client": NOW,
    }
    client = clients.find(digest_of(dump.client_key))
    assert client is not None and client.limits.models == ("kimi*",)
    left = {standing.limit: standing.left for standing in limiter.enter(client, "gateway-2.a")}
    assert left == {Limit.REQUESTS: 7, Limit.TOKENS: 700, Limit.CONCURRENT: 0}
    with pytest.raises(LimitReached):
        limiter.enter(client, "gateway-2.b")


def test_operators_find_what_they_saw(pool: Pool) -> None:
    figures = Figures(pool.store)
    assert (figures.today().requests, figures.today().prompt_tokens) == (1, 30)
    assert figures.tallies(["active", "resting"])["resting"].errors == 1
    assert sum(point.requests for point in figures.points(Span.HOUR)) == 1
    assert [(entry.rule, entry.subject) for entry in AlertBook(pool.store).entries().values()] == [(Rule.DEAD, "dead")]
    assert [sighting.name for sighting in DriftBook(pool.store).all()] == ["newThing"]
    assert [entry.action for entry in Audit(pool.store).entries()] == ["refresh", "pause"]
    assert Sessions(pool.store).find("session-token")
    seen = Status(pool.store).overview()
    assert seen.redis.up and seen.pool.total == len(Members(pool.store).all()) - 3, "guests and gone ones do not count"
    assert seen.pool.states["dead"] == seen.pool.states["banned"] == seen.pool.states["paused"] == 1


def test_dumps_hold_no_secret_in_plain_text_that_was_sealed() -> None:
    for release in RELEASES:
        sealed: Path = release.dumps[1]
        text = sealed.read_text("utf-8")
        assert "gAAAA" in text
        assert not any(word in text for word in ('-refresh-1"', '-access-2"', "password"))
