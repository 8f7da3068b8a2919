from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.tools.sieve import LONGEST, LONGEST_SPAN, Found, Sieve, Written
from tests.gateway.tools.reference import joined, reference
from tests.gateway.tools.tagged import FOREIGN, OTHER, SEAL, T, call, native, section
from tests.timing import seconds

MARKS = (
    *("<|tool_calls_section_begin|>", "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"),
    *("<|tool_calls_section_end|>", "<|tool_call_section_begin|>", "<|tool_call_section_end|>"),
)
PARTS = (
    *MARKS,
    *(
        "<",
        ">",
        "/",
        "</",
        "<call-",
        "</call-",
        "<result-",
        f"<call-{T}",
        f"</call-{T}>",
        f"<result-{T}",
        f"</result-{T}>",
    ),
    *(f'<call-{T} name="a">', f'<call-{T} name="a"/>', f"<call-{OTHER}>", f"</call-{OTHER}>", f"<call-{FOREIGN}>"),
    *(T, OTHER, FOREIGN, "functions.a:0", "<|", "<|tool_call", "{", "}", '{"a": 1}', "x" * 210),
    *("`", "``", "```", "~~~", "~", "- ", "1. ", "\n", "\n", "x" * 500, " ", "\t", "a", "中", "🚀", "<b>"),
)
KOELN = '{"city": "Köln 🌧"}'
TEXTS = st.lists(st.sampled_from(PARTS), max_size=14).map("".join)


def sieved(pieces: Iterable[str]) -> list[Found]:
    sieve = Sieve(SEAL.knows)
    found = [one for piece in pieces for one in sieve.feed(piece)]
    return joined([*found, *sieve.close()])


def cut(text: str, at: Iterable[int]) -> list[str]:
    ends = [0, *sorted(at), len(text)]
    return [text[start:end] for start, end in pairwise(ends)]


def shown(found: Sequence[Found]) -> str:
    return "".join(one for one in found if isinstance(one, str))


@given(TEXTS, st.data())
def test_however_a_text_is_cut_the_same_is_found(text: str, data: st.DataObject) -> None:
    at = data.draw(st.lists(st.integers(0, len(text)), max_size=12))
    expected = reference(text)
    assert sieved([text]) == expected
    assert sieved(cut(text, at)) == expected
    assert sieved(text) == expected, "one character after the other"


@pytest.mark.parametrize(
    "text",
    [
        f"Let me look.\n\n{call('get_weather', KOELN)}\n{call('clock')}\n",
        f"So:\n{section(native('get_weather', '{}'), native('clock', index=1))}",
        f"```\n{call('a')}\n``` and `{call('b', '')}` but\n{call('c')}",
    ],
)
def test_every_place_to_cut_at(text: str) -> None:
    expected = reference(text)
    for first in range(len(text) + 1):
        assert sieved(cut(text, [first])) == expected
        assert sieved(cut(text, [first, min(first + 3, len(text))])) == expected


@given(TEXTS)
def test_where_marks_are_only_hidden_there_are_no_calls(text: str) -> None:
    whole, piecemeal = (Sieve(SEAL.knows, only_hides=True) for _ in range(2))
    found = [one for piece in text for one in piecemeal.feed(piece)] + piecemeal.close()
    assert all(isinstance(one, str) for one in found)
    assert shown(found) == shown(whole.feed(text) + whole.close())


def test_text_flows_until_a_call_begins_and_the_call_is_held_until_it_is_whole() -> None:
    sieve = Sieve(SEAL.knows)
    assert sieve.feed("Let me look: a < b, ") == ["Let me look: a < b, "]
    assert sieve.feed("<") == []
    assert sieve.feed("i>") == ["<i>"]
    assert sieve.feed(f"so <call-{T}") == ["so "]
    assert sieve.feed(' name="clock">{"zone"') == []
    assert sieve.feed(': "CET"}</call-') == []
    assert sieve.feed(f"{T}") == [Written(' name="clock"', '{"zone": "CET"}', is_closed=True)]
    assert sieve.feed(">") == []
    assert sieve.feed(" done") == [" done"]
    assert sieve.close() == []


