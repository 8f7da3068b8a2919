from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.shaping.marks import LONGEST, Marks

O, P, C = "\ue3a0", "\ue3a3", "\ue3a8"  # noqa: E741 - as they stand in a mark: opens, parts, closes
TRICKY = st.text(alphabet=f"[^12]`\n!a月 {O}{P}{C}", max_size=60) | st.lists(
    st.sampled_from(["[^1^]", "[^9^]", f"{O}cite{P}1{C}", f"{O}cite{P}1{P}9{C}", "`", "```", "\n", "a", "!", "[^", O])
).map("".join)


def shown(pieces: Sequence[str]) -> tuple[str, list[tuple[int, str]]]:
    """What is shown, and where each key was that is known; only `9` is not."""
    found: list[tuple[int, str]] = []

    def cite(keys: Sequence[str], at: int) -> str:
        known = [key for key in keys if key != "9"]
        found.extend((at, key) for key in known)
        return "".join(f"<{key}>" for key in known)

    marks = Marks(cite)
    texts = [marks.feed(piece) for piece in pieces]
    texts.append(marks.close())
    text = "".join(texts)
    assert marks.at == len(text)
    return text, found


def at_every_character(text: str) -> list[str]:
    return list(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The moon[^1^] turns.", "The moon<1> turns."),
        ("月亮[^1^][^2^]。", "月亮<1><2>。"),
        ("gone[^9^].", "gone."),
        (f"a{O}cite{P}web_search:1#0{C}b", "a<web_search:1#0>b"),
        (f"a{O}cite{P}1{P}9{P}2{C}b", "a<1><2>b"),
        (f"a{O}cite{P}web_search:1#5:~:text=今明两天{P}1{C}b", "a<web_search:1#5><1>b"),
        (f"a{O} cite {P}1{C}b", "a<1>b"),
        (f"a{O}image{P}1{C}b", "ab"),
        (f"a{O}{C}b", "ab"),
        (f"{P}a{C}b{P}", "ab"),
        ("Great![^1^]", "Great! <1>"),
        ("Great![^9^][^1^]", "Great! <1>"),
        ("Great![^9^]", "Great!"),
        # no marks
        ("see [^1] and [^note^], a[^abc^] [^^] [^1^ [1] [", "see [^1] and [^note^], a[^abc^] [^^] [^1^ [1] ["),
        ("[^1234567^]", "[^1234567^]"),
        ("x = `a[^1^]` [^1^]", "x = `a[^1^]` <1>"),
        ("``a`[^1^]`` [^1^]", "``a`[^1^]`` <1>"),
        ("a lone ` here [^1^]\n[^1^]", "a lone ` here [^1^]\n<1>"),
        ("```py\nre[^1^]\n`\n```\n[^1^]", "```py\nre[^1^]\n`\n```\n<1>"),
        ("````\n```\n[^1^]\n````\n[^1^]", "````\n```\n[^1^]\n````\n<1>"),
        (f"```\na{O}cite{P}1{C}b\n```", "```\nab\n```"),
        # never closed
        ("end[^1", "end[^1"),
        ("end`", "end`"),
        (f"end{O}cite{P}1", "end"),
        (f"a{O}cite{P}1\nb", "a\nb"),
        (f"a{O}cite{O}cite{P}1{C}b", "a<1>b"),
        (f"a{O}{'x' * LONGEST}{C}b", "ab"),
        (f"a{O}{'x' * LONGEST}yz{C}b", "ayzb"),
    ],
)
@pytest.mark.parametrize("cut", [lambda text: [text], at_every_character], ids=["whole", "by character"])
def test_marks_become_something_else_and_the_rest_stays(text: str, expected: str, cut: object) -> None:
    assert callable(cut)
    assert shown(cut(text))[0] == expected


@example(("a![^1^]", [2, 2]))
@given(TRICKY.flatmap(lambda text: st.tuples(st.just(text), st.lists(st.integers(0, len(text)), max_size=8))))
def test_it_does_not_matter_how_a_text_is_cut(case: tuple[str, list[int]]) -> None:
    text, cuts = case
    edges = [0, *sorted(cuts), len(text)]
    assert shown([text[start:end] for start, end in pairwise(edges)]) == shown([text])
    assert shown(at_every_character(text)) == shown([text])


@given(TRICKY)
def test_places_are_true_and_no_private_character_is_shown(text: str) -> None:
    result, found = shown(at_every_character(text))
    assert not set(result) & {O, P, C}
    for at, key in found:
        assert result[at:].startswith("<") and f"<{key}>" in result[at:]


def test_a_text_without_marks_is_not_touched() -> None:
    marks = Marks(lambda _keys, _at: "")
    text = "月亮绕着地球转。"
    assert marks.feed(text) is text


@pytest.mark.parametrize(
    ("text", "kept"), [("a[^1", "[^1"), ("a[", "["), ("a`", "`"), (f"a{O}cite", ""), ("a[x", ""), ("a[^x", "")]
)
def test_only_what_may_be_a_mark_is_held_back(text: str, kept: str) -> None:
    marks = Marks(lambda _keys, _at: "")
    assert marks.feed(text) == text.partition(O)[0].removesuffix(kept)
    assert marks.close() == kept
