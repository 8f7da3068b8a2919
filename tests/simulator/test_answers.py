"""Scripts, directives, framing: what is said, and in which pieces it comes."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from simulator.answers import cut, directive, last_user, without_directive
from simulator.framing import frame
from simulator.streams import Break, Emit, Item, Pace, Pause
from tests.simulator.clients import Client, connect_text, frames

if TYPE_CHECKING:
    from tests.simulator.running import Simulator


@pytest.mark.parametrize("events", [1, 7, 10, 33, 500])
def test_an_answer_has_exactly_so_many_pieces(events: int) -> None:
    pieces = cut("今天天气不错吗？是", events, Random(1), tame=False)
    assert len(pieces) == events
    assert all(pieces)
    assert "".join(pieces).startswith("今天天气不错吗？是"[:events])


@pytest.mark.parametrize(
    ("prompt", "last"),
    [
        ("plain", "plain"),
        ("user:a\nassistant:b\nuser:c\nd", "c\nd"),
        ("User: a\n\nAssistant: b\n\nUser: c\n\nAssistant:", "c"),
        ("用户：你好\n助手：在\n用户：再见", "再见"),
        ("my user: name", "my user: name"),
    ],
)
def test_the_last_user_turn_is_found_in_a_folded_history(prompt: str, last: str) -> None:
    assert last_user(prompt) == last


def test_a_directive_may_hold_lists_of_lists() -> None:
    prompt = 'go [[sim {"calls": [[{"name": "a", "arguments": {"b": 1}}], [{"name": "c", "arguments": {}}]]}]] on'
    assert [[call["name"] for call in calls] for calls in directive(prompt)["calls"]] == [["a"], ["c"]]
    assert without_directive(prompt) == "go  on"


def sent(items: list[Item], seed: int) -> list[Item]:
    return list(frame(iter(items), Random(seed), tame=False))


@pytest.mark.parametrize("seed", range(40))
def test_nasty_framing_loses_nothing_and_keeps_the_order(seed: int) -> None:
    messages = [Emit("text", f"data: 第{number}条\n\n".encode()) for number in range(50)]
    pieces = sent([*messages, Break("fin")], seed)
    assert pieces[-1] == Break("fin")
    assert b"".join(p.data for p in pieces if isinstance(p, Emit)) == b"".join(m.data for m in messages)


def test_nasty_framing_splits_inside_characters_and_joins_messages() -> None:
    messages = [Emit("text", f"data: 第{number}条\n\n".encode()) for number in range(50)]
    pieces = [p.data for seed in range(10) for p in sent([*messages], seed) if isinstance(p, Emit)]
    assert any(piece[0] & 0xC0 == 0x80 for piece in pieces), "one begins inside a character"
    assert any(piece.count(b"data:") > 1 for piece in pieces)
    assert any(all(len(piece) <= 3 for piece in pieces[at : at + 5]) for at in range(len(pieces) - 5)), "crumbs"


@pytest.mark.parametrize("last", [Pause(None), Break("cut")])
def test_nothing_is_held_back_before_a_long_silence_or_the_end(last: Item) -> None:
    for seed in range(30):
        pieces = sent([Emit("text", b"first"), Emit("text", b"second"), last], seed)
        assert b"".join(p.data for p in pieces[:-1] if isinstance(p, Emit)) == b"firstsecond"


def test_many_short_pauses_take_as_long_as_they_should_together() -> None:
    pace, now = Pace(100.0), 100.0
    for _ in range(50):
        now += (pace.wait(0.02, now) or 0) + 0.003  # what the work in between takes
    assert now == pytest.approx(101.0, abs=0.005)


def test_a_client_that_did_not_read_is_not_flooded_afterwards() -> None:
    pace = Pace(100.0)
    assert pace.wait(0.02, 107.0) == 0.02
    assert pace.wait(None, 108.0) is None
    assert pace.wait(3.0, 109.0) == 3.0


def test_the_same_seed_sends_the_same_bytes(kimi: Simulator) -> None:
    bodies = []
    for _ in range(2):
        kimi.reset()
        client = Client(kimi, kimi.mint(kind="kimi", name="seeded")).log_in()
        kimi.settings(seed=7)
        bodies.append(client.chat().content)
    assert bodies[0] == bodies[1]


def test_settings_script_all_answers(kimi: Simulator, web: Client) -> None:
    kimi.settings(answer="<{prompt}>", thinking="~{prompt}~", tame=True)
    messages = frames(web.chat("a", options={"thinking": True}).content)
    assert (connect_text(messages), connect_text(messages, "think")) == ("<a>", "~a~")


def test_a_prompt_may_direct_its_answer_where_that_is_allowed(kimi: Simulator, web: Client) -> None:
    prompt = 'hi [[sim {"text": "as told", "fault": {"what": "no_end"}}]]'
    assert "You said: hi\n" in connect_text(frames(web.chat(prompt).content))
    kimi.settings(directives=True)
    messages = frames(web.chat(prompt).content)
    assert connect_text(messages) == "as told"
    assert messages[-1][0] == 0, "no trailer"
    assert web.chat('[[sim {"fault": {"what": "http", "args": {"status": 502}}}]]').status_code == 502


@pytest.mark.parametrize("body", ["chunked", "close"])
def test_bodies_are_delimited_in_two_ways(kimi: Simulator, web: Client, body: str) -> None:
    kimi.settings(body=body)
    answer = web.chat()
    assert (answer.headers.get("Transfer-Encoding") == "chunked") == (body == "chunked")
    assert frames(answer.content)[-1] == (2, {})


@pytest.mark.parametrize(
    "changes", [{"colour": "red"}, {"tame": 1}, {"body": "sideways"}, {"events": 1.5}, {"seed": -1}]
)
def test_a_wrong_setting_is_refused(kimi: Simulator, changes: dict[str, object]) -> None:
    name = next(iter(changes))
    with pytest.raises(ValueError, match=f"setting '{name}'"):
        kimi.settings(**changes)
