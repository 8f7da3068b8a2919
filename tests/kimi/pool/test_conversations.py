"""Conversations that can be continued: by one, once, and whose chat is everybody else's afterwards."""

from __future__ import annotations

import pytest

from devtools.waiting import until
from kimi.chat import Place
from kimi.errors import ConversationBusy
from kimi.pool.chats import Chats, StandingChat
from kimi.pool.conversations import Conversation, Conversations
from tests.kimi.pool.pools import Pool, web

ONE = Conversation(StandingChat("c:1", "a:b"), "m1")
TWO = Conversation(StandingChat("c2", "a:b"))


@pytest.fixture
def chats(pool: Pool) -> Chats:
    return Chats(pool.store)


@pytest.fixture
def conversations(pool: Pool) -> Conversations:
    pool.fill(web("a:b"), lifetime=86_400)
    return Conversations(pool.store)


def due(chats: Chats) -> list[str]:
    return [chat.id for chat in chats.claim(10)]


def test_a_conversation_is_claimed_once(conversations: Conversations) -> None:
    conversations.keep("k", ONE, seconds=60, due=70)
    assert conversations.claim("other", 60) is None
    found = conversations.claim("k", 60)
    assert found == ONE
    assert found.place == Place("c:1", "m1")
    assert conversations.claim("k", 60) is None


def test_while_it_is_continued_others_are_told(conversations: Conversations, chats: Chats) -> None:
    conversations.keep("k", ONE, seconds=60, due=70)
    assert conversations.claim("k", 60, tells=True) == ONE
    with pytest.raises(ConversationBusy):
        conversations.claim("k", 60, tells=True)
    conversations.keep("k", ONE, seconds=60, due=70)
    assert conversations.claim("k", 60, tells=True) == ONE, "that answer has ended"
    chats.note({ONE.chat: None})
    assert conversations.claim("k", 60) is None, "its chat is gone"


def test_who_dies_while_he_continues_it_leaves_nobody_waiting(pool: Pool, conversations: Conversations) -> None:
    conversations.keep("k", ONE, seconds=60, due=70)
    assert conversations.claim("k", 60, tells=True) == ONE
    pool.clock.now += 60
    assert conversations.claim("k", 60) is None
    assert pool.store.redis.pttl(pool.store.key("continued", "k")) > 0


def test_its_chat_is_deleted_when_nobody_came_for_it(pool: Pool, conversations: Conversations, chats: Chats) -> None:
    conversations.keep("k", ONE, seconds=60, due=70)
    pool.clock.now += 69
    assert due(chats) == []
    pool.clock.now += 1
    assert due(chats) == ["c:1"]


def test_who_claims_it_at_the_last_moment_has_the_chat_for_himself(
    pool: Pool, conversations: Conversations, chats: Chats
) -> None:
    conversations.keep("k", ONE, seconds=60, due=70)
    pool.clock.now += 69.9
    assert conversations.claim("k", 60) == ONE
    pool.clock.now += 59
    assert due(chats) == []


def test_either_somebody_continues_it_or_its_chat_is_deleted(conversations: Conversations) -> None:
    conversations.keep("k", ONE, seconds=60, due=70)
    assert conversations.claim("k", 60) == ONE
    assert not conversations.end("k", ONE)

    conversations.keep("k", ONE, seconds=60, due=70)
    assert conversations.end("k", ONE)
    assert conversations.claim("k", 60) is None


def test_of_two_chats_with_the_same_words_the_first_is_deleted(
    pool: Pool, conversations: Conversations, chats: Chats
) -> None:
    conversations.keep("k", ONE, seconds=60, due=70)
    conversations.keep("k", TWO, seconds=60, due=70)
    assert due(chats) == []
    pool.clock.now += 10
    assert due(chats) == ["c:1"], "by others, unless its worker does"
    assert conversations.end("k", ONE)
    assert not conversations.end("k", ONE)
    assert conversations.claim("k", 60) == TWO
    assert not conversations.end("k", TWO)


def test_a_chat_that_is_due_soon_anyway_is_not_kept_longer(
    pool: Pool, conversations: Conversations, chats: Chats
) -> None:
    conversations.keep("k", ONE, seconds=3, due=4)
    conversations.keep("k", TWO, seconds=60, due=70)
    pool.clock.now += 4
    assert due(chats) == ["c:1"]


def test_a_chat_that_comes_back_to_its_key_stays(conversations: Conversations, chats: Chats) -> None:
    conversations.keep("k", ONE, seconds=60, due=70)
    conversations.keep("k", Conversation(ONE.chat, "m2"), seconds=60, due=70)
    assert due(chats) == []
    found = conversations.claim("k", 60)
    assert found is not None and found.message_id == "m2"


def test_where_no_chat_is_ever_deleted_none_is_noted(conversations: Conversations, chats: Chats) -> None:
    conversations.keep("k", ONE, seconds=60, due=None)
    conversations.keep("k", TWO, seconds=60, due=None)
    assert conversations.claim("k", 60) == TWO
    assert chats.count() == 0


def test_a_record_expires(pool: Pool, conversations: Conversations) -> None:
    conversations.keep("k", ONE, seconds=0.02, due=70)
    record = pool.store.key("conversation", "k")
    until(lambda: not pool.store.redis.exists(record), what="the record has expired")


def test_a_conversation_that_goes_on_for_weeks_is_not_forgotten(
    pool: Pool, conversations: Conversations, chats: Chats
) -> None:
    for _ in range(20):
        conversations.keep("k", ONE, seconds=86_400, due=86_410)
        pool.clock.now += 86_000
        assert chats.claim(10) == []
    pool.freshen("a:b", lifetime=86_400)
    pool.clock.now += 1_000
    assert due(chats) == ["c:1"]


def test_nothing_of_it_stays_in_redis(pool: Pool, conversations: Conversations) -> None:
    conversations.keep("k", ONE, seconds=60, due=70)
    assert 0 < pool.store.redis.pttl(pool.store.key("conversation", "k")) <= 60_000
    conversations.claim("k", 60)
    assert not pool.store.redis.exists(pool.store.key("conversation", "k"))
