"""Large bodies wait for room, of which no key has all, and give it back however their requests end."""

from __future__ import annotations

from io import BytesIO

import orjson
import pytest
from gevent import GreenletExit, get_hub

from gateway.auth import Caller, scope_of
from gateway.body import SMALL
from gateway.client_limits import FREE, Place
from gateway.shares import Share, Shares
from kimi.pool.clients import digest_of
from tests.gateway.fakes import AUTHORIZED, KEY, House, answer

ROOM = 16 * SMALL
CHAT = "/v1/chat/completions"
ENDPOINTS = (CHAT, "/v1/completions", "/v1/messages", "/v1/messages/count_tokens", "/v1/responses", "/chat/kimi")
OWNER = scope_of(digest_of(KEY))


@pytest.fixture
def bodies() -> Shares:
    return Shares(ROOM, "bodies", seconds=0.01)


@pytest.fixture
def house(bodies: Shares) -> House:
    return House(bodies=bodies)


def question(size: int, **fields: object) -> dict[str, object]:
    return {"model": "kimi", "messages": [{"role": "user", "content": "hi"}], "metadata": {"x": "x" * size}, **fields}


def taken(bodies: Shares, owner: str) -> Share:
    share = bodies.share(owner, ROOM // 2)
    share.wait()
    return share


@pytest.mark.parametrize("path", ENDPOINTS)
def test_one_whose_key_has_its_half_is_told_to_come_back(house: House, bodies: Shares, path: str) -> None:
    held = taken(bodies, OWNER)
    reply = house.client.post(path, json=question(SMALL), headers=AUTHORIZED)
    assert reply.status_code == 429
    assert reply.headers["retry-after"] == "1"
    held.close()
    assert bodies.left == ROOM


@pytest.mark.parametrize(("size", "is_long"), [(SMALL // 2, False), (2 * SMALL, True)])
def test_others_have_their_turn_between_the_reading_and_the_understanding_of_a_large_body(
    house: House, size: int, *, is_long: bool
) -> None:
    loop = get_hub().loop
    before = loop.iteration
    assert house.client.post(CHAT, data=b"x" * size, headers=AUTHORIZED).status_code == 400
    assert (loop.iteration > before) is is_long


def test_small_bodies_never_wait(house: House, bodies: Shares) -> None:
    taken(bodies, OWNER)
    taken(bodies, "another")
    assert bodies.left == 0
    house.pool.will(*answer("Hello"))
    assert house.client.post(CHAT, json=question(SMALL // 2), headers=AUTHORIZED).status_code == 200


def test_others_have_room_beside_one_who_has_his_half(house: House, bodies: Shares) -> None:
    taken(bodies, "another")
    house.pool.will(*answer("Hello"))
    assert house.client.post(CHAT, json=question(SMALL), headers=AUTHORIZED).status_code == 200


class Noting:
    """A gate that lets everybody in, and takes note of what room there is then."""

    def __init__(self, bodies: Shares) -> None:
        self.bodies = bodies
        self.left: list[int] = []

    def enter(self, _caller: Caller) -> Place:
        self.left.append(self.bodies.left)
        return FREE


@pytest.mark.parametrize("stream", [False, True])
def test_room_is_held_until_the_answer_begins(bodies: Shares, stream: bool) -> None:
    gate = Noting(bodies)
    house = House(gate=gate, bodies=bodies)
    house.pool.will(*answer("Hello"))
    body = orjson.dumps(question(SMALL, stream=stream))
    reply = house.client.post(CHAT, data=body, headers=AUTHORIZED)
    assert reply.status_code == 200
    assert gate.left == [ROOM - len(body)]
    assert bodies.left == ROOM


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({"CONTENT_LENGTH": str(2 * SMALL)}, 400),
        ({"CONTENT_LENGTH": str(2 * SMALL), "wsgi.input": BytesIO(b"x" * 2 * SMALL)}, 400),
        ({"wsgi.input_terminated": True, "wsgi.input": BytesIO(b"x" * 2 * SMALL)}, 400),
        ({"wsgi.input_terminated": True, "wsgi.input": BytesIO(b"x" * 33 * 2**20)}, 413),
    ],
    ids=["ends early", "no JSON", "chunked", "chunked and too large"],
)
def test_room_is_given_back_where_something_is_wrong(
    house: House, bodies: Shares, environ: dict[str, object], status: int
) -> None:
    reply = house.client.post(CHAT, headers=AUTHORIZED, environ_overrides=environ)
    assert reply.status_code == status
    assert bodies.left == ROOM


class Ended(BytesIO):
    """A body in which the connection is ended by us."""

    def read(self, size: int | None = -1) -> bytes:
        raise GreenletExit


def test_room_is_given_back_where_the_connection_is_ended(house: House, bodies: Shares) -> None:
    environ = {"wsgi.input_terminated": True, "wsgi.input": Ended(), "CONTENT_LENGTH": str(2 * SMALL)}
    with pytest.raises(GreenletExit):
        house.client.post(CHAT, headers=AUTHORIZED, environ_overrides=environ)
    assert bodies.left == ROOM