@given(TEXTS)
def test_nothing_is_held_back_that_cannot_become_a_mark(text: str) -> None:
    text = text.replace(T, FOREIGN).replace(OTHER, FOREIGN).replace("|>", "|]")  # so that none is whole
    sieve = Sieve(SEAL.knows)
    said = "".join(shown(sieve.feed(piece)) for piece in text)
    assert text.startswith(said)
    held = text[len(said) :]
    leads = [f"<{slash}{word}-" for slash in ("", "/") for word in ("call", "result")]
    assert (
        not held
        or any(mark.startswith(held) for mark in (*MARKS, *leads))
        or any(held.startswith(lead) and len(held) <= len(lead) + 8 for lead in leads)
    )


def test_no_more_than_so_much_of_a_line_is_held_back_for_the_end_of_code_in_it() -> None:
    sieve = Sieve(SEAL.knows, only_hides=True)
    assert shown(sieve.feed(f"so ` <call-{T}>")) == "so ` "
    said = "".join(shown(sieve.feed("x")) for _ in range(2 * LONGEST_SPAN))
    assert said == "x" * (2 * LONGEST_SPAN)


@given(TEXTS)
def test_outside_of_code_no_mark_is_ever_shown(text: str) -> None:
    for code, other in (("`", "'"), ("~", "-"), ("<", " <")):  # so that what is shown does not join to become one
        text = text.replace(code, other)
    said = shown(sieved([text]))
    assert not any(mark in said for mark in MARKS)
    assert f"<call-{T} " not in said and f"</call-{T}>" not in said


def test_a_text_without_any_of_it_passes_as_the_very_same_text() -> None:
    sieve = Sieve(SEAL.knows)
    text = "Nothing to see, 月亮 > 3.\n"
    assert sieve.feed(text)[0] is text
    assert sieve.feed("") == []


@pytest.mark.parametrize(
    "code",
    [
        "```xml\n{}\n```\n",
        "`{}`",
        "``{}``",
        "````\n```\n{}\n```\n````",
        "~~~\n```\n{}\n~~~\n",
        "1. ```\n   {}\n   ```\n",
    ],
)
def test_what_stands_in_code_is_an_example(code: str) -> None:
    for example in (call("clock").replace("\n", " "), native("clock"), section(native("clock"))):
        text = code.format(example)
        assert sieved(text) == [text]
        assert sieved([text, call("clock")])[1:] == [Written(' name="clock"', "\n{}\n", is_closed=True)]


@pytest.mark.parametrize(
    "before",
    [
        "I`ll look. ",
        "I`ll look.\n",
        "Three ``` open code.\n",
        "See ```a``` and ```b```: ",
        "~~~\n```\n~~~\n",
        "~~~好的~~~\n",
        "好的~~~\n",
        "`` ` ",
    ],
)
def test_an_odd_backtick_makes_no_example_of_a_call(before: str) -> None:
    for made in (call("clock"), native("clock", "\n{}\n")):
        (said, written) = sieved(f"{before}{made}")
        assert said == before
        assert isinstance(written, Written) and (written.body, written.is_closed) == ("\n{}\n", True)


