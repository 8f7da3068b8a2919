"""Going on in the chat that a conversation was begun in, and everywhere else where that cannot be."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import gevent
import pytest

from gateway.conversations import Fate
from gateway.turn import Turn
from kimi.accounts import Account, Kind, State
from kimi.chat import Attachment, Message, Place
from kimi.errors import ChatGone, ContentRefused, KimiError, PromptTooLong, RequestInvalid, StoreUnavailable
from kimi.events import Answering, ChatOpened, Finish, Text, ToolCall
from kimi.pool import Bookmark, Conversation
from kimi.pool.chats import Chats
from kimi.pool.conversations import Conversations as Kept
from tests.gateway.houses import House, MakeHouse, read
from tests.gateway.scripted import UNSEEN, ScriptedUpstream, wait_until
from tests.gateway.talks import Talk, answer, last_words
from tests.kimi.pool.pools import web, wish

FIRST, SECOND, THIRD = (answer(f"c{number}", f"s{number}", f"Answer {number}.") for number in (1, 2, 3))
FAILURES = (*UNSEEN, ChatGone("404"), ContentRefused("no"), RequestInvalid("parent_id"), PromptTooLong("full"))
FILE = Attachment("data:text/plain;base64,aGk=", "messages[0].content[1]")


def begun(make_house: MakeHouse, *accounts: Account, **options: object) -> Talk:
    """A talk in which something was said; its chat stands with the first account."""
    upstream = ScriptedUpstream([FIRST, SECOND, THIRD])
    house = make_house(upstream=upstream, **options)
    house.pool.fill(*(accounts or (web("a"), web("b", priority=-1))))
    talk = Talk(house)
    talk.say("one")
    return talk


@contextmanager
def busy_threads() -> Iterator[None]:
    """Whatever is left to a thread has to wait."""
    threads, done = gevent.get_hub().threadpool, threading.Event()
    waiting = [threads.spawn(done.wait, 10) for _ in range(threads.maxsize)]
    yield
    done.set()
    gevent.wait(waiting)


def continued(talk: Talk) -> bool:
    return talk.asked.behind is not None


def due(house: House, seconds: float) -> set[str]:
    """The chats that others are to delete within so many seconds."""
    house.ledger.flush()
    store, redis = house.pool.store, house.pool.store.redis
    until = (house.pool.clock.now + seconds) * 1000
    return {member.partition(":")[0] for member in redis.zrangebyscore(store.key("chats"), "-inf", until)}


def test_only_what_is_new_is_sent_to_where_the_conversation_stands(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    talk.say("two")
    assert (talk.account, talk.asked.behind, last_words(talk)) == ("a", Place("c1", "s1"), ("two",))
    talk.house.upstream.scripts = [answer("c1", "s9")]
    talk.say("three")
    assert (talk.asked.behind, last_words(talk)) == (Place("c1", "s2"), ("three",))
    assert talk.house.fates == [Fate.CONTINUED] * 2
    assert talk.house.upstream.deleted == []


@pytest.mark.parametrize(
    "change",
    [
        lambda m: Message(m.role, f"\n {m.content}\n"),
        lambda m: Message(m.role, m.content.replace(" ", "\r\n")),
    ],
)
def test_what_clients_change_in_passing_does_not_matter(
    make_house: MakeHouse, change: Callable[[Message], Message]
) -> None:
    talk = begun(make_house)
    talk.messages = [Message("assistant", " "), *map(change, talk.messages)]
    talk.say("two")
    assert continued(talk)


def test_every_word_and_every_file_matters(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    known = list(talk.messages)
    for other in (
        [Message("user", "One"), known[1]],
        [known[0], Message("assistant", "Answer 1")],
        [Message("user", "one", (FILE,)), known[1]],
        [Message("system", "Be brief."), *known],
        [Message("user", "oneAnswer"), Message("assistant", "1.")],
    ):
        talk.messages = other
        talk.say("two")
        assert not continued(talk)
    talk.messages = known
    talk.say("two")
    assert continued(talk)


def test_nobody_else_continues_it(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    other = Talk(talk.house, Turn(scope="two"), messages=list(talk.messages))
    other.say("two")
    assert not continued(other)
    assert last_words(other) == ("one", "Answer 1.", "two")


def test_another_model_begins_a_chat_of_its_own(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    talk.model = "kimi-search"
    talk.say("two")
    assert not continued(talk)
    assert talk.house.fates == [Fate.FOLDED]


def test_a_question_without_history_asks_redis_nothing_more(make_house: MakeHouse) -> None:
    def commands(seconds: float) -> int:
        house = make_house(upstream=ScriptedUpstream([FIRST]), conversation_seconds=seconds)
        house.pool.fill(web("a"))
        redis = house.pool.store.redis
        house.pool.store.redis.flushall()
        house.pool.fill(web("a"))
        asked: list[int] = []
        house.upstream.on_ask = lambda: asked.append(redis.info("stats")["total_commands_processed"])
        before = redis.info("stats")["total_commands_processed"]
        Talk(house).say("one")
        return asked[0] - int(before)

    commands(0)  # from here on Redis knows the scripts, whichever test comes first
    assert commands(0) == commands(1800)


@pytest.mark.parametrize("kind", [Kind.KIMI, Kind.CLASSIC])
def test_the_system_s_words_are_said_again_where_they_have_a_slot_of_their_own(
    make_house: MakeHouse, kind: Kind
) -> None:
    house = make_house(upstream=ScriptedUpstream([FIRST, SECOND]))
    house.pool.fill(Account(name="a", kind=kind))
    talk = Talk(house, messages=[Message("system", "Be brief.")])
    talk.say("one")
    talk.say("two")
    assert continued(talk)
    assert last_words(talk) == (("Be brief.", "two") if kind is Kind.KIMI else ("two",))


def test_what_asks_nothing_new_is_no_next_question(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    talk.say(" ")
    assert not continued(talk)
    assert talk.house.pool.store.redis.keys(talk.house.pool.store.key("conversation", "*")) != []


def test_a_busy_account_is_not_waited_for(make_house: MakeHouse) -> None:
    talk = begun(make_house, queue_seconds=5.0)
    talk.house.pool.leases.acquire(wish(only="a"))
    talk.say("two")
    assert (talk.account, continued(talk)) == ("b", False)
    assert last_words(talk) == ("one", "Answer 1.", "two")
    assert talk.house.fates == [Fate.FOLDED]
    assert "c1" in due(talk.house, 12)


def test_without_its_account_the_history_goes_elsewhere(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    record = talk.house.pool.members.get("a")
    assert record is not None
    talk.house.pool.members.mark("a", record.version, State.DEAD, "why")
    talk.say("two")
    assert (talk.account, continued(talk)) == ("b", False)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda error: type(error).__name__)
def test_what_fails_in_the_old_chat_is_tried_in_a_new_one(make_house: MakeHouse, failure: KimiError) -> None:
    talk = begun(make_house)
    talk.house.upstream.scripts = [(failure,), SECOND]
    assert talk.say("two") == "Answer 2."
    assert not continued(talk)
    assert last_words(talk) == ("one", "Answer 1.", "two")
    wait_until(lambda: [chat for chat, _ in talk.house.upstream.deleted] == ["c1"])
    assert talk.house.fates == [Fate.FOLDED]
    talk.say("three")
    assert talk.asked.behind == Place("c2", "s2")


@pytest.mark.parametrize(
    "script",
    [
        answer("c1", "s1", finish=Finish("length")),
        answer("c1", "s1", finish=Finish("stop", cut=True)),
        (ChatOpened("c1"), Text("No id."), Finish("stop")),
    ],
)
def test_an_answer_that_is_not_whole_is_not_continued(make_house: MakeHouse, script: tuple[object, ...]) -> None:
    talk = begun(make_house)
    talk.messages.clear()
    talk.house.upstream.scripts = [script, SECOND]  # type: ignore[list-item]
    talk.say("other")
    wait_until(lambda: [chat for chat, _ in talk.house.upstream.deleted] == ["c1"])
    talk.say("two")
    assert not continued(talk)


def test_a_question_asked_again_has_a_chat_of_its_own_and_both_go_on(make_house: MakeHouse) -> None:
    talk = begun(make_house)
    again = Talk(talk.house, messages=list(talk.messages))
    talk.say("two")
    again.say("two")
    assert not continued(again)
    talk.say("three")
    assert talk.asked.behind == Place("c1", "s2")
    again.say("three")
    assert again.asked.behind == Place("c3", "s3")


class TestTheChatOfAFirstQuestion:
    def test_it_is_deleted_when_nobody_goes_on_at_once(self, make_house: MakeHouse) -> None:
        talk = begun(make_house, first_turn=0.05)
        assert talk.house.upstream.deleted == []
        wait_until(lambda: [chat for chat, _ in talk.house.upstream.deleted] == ["c1"])
        wait_until(lambda: talk.house.remover.pending == 0)
        assert due(talk.house, 10_000) == set()
        talk.say("two")
        assert not continued(talk)

    def test_who_goes_on_keeps_it_from_being_deleted(self, make_house: MakeHouse) -> None:
        talk = begun(make_house, first_turn=0.05)
        talk.house.upstream.scripts = [(Answering("s2"), Text("Slow."), 5.0, Finish("stop"))]
        running = talk.start("two")
        running.next(5)
        wait_until(lambda: talk.house.remover.pending == 0)
        assert talk.house.upstream.deleted == []
        assert talk.house.ledger.held == 1
        talk.house.upstream.go_on.set()
        read(running)

    def test_a_worker_that_ends_deletes_it_at_once(self, make_house: MakeHouse) -> None:
        talk = begun(make_house, first_turn=60.0)
        assert talk.house.remover.pending == 1
        assert talk.house.remover.join(5)
        assert [chat for chat, _ in talk.house.upstream.deleted] == ["c1"]

    def test_one_that_may_stay_for_long_is_left_to_the_refresher(self, make_house: MakeHouse) -> None:
        talk = begun(make_house, first_turn=600.0)
        assert talk.house.remover.pending == 0
        assert talk.house.upstream.deleted == []
        assert due(talk.house, 590) == set()
        assert due(talk.house, 660) == {"c1"}

    def test_one_that_awaits_the_result_of_a_call_stays_for_as_long_as_any(self, make_house: MakeHouse) -> None:
        called = (ChatOpened("c1"), Answering("s1"), ToolCall(0, "call_1", "clock", "{}"), Finish("tool_calls"))
        house = make_house(upstream=ScriptedUpstream([called]), first_turn=0.05)
        house.pool.fill(web("a"))
        Talk(house).say("What time is it?")
        assert house.remover.pending == 0
        assert due(house, 590) == set()

    def test_the_refresher_finds_it_when_its_worker_was_killed(self, make_house: MakeHouse) -> None:
        talk = begun(make_house)
        assert due(talk.house, 30) == set()
        assert due(talk.house, 61) == {"c1"}

    def test_the_same_words_twice_leave_nothing_behind(self, make_house: MakeHouse) -> None:
        talk = begun(make_house)
        talk.messages.clear()
        talk.house.upstream.scripts = [answer("c2", "s2", "Answer 1.")]
        talk.say("one")
        assert talk.house.remover.join(5)
        assert {chat for chat, _ in talk.house.upstream.deleted} == {"c1", "c2"}
        assert due(talk.house, 1_000) == set()
        talk.say("two")
        assert not continued(talk)


class TestAChatThatHasGrown:
    @pytest.mark.parametrize("with_file", [True, False])
    def test_it_stays_for_as_long_as_is_set_and_is_the_refresher_s_then(
        self, make_house: MakeHouse, with_file: bool
    ) -> None:
        talk = begun(make_house)
        if with_file:
            assert talk.house.remover.join(5)
            talk.messages.clear()
            talk.say("one", FILE)
        else:
            talk.say("two")
        assert talk.house.ledger.held == 0
        assert talk.house.remover.join(5)
        chat = "c2" if with_file else "c1"
        assert chat not in {chat for chat, _ in talk.house.upstream.deleted}
        assert due(talk.house, 1790) == set()
        assert due(talk.house, 1820) == {chat}

    def test_nothing_of_what_was_said_is_in_redis(self, make_house: MakeHouse) -> None:
        talk = begun(make_house)
        talk.say("a secret question")
        redis = talk.house.pool.store.redis
        (record,) = redis.keys(talk.house.pool.store.key("conversation", "*"))
        assert "secret" not in record + redis.get(record)
        assert 0 < redis.pttl(record) <= 1_800_000


class Gone(Kept):
    """Redis, when it is away."""

    def __init__(self) -> None:
        pass

    def keep(self, bookmark: Bookmark) -> None:
        raise StoreUnavailable("away")

    def claim(self, key: str, hold: float, *, tells: bool = False) -> Conversation | None:
        raise StoreUnavailable("away")

    def end(self, kept: Sequence[tuple[str, Conversation]]) -> list[bool]:
        raise StoreUnavailable("away")


def test_without_redis_chats_are_deleted_at_once_and_nothing_is_continued(make_house: MakeHouse) -> None:
    talk = begun(make_house, records=Gone(), keeps=False)
    wait_until(lambda: [chat for chat, _ in talk.house.upstream.deleted] == ["c1"])
    talk.say("two")
    assert not continued(talk)


def test_a_chat_is_left_to_others_where_nobody_knows_whose_it_is(make_house: MakeHouse) -> None:
    talk = begun(make_house, records=Gone())
    assert talk.house.remover.join(5)
    assert talk.house.upstream.deleted == []
    assert due(talk.house, 61) == {"c1"}


def test_where_chats_are_never_deleted_they_can_be_continued_all_the_same(make_house: MakeHouse) -> None:
    talk = begun(make_house, deletes=False, first_turn=1800.0)
    talk.say("two")
    assert continued(talk)
    assert talk.house.remover.pending == 0
    assert Chats(talk.house.pool.store).count() == 0


def test_switched_off_it_leaves_no_trace(make_house: MakeHouse) -> None:
    talk = begun(make_house, conversation_seconds=0.0)
    wait_until(lambda: [chat for chat, _ in talk.house.upstream.deleted] == ["c1"])
    talk.say("two")
    assert not continued(talk)
    assert talk.house.pool.store.redis.keys(talk.house.pool.store.key("conversation", "*")) == []
    assert talk.house.fates == []


def test_a_client_that_leaves_while_much_is_being_hashed_takes_nothing_along(make_house: MakeHouse) -> None:
    upstream = ScriptedUpstream([(ChatOpened("c1"), Answering("s1"), [Text("All."), Finish("stop")])])
    house = make_house(upstream=upstream)
    house.pool.fill(web("a"))
    with busy_threads():
        completion = Talk(house).start("much " * 200_000)
        wait_until(lambda: upstream.closed == 1)
        completion.close()
        house.settle()
    assert upstream.opened == set()
