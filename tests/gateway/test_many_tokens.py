"""A client that brings more accounts along than Redis should look at for one request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from gateway.auth import ClientKeys
from gateway.completion import Completion
from gateway.guesses import OPEN
from gateway.passthrough import AT_FIRST, MOST_ASKED, PassThrough, Strangers, along_own
from gateway.turn import Turn
from kimi.accounts import Kind, State
from kimi.chat import Message
from kimi.models import select
from kimi.pool import PrivateAccounts
from kimi.pool.private import private_account
from tests.gateway.bringing import ALICE, BOB, Shelf, name_of
from tests.gateway.houses import CHAT, MakeHouse
from tests.gateway.scripted import ScriptedUpstream
from tests.gateway.talks import Talk, answer, last_words
from tests.kimi.pool.pools import wish

MEMBERS = [private_account(f"token {number}", Kind.KIMI) for number in range(MOST_ASKED + 2 * AT_FIRST - 4)]
NAMES = [member.account.name for member in MEMBERS]
SELECTION = select("kimi", {"kimi"})


def at(number: int) -> Callable[[int], int]:
    """Dice that always show that."""
    return lambda _: number


def turning(number: int) -> Callable[[int], int]:
    """Dice that show one number after the other as `number` grows."""
    return lambda below: number % below


def owners(routes: tuple[str, ...]) -> list[str]:
    return [route.removeprefix("kimi@") for route in routes]


def test_few_are_all_asked_for_at_once() -> None:
    few = NAMES[:AT_FIRST]
    for number in range(len(few)):
        chosen = along_own(SELECTION, few, len(few), at(number))
        assert (owners(chosen.routes), chosen.otherwise) == (few, ())


def test_of_many_some_are_asked_for_first_and_some_behind_them() -> None:
    met: set[str] = set()
    for number in range(len(NAMES)):
        chosen = along_own(SELECTION, NAMES, len(NAMES), at(number))
        first, others = owners(chosen.routes), owners(chosen.otherwise)
        assert (len(first), len({*first, *others})) == (AT_FIRST, MOST_ASKED)
        met |= {*first}
    assert met == {*NAMES}, "each has his turn"


@pytest.mark.parametrize("usable", [1, AT_FIRST, AT_FIRST + 4])
def test_those_that_can_serve_are_asked_for_before_those_that_wait_for_a_token(usable: int) -> None:
    waiting: set[str] = set()
    for number in range(len(NAMES)):
        chosen = along_own(SELECTION, NAMES, usable, turning(number))
        first, others = owners(chosen.routes), owners(chosen.otherwise)
        assert {*first, *others} >= {*NAMES[:usable]}
        assert len({*first} & {*NAMES[:usable]}) == min(usable, AT_FIRST)
        waiting |= {*first, *others} - {*NAMES[:usable]}
    assert waiting == {*NAMES[usable:]}, "each of these has his turn as well"


def test_the_accounts_of_a_client_are_first_those_that_can_serve() -> None:
    shelf = Shelf()
    shelf.is_now(ALICE, State.NEW)
    shelf.is_now(BOB, State.ACTIVE)
    caller = PassThrough(ClientKeys([]), Strangers(shelf, Kind.KIMI), OPEN).caller(f"Bearer {ALICE},{BOB}", None)
    assert caller.accounts == (name_of(BOB), name_of(ALICE))
    assert caller.pool is not None and caller.pool.usable == 1


@dataclass
class Bringing(Talk):
    """One who brings them all; `number` says with whom it begins."""

    number: int = 0
    turn: Turn = field(default_factory=lambda: Turn(scope="private:1"))

    def start(self, text: str, *_: object) -> Completion:
        self.messages.append(Message("user", text))
        chosen = along_own(SELECTION, NAMES, len(NAMES), at(self.number))
        return self.house.completions.start(chosen, replace(CHAT, messages=tuple(self.messages)), self.turn)


@pytest.fixture
def talk(make_house: MakeHouse) -> Bringing:
    house = make_house(upstream=ScriptedUpstream([answer("c1", "s1"), answer("c1", "s2"), answer("c3", "s3")]))
    for member in MEMBERS:
        PrivateAccounts(house.pool.store).adopt(member)
        house.pool.freshen(member.account.name)
    return Bringing(house)


def test_the_others_are_asked_for_where_nobody_of_the_first_can_be_had(talk: Bringing) -> None:
    for name in NAMES[:AT_FIRST]:
        talk.house.pool.leases.acquire(wish(f"kimi@{name}"))
    talk.say("one")
    assert talk.account in NAMES[AT_FIRST:MOST_ASKED]


def test_a_conversation_goes_on_with_whoever_began_it(talk: Bringing) -> None:
    talk.say("one")
    began = talk.account
    talk.number = AT_FIRST  # whoever began is not among those
    talk.say("two")
    assert (talk.account, last_words(talk)) == (began, ("two",))
