"""What of a hash is secret."""

from __future__ import annotations

import orjson
import pytest

from kimi.pool.secret_fields import changes_of, secrets_of, things_of

WEB = orjson.dumps({"kind": "kimi", "proxy": "P"}).decode()
EDITED = orjson.dumps({"kind": "kimi", "proxy": "Q"}).decode()
OFFICIAL = orjson.dumps({"kind": "moonshot", "proxy": None}).decode()


@pytest.mark.parametrize(
    ("fields", "secrets", "things"),
    [
        ({}, [], []),
        ({"name": "a", "present": "1"}, [], []),
        ({"canary": "W"}, ["W"], [{"W"}]),
        ({"refresh": "R", "name": "a"}, ["R"], [{"R"}]),
        ({"spec": WEB, "access": "A"}, ["A", "P"], [{"A"}, {"P"}]),
        (
            {"spec": EDITED, "written": WEB, "access": "A", "refresh": "R", "previous": "B", "previous4": "C"},
            ["A", "R", "B", "C", "Q", "P"],
            [{"R", "B", "C"}, {"A"}, {"Q"}, {"P"}],
        ),
        ({"spec": OFFICIAL, "written": OFFICIAL, "access": "K", "refresh": "K2"}, ["K", "K2"], [{"K", "K2"}]),
    ],
)
def test_each_is_found_once_wherever_it_stands(
    fields: dict[str, str], secrets: list[str], things: list[set[str]]
) -> None:
    assert list(secrets_of(fields)) == secrets
    assert things_of(fields) == things


def test_what_is_sealed_anew_takes_its_place_in_every_field() -> None:
    fields = {"spec": EDITED, "written": WEB, "access": "A", "refresh": "R", "name": "R"}
    sealed = orjson.dumps({"kind": "kimi", "proxy": "P2"}).decode()
    assert changes_of(fields, {"P": "P2", "A": "A2"}) == ["written", WEB, sealed, "access", "A", "A2"]
    assert changes_of(fields, {"R": "R2"}) == ["refresh", "R", "R2"], "and in no other"
    assert changes_of(fields, {}) == []
