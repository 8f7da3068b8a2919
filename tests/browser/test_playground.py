"""The playground: what clients get, as it comes."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import FilePayload, Locator, expect

from tests.browser.visiting import Visit
from tests.features import parts
from tests.system.stack import Stack


def _ask(visit: Visit, question: str, /, **script: Any) -> Locator:
    """Asks for an answer of the simulator's that was scripted; the turn that shows it."""
    visit.page.get_by_label("Question").fill(f"{question} [[sim {json.dumps(script)}]]" if script else question)
    visit.page.keyboard.press("Enter")
    turn = visit.page.locator(".turn").last
    expect(turn.locator(".question")).to_contain_text(question)
    return turn


def test_an_answer_streams_with_its_thinking_apart(visit: Visit) -> None:
    visit.look("playground")
    expect(visit.page.get_by_label("Model").get_by_role("option", name="kimi", exact=True)).to_have_count(1)
    visit.page.get_by_label("Thinking").check()
    turn = _ask(visit, "What is steady?", text="All of **it**.", thinking="It is asked what is steady.")
    expect(turn.locator(".answer strong")).to_have_text("it")
    expect(turn.locator(".answer")).to_have_text("All of it.")
    thinking = turn.locator(".thinking")
    expect(thinking.locator(".thought")).to_be_hidden()
    thinking.locator("summary").click()
    expect(thinking.locator(".thought")).to_contain_text("It is asked what is steady.")
    expect(turn.locator(".figures")).to_contain_text("first event")
    expect(turn.locator(".figures")).to_contain_text("tokens in")


def test_what_a_model_writes_is_text_and_nothing_else(visit: Visit) -> None:
    visit.look("playground")
    wicked = "<img src=x onerror=alert(1)> <b>bold</b> [a](javascript:alert(1)) `<i>`"
    turn = _ask(visit, "Be wicked", text=wicked)
    expect(turn.locator(".answer")).to_contain_text(
        "<img src=x onerror=alert(1)> <b>bold</b> [a](javascript:alert(1)) <i>"
    )
    expect(turn.locator(".answer :is(img, b, i, a)")).to_have_count(0)


def test_an_answer_is_stopped(house: Stack, visit: Visit) -> None:
    visit.look("playground")
    turn = _ask(visit, "Go on and on", events=2000, delay=0.02)
    expect(turn.locator(".answer")).not_to_be_empty()
    visit.button("Stop").click()
    expect(turn.locator(".figures")).to_contain_text("stopped")
    expect(visit.button("Send")).to_be_focused()
    turn = _ask(visit, "And now?", text="Now I answer.")
    expect(turn.locator(".answer")).to_have_text("Now I answer.")
    [asked] = house.simulator.control("GET", "requests?endpoint=chat&last=1")
    assert "Go on and on" in asked["prompt"] and "And now?" in asked["prompt"]


def test_an_error_is_shown_for_what_it_is(visit: Visit) -> None:
    visit.look("playground")
    # The official platform alone has it, whose filter answers with an error; that of the web chat speaks a sentence.
    visit.page.get_by_label("Model").select_option("kimi-k2.7-code")
    turn = _ask(visit, "Something bad", fault={"what": "content_filter"})
    expect(turn.get_by_role("alert")).to_be_visible()
    expect(turn.get_by_role("alert")).not_to_be_empty()
    expect(visit.button("Send")).to_be_visible()
    error = {"error": {"message": "too large", "type": "x", "param": None, "code": "x"}}
    visit.page.route("**/admin/api/chat/completions", lambda route: route.fulfill(status=413, json=error))
    turn = _ask(visit, "Something large")
    expect(turn.get_by_role("alert")).to_have_text("too large")
    expect(visit.page.get_by_label("Question")).to_have_value("Something large")


def test_files_go_along(house: Stack, visit: Visit) -> None:
    visit.look("playground")
    content = parts.unique(parts.TEXT, "of the playground")
    visit.page.locator("input[type=file]").set_input_files(
        [
            FilePayload(name="plan.txt", mimeType="text/plain", buffer=content),
            FilePayload(name="left-out.txt", mimeType="text/plain", buffer=b"left out"),
        ]
    )
    visit.button("Remove left-out.txt").click()
    turn = _ask(visit, "Sum this up", text="It is a plan.")
    expect(turn.locator(".question")).to_contain_text("plan.txt")
    expect(turn.locator(".answer")).to_have_text("It is a plan.")
    assert parts.uploaded(house, content) and not parts.uploaded(house, b"left out")


def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one(visit: Visit) -> None:
    visit.look("playground")
    piece = {"choices": [{"index": 0, "delta": {"content": "The first half"}, "finish_reason": None}]}
    body = f"data: {json.dumps(piece)}\n\n"
    visit.page.route(
        "**/admin/api/chat/completions", lambda route: route.fulfill(body=body, content_type="text/event-stream")
    )
    turn = _ask(visit, "Is that all?")
    expect(turn.get_by_role("alert")).to_have_text("The answer broke off.")
    expect(turn.locator(".answer")).to_have_text("The first half")
