from __future__ import annotations

import tracemalloc

import pytest

from gateway.fingerprints import after
from kimi.chat import Call, Message

START = b"start"


def called(arguments: str = '{"city": "Bonn", "days": 2}', name: str = "f", call_id: str = "c1") -> bytes:
    return after(START, [Message("assistant", "", calls=(Call(call_id, name, arguments),))])


@pytest.mark.parametrize(
    "arguments",
    ['{"days":2,"city":"Bonn"}', '{ "city" : "B\\u006fnn",\n"days": 2.0 }', '{"city": "Bonn", "days": 2}\n'],
)
def test_however_a_client_writes_arguments_they_are_the_same(arguments: str) -> None:
    assert called(arguments) == called(call_id="another")


@pytest.mark.parametrize("arguments", ['{"city": "Bonn"}', '{"city": "Bonn", "days": 3}', "{", '{"days": "2"}'])
def test_other_arguments_are_others(arguments: str) -> None:
    assert called(arguments) != called()
    assert called(name="g") != called()


def test_what_is_no_json_counts_as_it_is() -> None:
    assert called('{"city":  "Bo') == called('{"city": "Bo') != called('{"city": "Bonn')
    assert called("[" * 100_000) != called()


def test_a_result_counts_even_where_it_says_nothing() -> None:
    assert after(START, [Message("tool", "", answers="c1")]) != START
    assert after(START, [Message("tool", "12", answers="c1")]) == after(START, [Message("tool", " 12\n", answers="x")])
    assert after(START, [Message("assistant", "")]) == START


@pytest.mark.parametrize("before", [0, 1, 2, 3, 4, 5, 6, 7, 70_000])
@pytest.mark.parametrize("between", ["\n \t\u3000", " " * 66_000, "\n"])
def test_white_space_does_not_count_however_long_the_answer_is(before: int, between: str) -> None:
    words = [f"word{number}" for number in range(6_500)]  # 57 KB
    sent = " " * before + between.join([" ".join(words[:2_000]), *words[2_000:2_010], "   ".join(words[2_010:])]) + "\n"

    assert after(START, [Message("assistant", sent)]) == after(START, [Message("assistant", " ".join(words))])


def test_of_a_long_text_only_a_piece_is_worked_on_at_a_time() -> None:
    """What is made of all of it at once holds up all threads, and takes twenty times the memory of the text."""
    text = "ab " * 150_000
    tracemalloc.start()
    try:
        after(START, [Message("assistant", text)])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6 * len(text)


def test_calls_are_no_words() -> None:
    text = Message("assistant", 'f {"city":"Bonn","days":2}')
    assert after(START, [text]) != called()


def test_an_answer_is_one_in_however_many_turns_it_comes_back() -> None:
    look, so, call = "Let me look.", "So:", Call("c1", "f", "{}")
    whole = after(START, [Message("user", "Q"), Message("assistant", f"{look}\n\n\n{so}\n", calls=(call,))])
    apart = [Message("assistant", look), Message("assistant", ""), Message("assistant", so, calls=(call,))]
    assert after(START, [Message("user", "Q"), *apart]) == whole
    assert after(START, [apart[0], Message("user", "Q"), *apart[1:]]) != whole


def test_two_turns_of_others_are_two() -> None:
    one, two = Message("user", "a"), Message("user", "b")
    assert after(START, [one, two]) == after(after(START, [one]), [two]) != after(START, [Message("user", "a b")])
