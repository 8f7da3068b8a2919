"""Conversations that can be continued: by one, once, and whose chat is everybody else's afterwards."""

from __future__ import annotations

import pytest

from devtools.waiting import until
from kimi.chat import Place
from kimi.errors import ConversationBusy
from kimi.pool import Released
from kimi.pool.chats import Chats, StandingChat
from kimi.pool.conversations import Bookmark, Conversation, Conversations
from tests.kimi.pool.pools import Pool, rest, take, web

ONE = Conversation(StandingChat("c:1", "a:b"), "m1")
TWO = Conversation(StandingChat("c2", "a:b"))


@pytest.fixture
def chats(pool: Pool) -> Chats:
    return Chats(pool.store)


@pytest.fixture
def conversations(pool: Pool) -> Conversations:
    pool.fill(web("a:b"), lifetime=86_400)
    return Conversations(pool.store)


def kept(conversation: Conversation, *, seconds: float = 60, due: float | None = 70) -> Bookmark:
    return Bookmark("k", conversation, seconds, due)


def due(chats: Chats) -> list[str]:
    return [chat.id for chat in chats.claim(10)]


def test_a_conversation_is_claimed_once(conversations: Conversations) -> None:
    conversations.keep(kept(ONE))
    assert conversations.claim("other", 60) is None
    found = conversations.claim("k", 60)
    assert found == ONE
    assert found.place == Place("c:1", "m1")
    assert conversations.claim("k", 60) is None


def test_while_it_is_continued_others_are_told(conversations: Conversations, chats: Chats) -> None:
    conversations.keep(kept(ONE))
    assert conversations.claim("k", 60, tells=True) == ONE
    with pytest.raises(ConversationBusy):
        conversations.claim("k", 60, tells=True)
    conversations.keep(kept(ONE))
    assert conversations.claim("k", 60, tells=True) == ONE, "that answer has ended"
    chats.note({ONE.chat: None})
    assert conversations.claim("k", 60) is None, "its chat is gone"


def test_who_dies_while_he_continues_it_leaves_nobody_waiting(pool: Pool, conversations: Conversations) -> None:
    conversations.keep(kept(ONE))
    assert conversations.claim("k", 60, tells=True) == ONE
    pool.clock.now += 60
    assert conversations.claim("k", 60) is None
    assert pool.store.redis.pttl(pool.store.key("continued", "k")) > 0


def test_its_chat_is_deleted_when_nobody_came_for_it(pool: Pool, conversations: Conversations, chats: Chats) -> None:
    conversations.keep(kept(ONE))
    pool.clock.now += 69
    assert due(chats) == []
    pool.clock.now += 1
    assert due(chats) == ["c:1"]


def test_who_claims_it_at_the_last_moment_has_the_chat_for_himself(
    pool: Pool, conversations: Conversations, chats: Chats
) -> None:
    conversations.keep(kept(ONE))
    pool.clock.now += 69.9
    assert conversations.claim("k", 60) == ONE
    pool.clock.now += 59
    assert due(chats) == []


def test_either_somebody_continues_it_or_its_chat_is_deleted(conversations: Conversations) -> None:
    conversations.keep(kept(ONE))
    assert conversations.claim("k", 60) == ONE
    assert conversations.end([("k", ONE)]) == [False]

    conversations.keep(kept(ONE))
    assert conversations.end([("k", ONE)]) == [True]
    assert conversations.claim("k", 60) is None


def test_of_two_chats_with_the_same_words_the_first_is_deleted(
    pool: Pool, conversations: Conversations, chats: Chats
) -> None:
    conversations.keep(kept(ONE))
    conversations.keep(kept(TWO))
    assert due(chats) == []
    pool.clock.now += 10
    assert due(chats) == ["c:1"], "by others, unless its worker does"
    assert conversations.end([("k", ONE)]) == [True]
    assert conversations.end([("k", ONE)]) == [False]
    assert conversations.claim("k", 60) == TWO
    assert conversations.end([("k", TWO)]) == [False]


def test_a_chat_that_is_due_soon_anyway_is_not_kept_longer(
    pool: Pool, conversations: Conversations, chats: Chats
) -> None:
    conversations.keep(kept(ONE, seconds=3, due=4))
    conversations.keep(kept(TWO))
    pool.clock.now += 4
    assert due(chats) == ["c:1"]


def test_a_chat_that_comes_back_to_its_key_stays(conversations: Conversations, chats: Chats) -> None:
    conversations.keep(kept(ONE))
    conversations.keep(kept(Conversation(ONE.chat, "m2")))
    assert due(chats) == []
    found = conversations.claim("k", 60)
    assert found is not None and found.message_id == "m2"


def test_where_no_chat_is_ever_deleted_none_is_noted(conversations: Conversations, chats: Chats) -> None:
    conversations.keep(kept(ONE, seconds=60, due=None))
    conversations.keep(kept(TWO, seconds=60, due=None))
    assert conversations.claim("k", 60) == TWO
    assert chats.count() == 0


