"""Why nobody can be had from memory."""

from __future__ import annotations

import pytest

from kimi.errors import AllBusy, AwaitingToken, NoAccount, UpstreamDown
from kimi.pool import Rest
from tests.gateway.copies import NOW, copy_of
from tests.gateway.standby.desks import desk
from tests.kimi.pool.pools import web


def test_a_token_that_expires_is_not_handed_out() -> None:
    worker = desk(copy_of("a", expires=NOW + 20))
    worker.give(worker.take())
    worker.clock.advance(20)
    with pytest.raises(AwaitingToken):
        worker.take()


@pytest.mark.parametrize("why", [{"stored_token": ""}, {"expires": 0.0}])
def test_without_a_token_there_is_a_reason_to_wait(why: dict[str, object]) -> None:
    with pytest.raises(AwaitingToken):
        desk(copy_of("a", **why)).take()


def test_the_dead_are_not_waited_for() -> None:
    with pytest.raises(NoAccount, match="no account serves this"):
        desk(copy_of("a", serves=False)).take()


def test_accounts_that_were_tried_are_passed_over() -> None:
    worker = desk("a", "b")
    assert worker.take(exclude=("a",)).account.name == "b"
    with pytest.raises(NoAccount, match="every account was tried"):
        worker.take(exclude=("a", "b"))


def test_how_long_all_rest_is_told() -> None:
    worker = desk(copy_of("a", cool_until=NOW + 30), copy_of("b", cool_until=NOW + 10))
    with pytest.raises(AllBusy) as caught:
        worker.take()
    assert caught.value.retry_after == 10
    worker.clock.advance(10)
    assert worker.take().account.name == "b"


def test_accounts_behind_a_failing_upstream_are_passed_over() -> None:
    broken = web("a", proxy="socks5h://one:1")
    worker = desk(broken, "b")
    assert worker.take(tripped=(broken.line,)).account.name == "b"
    with pytest.raises(UpstreamDown):
        worker.take(tripped=(broken.line,))


def test_one_that_is_in_use_is_waited_for_although_others_are_cut_off() -> None:
    broken = web("a", proxy="socks5h://one:1")
    worker = desk(broken, "b")
    lease = worker.take(tripped=(broken.line,))
    with pytest.raises(AllBusy):
        worker.take("w.1", tripped=(broken.line,))
    worker.give(lease)
    assert worker.called == ["w.1"]
    worker.give(worker.take("w.1", tripped=(broken.line,)), Rest("Overloaded", "busy", 60, 60))
    with pytest.raises(UpstreamDown):
        worker.take("w.2", tripped=(broken.line,))


def test_a_refused_model_is_no_matter_for_others() -> None:
    worker = desk(copy_of("a", refused={"kimi-k3": NOW + 10}))
    with pytest.raises(NoAccount):
        worker.take(model="kimi-k3")
    worker.give(worker.take(model="kimi"), Rest("ModelRefused", "plan", 100, 100, model="kimi-k2"))
    with pytest.raises(NoAccount):
        worker.take(model="kimi-k2")
    worker.clock.advance(10)
    assert worker.take(model="kimi-k3").account.name == "a"