def test_triggers_of_other_workers_are_understood_and_those_of_others_are_not() -> None:
    assert sieved([call("clock", trigger=OTHER)]) == [Written(' name="clock"', "\n{}\n", is_closed=True)]
    text = call("clock", trigger=FOREIGN)
    assert sieved(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'<call-{T} name="a">{{}}', [Written(' name="a"', "{}", is_closed=False)]),
        (f"<call-{T}", [Written("", "", is_closed=False)]),
        (f'<call-{T} name="a"/>!', [Written(' name="a"', "", is_closed=True), "!"]),
        (f'<call-{T} name="a"\n{{}}</call-{T}>', [Written(' name="a"', "\n{}", is_closed=True)]),
        (
            f'<call-{T} name="a">{{}}<call-{T} name="b">{{}}</call-{T} >',
            [Written(' name="a"', "{}", is_closed=False), Written(' name="b"', "{}", is_closed=True)],
        ),
        (f'<call-{T} name="a">1<result-{T} name="a">2', [Written(' name="a"', "1", is_closed=False), "2"]),
        (f"stray </call-{T}> and </result-{T}>", ["stray  and "]),
        (
            "<|tool_call_begin|>functions.a:0<|tool_call_argument_begin|>{}<|tool_calls_section_end|>",
            [Written("functions.a:0", "{}", is_closed=False)],
        ),
        ("<|tool_call_begin|>a:1\n{}<|tool_call_end|>", [Written("a:1\n", "{}", is_closed=True)]),
        (native("a/").replace(":0", ""), [Written("functions.a/", "{}", is_closed=True)]),
        ("<|tool_call_begin|>a:1<|tool_call_end|>", [Written("a:1", "", is_closed=True)]),
        ("<|tool_calls_section_begin|><|tool_calls_section_end|>x", ["x"]),
    ],
)
def test_what_a_model_may_leave_out(text: str, expected: list[Found]) -> None:
    assert sieved([text]) == expected
    assert sieved(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A call begins with <|tool_call_begin|> and its name.", "A call begins with  and its name."),
        ("<|tool_call_begin|>, <|tool_call_argument_begin|> and <|tool_call_end|>!", ",  and !"),
        (f"<call-{T} " + "is how it begins " * 20, " " + "is how it begins " * 20),
    ],
)
@pytest.mark.parametrize("only_hides", [False, True])
def test_who_speaks_of_a_mark_calls_nothing(text: str, expected: str, *, only_hides: bool) -> None:
    for pieces in ([text], [*text]):
        sieve = Sieve(SEAL.knows, only_hides=only_hides)
        assert joined([*(one for piece in pieces for one in sieve.feed(piece)), *sieve.close()]) == [expected]


@pytest.mark.parametrize("torn", ["<call-", f"<call-{T[:5]}", "</result-a", "<|tool_call_beg", "<|tool_"])
def test_a_mark_with_which_the_text_breaks_off_is_not_shown(torn: str) -> None:
    assert sieved(f"So: {torn}") == ["So: "]
    assert sieved(f"So: `{torn}") == ["So: `"]
    assert sieved(f"So: `{torn}`") == [f"So: `{torn}`"]


@pytest.mark.parametrize("whole", ["<", "<c", "<call", "</", "<|", f"<call-{FOREIGN}"])
def test_what_can_be_anything_is_shown_at_the_end(whole: str) -> None:
    assert sieved(f"a {whole}") == [f"a {whole}"]


def test_what_never_ends_is_not_kept_for_ever() -> None:
    sieve = Sieve(SEAL.knows)
    sieve.feed(f"<call-{T}>")
    for _ in range(20):
        assert sieve.feed("x" * (LONGEST // 10)) == []
    (written,) = sieve.close()
    assert isinstance(written, Written) and len(written.body) == LONGEST


@pytest.mark.parametrize(("length", "is_closed"), [(LONGEST, True), (LONGEST + 1, False)])
def test_a_call_that_is_not_kept_as_a_whole_is_not_closed(length: int, *, is_closed: bool) -> None:
    begin, body, end = f'<call-{T} name="clock">', "1" * length, f"</call-{T}>"
    for pieces in ([begin + body + end], [begin, body[:7], body[7:], end]):
        assert sieved(pieces) == [Written(' name="clock"', "1" * LONGEST, is_closed)]


HOSTILE = {
    "beginnings": "<call-" * 40,
    "triggers": f"<call-{FOREIGN} ",
    "calls": f"<call-{T}>",
    "closed calls": f'<call-{T} name="a">{{}}</call-{T}>',
    "native": "<|tool_call_begin|>" * 5,
    "ends in a call": "</call-" + "<|tool_call_end",
    "backticks": "` `` ``` ",
    "angles": "<" * 50,
    "a head without end": f"<call-{T}" + "x " * 50,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("size", [1, 7, 1_000_000])
def test_the_work_grows_as_the_text_does(name: str, size: int) -> None:
    def took(length: int) -> float:
        text = (HOSTILE[name] * (length // len(HOSTILE[name]) + 1))[:length]
        pieces = [text[start : start + size] for start in range(0, length, size)]
        return seconds(lambda: sieved(pieces), times=3)

    small, large = (1_000, 16_000) if size < 100 else (10_000, 160_000)
    assert took(large) < 16 * took(small) * 5 + 0.05, "sixteen times the text, not 256 times the work"
