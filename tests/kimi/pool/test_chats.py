"""The chats that stand at the upstreams: noted, claimed by one at a time, and never too many."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kimi.accounts import ConfiguredAccount, State
from kimi.pool.chats import Chats, StandingChat
from tests.kimi.pool.pools import Pool, web, wish

WEEK = 7 * 86_400
ONE = StandingChat("c1", "a")
TWO = StandingChat("c2", "a")


@pytest.fixture
def chats(pool: Pool) -> Chats:
    pool.fill(web("a"), web("b"), lifetime=30 * 86_400)
    return Chats(pool.store)


def claimed(chats: Chats, limit: int = 10) -> list[str]:
    return [due.id for due in chats.claim(limit)]


def test_a_chat_is_due_after_the_time_that_was_noted_and_comes_with_what_its_deletion_takes(
    pool: Pool, chats: Chats
) -> None:
    chats.note({ONE: 60.0, TWO: 0.0})
    (due,) = chats.claim(10)
    assert (due.id, due.account, due.token) == ("c2", web("a"), "access-a-2")
    assert "access" not in repr(due)
    pool.clock.now += 60
    assert claimed(chats) == ["c1"]


def test_a_chat_whose_holder_lives_is_never_due(pool: Pool, chats: Chats) -> None:
    for _ in range(10):
        chats.note({ONE: 60.0})
        pool.clock.now += 50
        assert chats.claim(10) == []


def test_a_deleted_chat_is_known_no_longer(chats: Chats) -> None:
    chats.note({ONE: 0.0, TWO: 0.0})
    chats.note({ONE: None})
    (due,) = chats.claim(10)
    assert due.standing == TWO
    chats.deleted([due])
    assert chats.count() == 0
    assert chats.claim(10) == []


def test_two_never_get_the_same_chat(chats: Chats) -> None:
    chats.note({StandingChat(f"c{number}", "a"): 0.0 for number in range(10)})
    found = [claimed(chats, 4), claimed(chats, 4), claimed(chats, 4)]
    assert [len(part) for part in found] == [4, 4, 2]
    assert len({chat for part in found for chat in part}) == 10


def test_what_was_not_deleted_comes_back_ever_more_rarely(pool: Pool, chats: Chats) -> None:
    chats.note({ONE: 0.0})
    opened, times = pool.clock.now, []
    for _ in range(12):
        while not chats.claim(1):
            pool.clock.now += 60
        times.append(pool.clock.now - opened)
    assert times[:6] == [0, 120, 240, 480, 960, 1920]
    assert times[-1] - times[-2] == 3600


@pytest.mark.parametrize(
    "hindrance",
    [
        lambda pool: pool.configure(web("b")),
        lambda pool: pool.members.mark("a", 2, State.DEAD, "refused"),
        lambda pool: pool.members.mark("a", 2, State.PAUSED, "by the operator"),
        lambda pool: pool.members.sync(
            [ConfiguredAccount(web("a"), "another"), ConfiguredAccount(web("b"), "refresh-b")]
        ),
        lambda pool: pool.leases.reject(pool.leases.acquire(wish(exclude=["b"]))),
    ],
    ids=["removed", "dead", "paused", "without a token", "rejected"],
)
def test_chats_of_an_account_that_cannot_be_asked_wait_and_hold_nobody_up(
    pool: Pool, chats: Chats, hindrance: Callable[[Pool], object]
) -> None:
    chats.note({StandingChat(f"c{number}", "a"): 0.0 for number in range(5)})
    chats.note({StandingChat("other", "b"): 0.0})
    hindrance(pool)
    assert claimed(chats, 1) == ["other"]
    assert chats.count() == 6


def test_chats_of_an_account_that_returns_are_deleted(pool: Pool, chats: Chats) -> None:
    chats.note({ONE: 0.0})
    pool.configure(web("b"))
    assert chats.claim(1) == []
    pool.fill(web("a"), web("b"))
    pool.clock.now += 120
    assert claimed(chats) == ["c1"]


def test_chats_of_an_account_that_waits_for_its_token_are_deleted_soon(pool: Pool, chats: Chats) -> None:
    chats.note({ONE: 0.0})
    pool.leases.reject(pool.leases.acquire(wish(exclude=["b"])))
    assert chats.claim(1) == []
    pool.freshen("a")
    pool.clock.now += 10
    assert claimed(chats) == ["c1"]


def test_chats_of_an_account_that_nobody_knows_wait_until_they_are_forgotten(pool: Pool, chats: Chats) -> None:
    chats.note({StandingChat("c", "nobody"): 0.0})
    assert chats.claim(1) == []
    pool.clock.now += WEEK
    assert chats.claim(1) == []
    assert chats.count() == 0


def test_what_has_stood_for_a_week_is_forgotten_however_often_it_was_tried(pool: Pool, chats: Chats) -> None:
    chats.note({ONE: 0.0})
    pool.clock.now += WEEK - 1
    assert claimed(chats) == ["c1"]
    pool.clock.now += 3601
    assert claimed(chats) == []
    assert list(pool.store.redis.scan_iter(pool.store.key("chats*"))) == []


def test_too_many_chats_push_out_the_oldest(pool: Pool) -> None:
    pool.fill(web("a"))
    chats = Chats(pool.store, most=2)
    for number in range(4):
        assert chats.note({StandingChat(f"c{number}", "a"): 0.0}) == int(number >= 2)
        pool.clock.now += 1
    assert claimed(chats) == ["c2", "c3"]
    assert chats.count() == 2


def test_thousands_are_noted_at_once(chats: Chats) -> None:
    chats.note({StandingChat(f"c{number}", "a"): 60.0 for number in range(1200)})
    assert chats.count() == 1200


@pytest.mark.parametrize("name", ["plain", "with:colons:", "with spaces", "%3A"])
@pytest.mark.parametrize("chat_id", ["19dkf-2", "a:b", "ä/%"])
def test_names_and_ids_may_hold_any_character(pool: Pool, name: str, chat_id: str) -> None:
    pool.fill(web(name))
    chats = Chats(pool.store)
    chats.note({StandingChat(chat_id, name): 0.0})
    (due,) = chats.claim(1)
    assert (due.id, due.account.name) == (chat_id, name)
    chats.deleted([due])
    assert chats.count() == 0
