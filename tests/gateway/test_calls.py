"""Tools called by accounts of the web chat, over a scripted upstream and a real Valkey."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import gevent
import pytest

from gateway.completion import Completion
from kimi import errors
from kimi.accounts import Account, Kind
from kimi.chat import Call, Chat, Limits, Message, Place, Tool, Tools
from kimi.events import Answering, ChatOpened, Event, Finish, Text, Thinking, ToolCall
from tests.gateway.houses import CHAT, House, read
from tests.gateway.scripted import Step, wait_until
from tests.gateway.talks import Talk
from tests.kimi.pool.pools import web

WEATHER = Tool("get_weather", "", {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}})
TOOLS = Tools((WEATHER,))
ASKED = replace(CHAT, tools=TOOLS)
REQUIRED = replace(ASKED, tools=replace(TOOLS, choice="required"))
BONN = '{"city":"Bonn"}'


def said(*texts: str, number: int = 1, finish: Finish | None = None) -> tuple[Step, ...]:
    return (ChatOpened("c1"), Answering(f"m{number}"), *map(Text, texts), finish or Finish("stop"))


Write = Callable[..., str]


@pytest.fixture
def write(house: House) -> Write:
    """Writes a call as a model of this house is told to."""
    trigger = house.toolbox.trigger

    def written(name: str = "get_weather", arguments: str = BONN) -> str:
        return f'<call-{trigger} name="{name}">\n{arguments}\n</call-{trigger}>'

    return written


def calls(events: list[Event]) -> list[tuple[str | None, str]]:
    return [(event.name, event.arguments) for event in events if isinstance(event, ToolCall)]


@pytest.mark.parametrize("kind", [Kind.KIMI, Kind.CLASSIC])
def test_a_tool_is_called(house: House, write: Write, kind: Kind) -> None:
    house.pool.fill(Account(name="a", kind=kind))
    house.upstream.scripts = [said("Let me", " look.\n", write()[:9], write()[9:])]
    events = read(house.start(chat=ASKED))
    assert events[:2] == [Text("Let me"), Text(" look.\n")]
    assert calls(events) == [("get_weather", BONN)]
    assert events[-1] == Finish("tool_calls")
    system, user = house.upstream.asked[0][2].messages
    assert system.role == "system" and '"name":"get_weather"' in system.content
    assert user == CHAT.messages[0]
    house.settle()
    assert house.upstream.cancelled == []


@pytest.mark.parametrize(("kind", "keeps"), [(Kind.KIMI, True), (Kind.CLASSIC, False)])
def test_a_call_that_does_not_fit_is_asked_for_again_in_the_same_chat(
    house: House, write: Write, kind: Kind, *, keeps: bool
) -> None:
    house.pool.fill(Account(name="a", kind=kind))
    house.upstream.scripts = [said(write(arguments="{}")), said(write(), number=2)]
    assert calls(read(house.start(chat=ASKED))) == [("get_weather", BONN)]
    first, second = (chat for _, _, chat in house.upstream.asked)
    assert (first.behind, second.behind) == (None, Place("c1", "m1"))
    *system, correction = second.messages
    assert len(system) == int(keeps)
    assert "city" in correction.content and write("NAME", "{...}") in correction.content
    house.settle()


def test_a_tool_that_has_to_be_called_and_is_not_is_a_clear_failure(house: House) -> None:
    house.pool.fill(web("a"), web("b"))
    house.upstream.scripts = [said("No."), said("Never.", number=2)]
    with pytest.raises(errors.CallsUnfit) as failure:
        read(house.start(chat=REQUIRED))
    assert "called no tool" in failure.value.explained
    assert len(house.upstream.asked) == 2
    house.settle()


def test_a_model_that_thinks_better_of_it_may_answer_in_words(house: House, write: Write) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [said("I look. ", write("unknown")), said("It rains.", number=2)]
    events = read(house.start(chat=ASKED))
    assert "".join(event.text for event in events if isinstance(event, Text)) == "I look. \n\nIt rains."
    assert events[-1] == Finish("stop")
    house.settle()


def test_a_model_that_makes_up_the_result_is_stopped(house: House, write: Write) -> None:
    house.pool.fill(Account(name="a", kind=Kind.CLASSIC))
    house.upstream.scripts = [said(write(), "\nIt rains", " cats", finish=Finish("stop"))]
    events = read(house.start(chat=ASKED))
    assert calls(events) == [("get_weather", BONN)] and events[-1] == Finish("tool_calls", cut=True)
    assert [event for event in events if isinstance(event, Text)] == []
    house.settle()
    assert house.upstream.cancelled and house.upstream.deleted


def test_what_there_is_no_room_for_is_not_called(house: House, write: Write) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [said("Yes. ", write())]
    events = read(house.start(chat=replace(ASKED, limits=Limits(tokens=4))))
    assert calls(events) == [] and events[-1] == Finish("length", cut=True)
    house.settle()


def test_a_stop_in_the_arguments_is_none(house: House, write: Write) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [said("So: Bo", write())]
    events = read(house.start(chat=replace(ASKED, limits=Limits(stop=("Bonn",)))))
    assert events[:2] == [Text("So: "), Text("Bo")]
    assert calls(events) == [("get_weather", BONN)]
    house.settle()


def test_the_official_platform_calls_by_itself(house: House, write: Write) -> None:
    house.pool.fill(Account(name="key", kind=Kind.MOONSHOT), models=("kimi-k2.6",))
    house.upstream.scripts = [(Text(write()), Finish("stop"))]
    assert read(house.start("kimi-k2.6", ASKED)) == [Text(write()), Finish("stop")]
    assert house.upstream.asked[0][2].messages == ASKED.messages


def test_of_a_call_on_the_official_platform_nothing_is_kept(house: House) -> None:
    house.pool.fill(Account(name="key", kind=Kind.MOONSHOT), models=("kimi-k2.6",))
    pieces = 20_000
    house.upstream.scripts = [(*[ToolCall(0, None, None, "0123456789")] * pieces, Finish("tool_calls"))]
    completion = house.start("kimi-k2.6", ASKED)
    completion.next(5)
    tracemalloc.start()
    kept = pieces
    while not isinstance(completion.next(5)[-1], Finish):
        kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < pieces, "not a byte for each"


BROKEN = errors.BrokenAnswer("cut")


def leave(house: House, completion: Completion, *, steps: int) -> None:
    """A client that reads until the upstream has come so far, and is gone then."""
    reading = gevent.spawn(read, completion)
    wait_until(lambda: house.upstream.steps == steps)
    reading.kill()
    completion.close()


@pytest.mark.parametrize("text", ["", "Let me look. "])
def test_a_client_that_leaves_while_a_call_is_held_back_keeps_nothing(house: House, write: Write, text: str) -> None:
    house.pool.fill(Account(name="a", kind=Kind.CLASSIC))
    house.upstream.scripts = [(ChatOpened("c1"), Answering("m1"), Text(text + write()[:30]), 60.0)]
    leave(house, house.start(chat=ASKED), steps=4)
    house.settle()
    assert [chat for chat, _, _ in house.upstream.cancelled] == ["c1"]
    assert [chat for chat, _ in house.upstream.deleted] == ["c1"]


def test_a_call_that_breaks_off_is_asked_of_another_account_while_nothing_was_shown(house: House, write: Write) -> None:
    house.pool.fill(web("a"), web("b"))
    half: tuple[Step, ...] = (ChatOpened("c1"), Answering("m1"), Text(write()[:30]), BROKEN)
    house.upstream.scripts = [half, said(write())]
    completion = house.start(chat=ASKED)
    assert read(completion)[-1] == Finish("tool_calls")
    assert completion.failovers == ["BrokenAnswer"]
    house.settle()


def test_one_that_breaks_off_behind_words_is_a_clear_failure(house: House, write: Write) -> None:
    house.pool.fill(web("a"), web("b"))
    house.upstream.scripts = [(ChatOpened("c1"), Answering("m1"), Text("I look. " + write()[:30]), BROKEN)]
    completion = house.start(chat=ASKED)
    assert completion.next(5) == [Text("I look. ")]
    with pytest.raises(errors.BrokenAnswer):
        read(completion)
    house.settle()


def test_a_client_that_leaves_while_the_model_is_asked_again_keeps_nothing(house: House, write: Write) -> None:
    house.pool.fill(Account(name="a", kind=Kind.CLASSIC))
    house.upstream.scripts = [said("I look. ", write("unknown")), (Answering("m2"), 60.0)]
    leave(house, house.start(chat=ASKED), steps=7)
    house.settle()
    assert [answer for _, answer, _ in house.upstream.cancelled] == ["m2"]


class TestAConversation:
    """Question, call, result: all in one chat."""

    def ask(self, house: House, talk: Talk, *new: Message, tools: Tools | None = TOOLS) -> list[Event]:
        talk.messages += new
        events = read(house.start("kimi", replace(CHAT, messages=tuple(talk.messages), tools=tools), talk.turn))
        assert house.completions.join(5) and house.reactions.join(5)
        made = tuple(
            Call(event.id or "", event.name or "", event.arguments) for event in events if isinstance(event, ToolCall)
        )
        text = "".join(event.text for event in events if isinstance(event, Text))
        talk.messages.append(Message("assistant", text, calls=made))
        return events

    @pytest.mark.parametrize("kind", [Kind.KIMI, Kind.CLASSIC])
    def test_it_goes_on_behind_the_call(self, house: House, write: Write, kind: Kind) -> None:
        house.pool.fill(Account(name="a", kind=kind))
        house.upstream.scripts = [said(write()), said("12 °C.", number=2), said("Bye.", number=3)]
        talk = Talk(house)
        self.ask(house, talk, Message("user", "Rain in Bonn?"))
        call = talk.messages[-1].calls[0]
        talk.messages[-1] = replace(talk.messages[-1], calls=(replace(call, arguments='{ "city": "Bonn" }'),))
        self.ask(house, talk, Message("tool", "12", answers=call.id))
        offer, result = talk.asked.messages
        assert talk.asked.behind == Place("c1", "m1")
        assert "# Tools" in offer.content
        assert (
            result.content
            == f'<result-{house.toolbox.trigger} name="get_weather">\n12\n</result-{house.toolbox.trigger}>'
        )
        self.ask(house, talk, Message("user", "Thanks."))
        assert talk.asked.behind == Place("c1", "m2")
        house.settle()

    def test_another_result_is_another_conversation(self, house: House, write: Write) -> None:
        house.pool.fill(web("a"))
        house.upstream.scripts = [said(write()), said("12 °C.", number=2)]
        talk = Talk(house)
        self.ask(house, talk, Message("user", "Rain in Bonn?"))
        call = talk.messages[-1].calls[0]
        talk.messages[-1] = replace(talk.messages[-1], calls=(replace(call, arguments='{"city": "Köln"}'),))
        self.ask(house, talk, Message("tool", "12", answers=call.id))
        assert talk.asked.behind is None
        assert write(arguments='{"city": "Köln"}') in talk.asked.messages[2].content
        house.settle()

    def test_behind_what_was_made_up_it_does_not_go_on(self, house: House, write: Write) -> None:
        house.pool.fill(web("a"))
        house.upstream.scripts = [said(write(), "\nIt rains."), said("12 °C.", number=2)]
        talk = Talk(house)
        self.ask(house, talk, Message("user", "Rain in Bonn?"))
        self.ask(house, talk, Message("tool", "12", answers=talk.messages[-1].calls[0].id))
        assert talk.asked.behind is None
        house.settle()

    @pytest.mark.parametrize("tools", [None, replace(TOOLS, choice="none")])
    def test_where_tools_are_left_out_later_on_no_call_is_shown(
        self, house: House, write: Write, tools: Tools | None
    ) -> None:
        house.pool.fill(web("a"))
        house.upstream.scripts = [said(write()), said("12 °C.", number=2), said(write(), number=3), said("Bye.")]
        talk = Talk(house)
        self.ask(house, talk, Message("user", "Rain in Bonn?"))
        self.ask(house, talk, Message("tool", "12", answers=talk.messages[-1].calls[0].id))
        assert self.ask(house, talk, Message("user", "Thanks."), tools=tools) == [Text("Bye."), Finish("stop")]
        asked = house.upstream.asked[2][2]
        assert asked.behind == Place("c1", "m2") and "No tools can be called now" in asked.messages[0].content
        house.settle()

    def test_who_offered_tools_before_and_called_none_is_shown_no_call_either(self, house: House, write: Write) -> None:
        house.pool.fill(web("a"))
        house.upstream.scripts = [said("Hi."), said("Well: ", write(), number=2), said("Bye.", number=3)]
        talk = Talk(house)
        self.ask(house, talk, Message("user", "Hi!"))
        events = self.ask(house, talk, Message("user", "Thanks."), tools=None)
        assert "".join(event.text for event in events if isinstance(event, Text)) == "Well: \n\nBye."
        assert talk.asked.behind == Place("c1", "m2") and "answer yourself" in talk.asked.messages[-1].content
        house.settle()

    def test_without_tools_what_was_called_is_still_told(self, house: House, write: Write) -> None:
        house.pool.fill(web("a"))
        house.upstream.scripts = [said(write()), said("12 °C.", number=2)]
        talk = Talk(house)
        self.ask(house, talk, Message("user", "Rain in Bonn?"))
        self.ask(house, talk, Message("tool", "12", answers=talk.messages[-1].calls[0].id), tools=None)
        assert "No tools can be called now" in talk.asked.messages[0].content
        house.settle()


def test_thinking_is_left_alone(house: House, write: Write) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [(ChatOpened("c1"), Answering("m1"), Thinking("hm <b>"), Text(write()), Finish("stop"))]
    assert read(house.start(chat=ASKED))[0] == Thinking("hm <b>")
    house.settle()


def test_a_request_without_tools_is_not_watched(house: House, write: Write) -> None:
    house.pool.fill(web("a"))
    house.upstream.scripts = [said(write())]
    plain: Chat = CHAT
    assert Text(write()) in read(house.start(chat=plain))
    house.settle()