def test_a_record_expires(pool: Pool, conversations: Conversations) -> None:
    conversations.keep(kept(ONE, seconds=0.02, due=70))
    record = pool.store.key("conversation", "k")
    until(lambda: not pool.store.redis.exists(record), what="the record has expired")


def test_a_conversation_that_goes_on_for_weeks_is_not_forgotten(
    pool: Pool, conversations: Conversations, chats: Chats
) -> None:
    for _ in range(20):
        conversations.keep(kept(ONE, seconds=86_400, due=86_410))
        pool.clock.now += 86_000
        assert chats.claim(10) == []
    pool.freshen("a:b", lifetime=86_400)
    pool.clock.now += 1_000
    assert due(chats) == ["c:1"]


def test_nothing_of_it_stays_in_redis(pool: Pool, conversations: Conversations) -> None:
    conversations.keep(kept(ONE))
    assert 0 < pool.store.redis.pttl(pool.store.key("conversation", "k")) <= 60_000
    conversations.claim("k", 60)
    assert not pool.store.redis.exists(pool.store.key("conversation", "k"))


def test_who_gives_an_account_back_can_keep_its_conversation_in_the_same_step(
    pool: Pool, conversations: Conversations
) -> None:
    lease = take(pool)
    before = pool.store.redis.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert pool.leases.release(lease, served=True, keep=kept(ONE)) == Released(0.0, kept=True)
    assert pool.store.redis.info("commandstats")["cmdstat_evalsha"]["calls"] <= before + 1
    assert pool.count("a:b") == 0
    pool.clock.now += 59
    assert conversations.claim("k", 60) == ONE


def test_a_conversation_is_kept_with_a_rest_and_behind_a_lease_that_has_expired(
    pool: Pool, conversations: Conversations
) -> None:
    lease = take(pool)
    assert pool.leases.release(lease, rest=rest(5), keep=kept(ONE)) == Released(5.0, kept=True)
    assert pool.leases.release(lease, keep=kept(TWO)).kept
    assert conversations.claim("k", 60) == TWO


def test_of_many_that_end_in_one_step_each_has_its_own_answer(conversations: Conversations) -> None:
    many = [Conversation(StandingChat(f"c{number}", "a:b")) for number in range(1200)]
    for number in range(0, 1200, 300):
        conversations.keep(Bookmark(f"k{number}", many[number], 60, 70))
    ended = conversations.end([(f"k{number}", conversation) for number, conversation in enumerate(many)])
    assert [number for number, is_ours in enumerate(ended) if is_ours] == [0, 300, 600, 900]
    assert conversations.end([]) == []


def test_another_key_leads_to_it_as_long_as_nobody_has_continued_it(conversations: Conversations) -> None:
    known = Bookmark("k", ONE, 60, 70, also="r")
    conversations.keep(known)
    assert conversations.claim("r", 60, tells=True) == ONE
    with pytest.raises(ConversationBusy):
        conversations.claim("r", 60)
    assert conversations.claim("k", 60) is None
    conversations.keep(known)
    assert conversations.claim("k", 60) == ONE
    assert conversations.claim("r", 60) is None


def test_who_comes_by_the_key_of_before_is_told_nothing_once_it_is_kept_by_another(
    conversations: Conversations, chats: Chats
) -> None:
    chats.note({ONE.chat: 3_600.0})
    conversations.keep(Bookmark("r", ONE, 60, 70))
    assert conversations.claim("r", 60, tells=True) == ONE
    conversations.keep(Bookmark("s", ONE, 60, 70, was="r"))
    assert conversations.claim("r", 60, tells=True) is None


def test_of_two_with_the_same_words_each_is_found_by_its_other_key(conversations: Conversations, chats: Chats) -> None:
    for key, conversation in (("r", ONE), ("s", TWO)):
        chats.note({conversation.chat: 3_600.0})
        conversations.keep(Bookmark("k", conversation, 60, 70, also=key))
    assert due(chats) == []
    assert conversations.claim("s", 60) == TWO
    assert conversations.claim("r", 60) == ONE
    assert conversations.claim("k", 60) is None


def test_another_key_does_not_lead_to_the_chat_that_has_taken_its_place(conversations: Conversations) -> None:
    conversations.keep(Bookmark("k", ONE, 60, 70, also="r"))
    conversations.keep(Bookmark("k", TWO, 60, 70))
    assert conversations.claim("r", 60) is None
    assert conversations.claim("k", 60) == TWO


def test_another_key_lives_as_long_as_the_first(pool: Pool, conversations: Conversations) -> None:
    conversations.keep(Bookmark("k", ONE, 60, 70, also="r"))
    first, other = (pool.store.redis.pexpiretime(pool.store.key("conversation", key)) for key in ("k", "r"))
    assert first == other > 0
