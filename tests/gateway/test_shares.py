"""There is only so much, it is handed out in order, and nothing of it gets lost."""

from __future__ import annotations

from contextlib import closing

import gevent
import pytest

from gateway.auth import PRIVATE
from gateway.shares import Share, Shares
from kimi.errors import Crowded


def taken(shares: Shares, owner: str, amount: int) -> Share:
    share = shares.share(owner, amount)
    share.wait()
    return share


def waiting_for(shares: Shares, owner: str, amount: int) -> gevent.Greenlet[..., Share]:
    """Somebody who has begun to wait."""
    found = gevent.spawn(taken, shares, owner, amount)
    gevent.idle()  # until it cannot go on
    assert not found.ready()
    return found


def test_who_finds_nothing_left_waits_for_a_while_and_is_told_when_to_come_back() -> None:
    shares = Shares(4, "loaves", seconds=0.01)
    taken(shares, "a", 2)
    second = taken(shares, "b", 2)
    with closing(shares.share("c", 1)) as late, pytest.raises(Crowded, match="too many loaves") as busy:
        late.wait()
    assert busy.value.retry_after == 0.01
    second.close()
    second.close()
    assert shares.left == 2, "nothing is given back twice"
    taken(shares, "c", 2)
    assert shares.left == 0


def test_an_owner_has_half_and_keeps_nobody_waiting() -> None:
    shares = Shares(4, "loaves", seconds=10)
    first = taken(shares, "a", 2)
    waiting = waiting_for(shares, "a", 1)
    other = taken(shares, "b", 1)
    assert not waiting.ready() and shares.left == 1
    first.shrink(1)
    waiting.join(10)
    assert waiting.ready() and shares.left == 1
    for share in (first, waiting.get(), other):
        share.close()
    assert shares.left == 4


def test_who_waits_for_what_he_has_himself_keeps_nobody_waiting_for_what_is_left() -> None:
    shares = Shares(8, "bodies", seconds=10)
    first = taken(shares, "a", 3)
    second = taken(shares, "b", 3)
    waiting = waiting_for(shares, "a", 3)
    with gevent.Timeout(5):
        taken(shares, "c", 1)
    first.close()
    waiting.join(10)
    assert waiting.ready() and shares.left == 1
    second.close()


def test_all_who_bring_tokens_have_one_half() -> None:
    shares = Shares(4, "bodies", seconds=0.01)
    for scope in (f"{PRIVATE}1", f"{PRIVATE}2"):
        taken(shares, scope, 1)
    with closing(shares.share(f"{PRIVATE}3", 1)) as late, pytest.raises(Crowded):
        late.wait()
    taken(shares, "key:1", 2)


def test_a_large_share_is_not_overtaken_for_ever() -> None:
    shares = Shares(4, "loaves", seconds=10)
    held = [taken(shares, owner, 1) for owner in "abc"]
    large = waiting_for(shares, "d", 2)
    small = waiting_for(shares, "e", 1)
    held.pop().close()
    large.join(10)
    assert large.ready() and not small.ready()
    held.pop().close()
    small.join(10)
    assert small.ready()


@pytest.mark.parametrize("is_there", [False, True], ids=["waiting", "just come"])
def test_what_is_given_up_is_free(is_there: bool) -> None:
    shares = Shares(2, "loaves", seconds=10)
    first = taken(shares, "a", 1)

    def leave() -> None:
        with closing(shares.share("a", 1)) as share:
            share.wait()

    leaving = gevent.spawn(leave)
    gevent.idle()  # until it waits
    assert not leaving.ready()
    if is_there:
        first.close()
    leaving.kill()
    first.close()
    assert shares.left == 2
