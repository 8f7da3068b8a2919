from __future__ import annotations

import logging

import pytest

from kimi.accounts import Kind
from kimi.pool.drift import MOST as MOST_KEPT
from kimi.upstreams.drift import Drift, Sighting
from kimi.upstreams.shapes import MOST, shape
from tests.timing import within


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"text": "你好", "n": [1, 2], "ok": True, "no": None}, "{text: text(2), n: [2 × number], ok: bool, no: null}"),
        ({"a1b2c3d4": {"user-13800138000": 1}}, "{(key): {(key): number}}"),
        ([], "[]"),
        ({}, "{}"),
        (b"secret", "[6 × number]"),
        ({"a": {"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}}}, "{a: {a: {a: {a: {a: {a: …}}}}}}"),
    ],
)
def test_a_shape_tells_keys_types_and_lengths_only(value: object, expected: str) -> None:
    assert shape(value) == expected


def test_a_shape_is_short_whatever_comes() -> None:
    assert len(shape({f"field_{chr(97 + number % 26) * 30}": "x" for number in range(200)})) <= MOST
    assert len(shape([{letter * 40: [1] for letter in "abcdefghijklmnopqrstuvwxyz"}])) <= MOST


def test_a_shape_costs_what_is_shown_of_it_and_not_what_there_is() -> None:
    value: object = 1
    for _ in range(5):
        value = {f"key_{letter}": value for letter in "abcdefghijklmnopqrst"}
    with within(0.5):  # it has three million parts
        found = shape(value)
    assert len(found) == MOST
    assert found.startswith("{key_a: {key_a: {key_a: {key_a: {key_a: number, key_b: number")


def test_what_is_unknown_is_told_once_and_counted_each_time(caplog: pytest.LogCaptureFixture) -> None:
    met: list[tuple[Kind, str]] = []
    now = iter([100.0, 101.0, 102.0, 103.0])
    drift = Drift(lambda kind, what: met.append((kind, what)), clock=lambda: next(now))

    for _ in range(2):
        drift.note(Kind.CLASSIC, "event", "hologram", {"event": "hologram", "text": "secret words"})
    taken = drift.take()
    drift.note(Kind.CLASSIC, "event", "hologram", {"other": 1})
    later = drift.take()

    assert met == [(Kind.CLASSIC, "event")] * 3
    seen = Sighting(Kind.CLASSIC, "event", "hologram", "{event: text(8), text: text(12)}", 100.0, 101.0, 2)
    assert taken == (seen,)
    assert later == (Sighting(Kind.CLASSIC, "event", "hologram", "", 102.0, 102.0, 1),)
    assert drift.take() == ()
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (
            logging.WARNING,
            "the kimi-classic upstream sends an unknown event: hologram, in {event: text(8), text: text(12)}",
        )
    ]

    drift.put_back(later)
    drift.note(Kind.CLASSIC, "event", "hologram")
    (both,) = drift.take()
    assert (both.first, both.last, both.count) == (102.0, 103.0, 2)


@pytest.mark.parametrize("name", ["sk-abcdefgh", "eyJhbGciOiJIUzUxMiJ9.e30.x", "org-1234567890", "two words", 3, None])
def test_a_name_that_may_be_a_secret_is_not_told(name: object) -> None:
    drift = Drift()
    drift.note(Kind.KIMI, "event", name)
    assert drift.take()[0].name == f"({type(name).__name__})"


def test_an_upstream_cannot_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    drift = Drift()
    for number in range(2 * MOST_KEPT):
        drift.note(Kind.KIMI, "mask", f"mask.{number}")
    drift.note(Kind.KIMI, "mask", "mask.0")

    taken = drift.take()
    assert len(caplog.records) == len(taken) == MOST_KEPT
    assert taken[0].count == 2
