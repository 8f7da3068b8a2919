"""Who has changed what."""

from __future__ import annotations

import pytest

from kimi.errors import StoreUnavailable
from kimi.operating.audit import Audit
from kimi.operating.noting import listed
from kimi.pool import Store, connect
from tests.kimi.pool.pools import Pool
from tests.ports import free_port

SECRETS = (
    "eyJhbGciOiJIUzUxMiJ9.eyJzdWIiOiJkc2YifQ.abcdefghijklmnop",
    "sk-kimi-0123456789012345678901234567890123456789012",
    "Bearer 0123456789abcdef",
    "socks5h://user:secret@proxy.example:1080",
)


def test_what_was_done_is_told_the_latest_first(pool: Pool) -> None:
    audit = Audit(pool.store)
    audit.note("admin page", "pause", "alice", address="192.0.2.1")
    audit.note("command line", "edit", "bob", "weight 1 → 2")

    latest, first = audit.entries()

    assert (latest.who, latest.action, latest.subject, latest.detail, latest.address) == (
        "command line",
        "edit",
        "bob",
        "weight 1 → 2",
        "",
    )
    assert (first.who, first.address) == ("admin page", "192.0.2.1")
    assert latest.at >= first.at > 1_700_000_000
    assert latest.id != first.id


def test_it_is_read_page_by_page(pool: Pool) -> None:
    audit = Audit(pool.store)
    for number in range(7):
        audit.note("command line", "test", f"account-{number}")
    seen = audit.entries(limit=3)
    while page := audit.entries(before=seen[-1].id, limit=3):
        seen += page

    assert [entry.subject for entry in seen] == [f"account-{number}" for number in range(6, -1, -1)]
    assert audit.entries(before=seen[-1].id) == []


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("place", ["who", "action", "subject", "detail", "address"])
def test_no_secret_is_written(pool: Pool, secret: str, place: str) -> None:
    words = {"who": "command line", "action": "add", "subject": "alice", "detail": "", "address": ""}
    Audit(pool.store).note(**{**words, place: f"it was {secret} that came"})

    written = str(pool.store.redis.xrange(pool.store.key("audit")))
    assert secret not in written
    assert "[redacted]" in written


def test_an_entry_cannot_fill_the_store_nor_all_of_them(pool: Pool) -> None:
    audit = Audit(pool.store, most=500)
    audit.note("command line", "add", "x" * 100_000)
    audit.note("command line", "add", "x", "y" * 100_000)
    assert (len(audit.entries()[1].subject), len(audit.entries()[0].detail)) == (4_100, 1_000)

    for number in range(2_000):
        audit.note("command line", "pause", str(number))
    assert 500 <= pool.store.redis.xlen(pool.store.key("audit")) < 700
    assert audit.entries(limit=1)[0].subject == "1999"


def test_what_is_done_every_minute_does_not_push_out_what_is_not(pool: Pool) -> None:
    audit = Audit(pool.store, most=500)
    audit.note("admin page", "sign in", "")
    for number in range(1_000):
        audit.note("admin api", "refresh" if number % 2 else "test", str(number))
    actions = [entry.action for entry in audit.entries(limit=1_000)]
    assert (actions[-1], len(actions)) == ("sign in", 101)
    assert [entry.subject for entry in audit.entries(limit=2)] == ["999", "998"]


def test_names_are_no_secrets_though_they_look_like_ids(pool: Pool) -> None:
    audit = Audit(pool.store)
    audit.note("command line", "pause", "key-production, org-eastern", "of key-0123456789")
    assert (audit.entries()[0].subject, audit.entries()[0].detail) == ("key-production, org-eastern", "of [redacted]")


def test_of_many_names_those_are_listed_that_fit() -> None:
    assert listed(["a", "b"]) == "a, b"
    names = [f"account-{number:04}" for number in range(500)]
    shown, _, more = listed(names).partition(" … ")
    kept = shown.split(", ")
    assert kept == names[: len(kept)]
    assert (more, len(shown) <= 4_000) == (f"and {500 - len(kept)} more", True)


def test_without_redis_nothing_is_noted_and_that_is_told() -> None:
    audit = Audit(Store(connect(f"redis://127.0.0.1:{free_port()}")))
    with pytest.raises(StoreUnavailable):
        audit.note("command line", "pause", "alice")
    with pytest.raises(StoreUnavailable):
        audit.entries()
