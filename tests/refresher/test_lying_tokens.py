"""Whatever a token says of its life, it is refreshed at a sane time: neither never, nor without pause."""

from __future__ import annotations

import base64
import random

import pytest

from kimi.accounts import Account, Kind, Record, State, Tokens
from refresher.renewal import Renewals

NOW = 1_800_000_000.0
WEEK = 7 * 86_400


def token(payload: bytes) -> str:
    return f"eyJhbGciOiJub25lIn0.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}.c2ln"


class Says:
    """An exchange that gives one access token."""

    def __init__(self, access: str) -> None:
        self._access = access

    def refresh(self, account: Account, refresh_token: str) -> Tokens:
        return Tokens(self._access, f"{account.name}{refresh_token}1")


@pytest.mark.parametrize(
    "payload",
    [
        b'{"exp": 253402300799}',
        b'{"exp": 32503679999}',
        b'{"exp": 9999999999, "iat": 1}',
        b'{"exp": 1800000000.5}',
        b'{"exp": 1800000000}',
        b'{"exp": 1, "iat": 2}',
        b'{"exp": -5}',
        b'{"exp": 0}',
        b'{"exp": 1800000900, "iat": 1800000899.999}',
        b'{"exp": 1e400}',
        b'{"exp": NaN}',
        b'{"exp": "1800000900"}',
        b'{"exp": true}',
        b'{"exp": [1800000900]}',
        b'{"exp": 1800000900, "exp": null}',
        b'{"exp": ' + b"9" * 5_000 + b"}",
        b'{"exp":' * 100_000,
        b"[" * 100_000,
        b'\xef\xbb\xbf{"exp": 1800000900}',
        b'{"sub": "\\ud800"}',
        b"\xff\x00",
        b"",
        b"null",
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_a_token_is_refreshed_at_a_sane_time_whatever_it_says(payload: bytes, seed: int) -> None:
    made = Renewals(Says(token(payload)), lambda *_: (), clock=lambda: NOW, rng=random.Random(seed))
    record = Record(account=Account(name="a", kind=Kind.KIMI), state=State.ACTIVE, version=1, stored_refresh="r")
    renewed = made.renew(record)

    assert NOW + 1 <= renewed.next_due <= NOW + WEEK
    assert NOW < renewed.expires <= NOW + WEEK


def test_tokens_of_a_second_are_not_exchanged_every_second_without_end() -> None:
    now = [NOW]

    class Short:
        life = 1.0

        def refresh(self, account: Account, refresh_token: str) -> Tokens:
            return Tokens(token(b'{"exp": %f}' % (now[0] + self.life)), f"{account.name}{refresh_token}1")

    exchange = Short()
    made = Renewals(exchange, lambda *_: (), clock=lambda: now[0], rng=random.Random(1))
    record = Record(account=Account(name="a", kind=Kind.KIMI), state=State.ACTIVE, version=1, stored_refresh="r")

    waits = []
    for _ in range(12):
        waits.append(made.renew(record).next_due - now[0])
        now[0] += waits[-1]
    exchange.life = 30.0
    long = made.renew(record).next_due - now[0]
    exchange.life = 1.0
    again = made.renew(record).next_due - now[0]

    assert waits == [1, 1, 1, 1, 1, 2, 4, 8, 16, 32, 60, 60]
    assert long < 30
    assert again == 1
