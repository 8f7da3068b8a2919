"""Who has changed what."""

from __future__ import annotations

import pytest

from kimi.errors import StoreUnavailable
from kimi.operating.audit import Audit
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
    assert len(audit.entries()[0].subject) == 1_000

    for number in range(2_000):
        audit.note("command line", "test", str(number))
    assert 500 <= pool.store.redis.xlen(pool.store.key("audit")) < 700
    assert audit.entries(limit=1)[0].subject == "1999"


def test_without_redis_nothing_is_noted_and_that_is_told() -> None:
    audit = Audit(Store(connect(f"redis://127.0.0.1:{free_port()}")))
    with pytest.raises(StoreUnavailable):
        audit.note("command line", "pause", "alice")
    with pytest.raises(StoreUnavailable):
        audit.entries()
