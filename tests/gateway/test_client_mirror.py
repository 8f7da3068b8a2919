"""What a worker knows of the keys that the operator creates and revokes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import gevent
import pytest
import redis

from gateway.client_mirror import LOOK_UPS, ClientMirror
from gateway.errors import TooManyWrongKeys
from gateway.following import SECONDS
from kimi.errors import StoreUnavailable
from kimi.pool import Store, connect
from kimi.pool.clients import PAGE, digest_of
from tests.gateway.clients import Line
from tests.gateway.fakes import Clock
from tests.kimi.pool.failing_over import losing


@pytest.fixture
def line(redis_url: str) -> Iterator[Line]:
    with connect(redis_url) as redis:
        yield Line(Store(redis))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def mirror(line: Line, clock: Clock) -> ClientMirror:
    return ClientMirror(line, hold=lambda: None, monotonic=clock)


def test_keys_are_known_without_asking_again(line: Line, mirror: ClientMirror) -> None:
    made = [line.clients.create(f"key {n}") for n in range(PAGE + 1)]
    mirror.refresh()
    assert [mirror.find(digest_of(each.key)) for each in made] == [each.client for each in made]
    assert line.times("find") == 0


def test_looking_for_changes_is_one_command(line: Line, mirror: ClientMirror) -> None:
    line.clients.create("shop")
    for _ in range(5):
        mirror.refresh()
    assert line.asked == ["since"] * 5


def test_a_new_key_opens_at_once_and_many_requests_ask_for_it_once(line: Line, mirror: ClientMirror) -> None:
    mirror.refresh()
    new = line.clients.create("shop")
    asking = [gevent.spawn(mirror.find, digest_of(new.key)) for _ in range(LOOK_UPS + 10)]
    gevent.joinall(asking, raise_error=True)
    assert {each.get() for each in asking} == {new.client}
    assert line.times("find") == 1


def test_what_is_edited_or_revoked_is_so_after_the_next_look(line: Line, mirror: ClientMirror, clock: Clock) -> None:
    shop, other = line.clients.create("shop"), line.clients.create("other")
    mirror.refresh()
    line.clients.edit(shop.client.id, limits={"concurrent": 1})
    line.clients.revoke(other.client.id)
    clock.advance(SECONDS)
    mirror.refresh()

    found = mirror.find(digest_of(shop.key))
    assert found is not None and found.limits.concurrent == 1
    assert mirror.find(digest_of(other.key)) is None


def test_a_key_that_was_looked_up_is_not_good_for_longer_than_any_other(
    line: Line, mirror: ClientMirror, clock: Clock
) -> None:
    shop = line.clients.create("shop")
    assert mirror.find(digest_of(shop.key)) == shop.client
    line.clients.revoke(shop.client.id)
    clock.advance(SECONDS)
    assert mirror.find(digest_of(shop.key)) is None


def test_keys_that_are_made_up_cost_little(line: Line, mirror: ClientMirror, clock: Clock) -> None:
    mirror.refresh()
    for _ in range(100):
        assert mirror.find(b"the same wrong one") is None
    assert line.times("find") == 1
    for _ in range(LOOK_UPS - 1):
        assert mirror.find(os.urandom(32)) is None
    for _ in range(100):
        with pytest.raises(StoreUnavailable):  # it may be a right one: nobody is told that it is wrong
            mirror.find(os.urandom(32))
    assert line.times("find") == LOOK_UPS

    new = line.clients.create("shop")
    clock.advance(SECONDS)
    assert mirror.find(digest_of(new.key)) == new.client


def test_who_is_in_a_pause_takes_no_look_ups_of_others(line: Line, clock: Clock) -> None:
    paused = [True]

    def hold() -> None:
        if paused:
            raise TooManyWrongKeys(retry_after=1)

    mirror = ClientMirror(line, hold=hold, monotonic=clock)
    known = line.clients.create("known")
    mirror.refresh()
    new = line.clients.create("shop")
    for _ in range(LOOK_UPS + 1):
        with pytest.raises(TooManyWrongKeys):
            mirror.find(os.urandom(32))
    assert mirror.find(digest_of(known.key)) == known.client
    assert line.times("find") == 0
    paused.clear()
    assert mirror.find(digest_of(new.key)) == new.client


def test_a_key_is_not_found_by_the_beginning_of_its_digest(line: Line, mirror: ClientMirror) -> None:
    digest = digest_of(line.clients.create("shop").key)
    mirror.refresh()
    assert mirror.find(digest[:-1] + bytes([digest[-1] ^ 1])) is None


def test_what_is_known_stays_while_redis_is_away(line: Line, mirror: ClientMirror) -> None:
    shop = line.clients.create("shop")
    mirror.refresh()
    line.is_cut = True
    with pytest.raises(StoreUnavailable):
        mirror.refresh()
    assert mirror.find(digest_of(shop.key)) == shop.client

    line.is_cut = False
    line.clients.revoke(shop.client.id)
    mirror.refresh()
    assert mirror.find(digest_of(shop.key)) is None


def test_a_new_key_is_not_refused_because_redis_is_away(line: Line, mirror: ClientMirror) -> None:
    mirror.refresh()
    new = line.clients.create("shop")
    line.is_cut = True
    with pytest.raises(StoreUnavailable):
        mirror.find(digest_of(new.key))
    line.is_cut = False
    assert mirror.find(digest_of(new.key)) == new.client


def test_nobody_is_refused_who_may_have_a_key(line: Line, mirror: ClientMirror) -> None:
    line.is_cut = True
    with pytest.raises(StoreUnavailable):
        mirror.find(b"anybody's")
    line.is_cut = False
    assert mirror.find(b"anybody's") is None
    for _ in range(LOOK_UPS - 1):
        mirror.find(os.urandom(32))
    with pytest.raises(StoreUnavailable):
        mirror.find(os.urandom(32))


def test_keys_that_redis_has_lost_open_nothing(line: Line, mirror: ClientMirror, redis_url: str) -> None:
    lost = [line.clients.create(f"lost {n}") for n in range(3)]
    mirror.refresh()
    with connect(redis_url) as redis:
        redis.flushall()
    new = line.clients.create("new")
    mirror.refresh()
    assert mirror.find(digest_of(new.key)) == new.client
    assert [mirror.find(digest_of(each.key)) for each in lost] == [None] * 3


def test_a_key_is_revoked_whatever_a_failover_has_lost_before(
    line: Line, mirror: ClientMirror, redis_client: redis.Redis
) -> None:
    shop = line.clients.create("shop")
    with losing(redis_client):
        line.clients.create("lost")
        mirror.refresh()
    line.clients.revoke(shop.client.id)
    mirror.refresh()
    assert mirror.find(digest_of(shop.key)) is None


def test_it_goes_on_looking(line: Line) -> None:
    pauses: list[float] = []

    class Enough(Exception):
        """Ends what would go on for ever."""

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        line.is_cut = not line.is_cut
        if len(pauses) == 4:
            raise Enough

    with pytest.raises(Enough):
        ClientMirror(line, hold=lambda: None, pause=pause).run()
    assert (line.times("since"), pauses) == (4, [SECONDS] * 4)
