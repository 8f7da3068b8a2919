"""What requests count for in the figures of accounts and clients."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from devtools.waiting import until
from gateway.journal import Entry
from gateway.tallying import tally
from kimi import errors
from kimi.events import Text, Usage
from kimi.pool import Store, connect
from kimi.pool.counts import Counts, Courier
from kimi.pool.figures import Figures, Span
from tests.gateway.fakes import AUTHORIZED, House, Step, answer
from tests.gateway.gunicorns import KEY, running
from tests.kimi.pool.pools import Clock, Pool, web
from tests.ports import free_port

QUESTION = {"model": "kimi", "messages": [{"role": "user", "content": "hello"}]}


@dataclass
class Told:
    """What operators read of it: requests, errors and tokens by name."""

    accounts: dict[str, tuple[int, int, int]]
    clients: dict[str, tuple[int, int, int]]


class Book:
    """Writes what was counted to a real Redis, and reads it there."""

    def __init__(self, url: str) -> None:
        self.redis = connect(url)
        self.store = Store(self.redis)
        self.figures = Figures(self.store)

    def told(self, counts: Counts) -> Told:
        Courier(self.store, counts).deliver()
        return Told(_short(self.figures.tallies()), _short(self.figures.tally_of_clients()))


def _short(tallies: Any) -> dict[str, tuple[int, int, int]]:
    return {
        name: (each.requests, each.errors, each.prompt_tokens + each.completion_tokens)
        for name, each in tallies.items()
    }


@pytest.fixture
def book(redis_url: str) -> Iterator[Book]:
    book = Book(redis_url)
    yield book
    book.redis.close()


def told(book: Book, **known: Any) -> Told:
    """Of one request of client 1 that is known so."""
    counts = Counts()
    entry = Entry(request_id="r", method="POST", route="/v1/chat/completions", started=0.0, client=1, **known)
    tally(entry, 3.0, counts)
    return book.told(counts)


def test_an_answer_counts_for_who_gave_it_and_who_asked(book: Book) -> None:
    known = told(book, model="kimi", status=200, attempts=1, account="a", usage=Usage(2, 5), first_event_seconds=0.5)
    assert known == Told({"a": (1, 0, 7)}, {"1": (1, 0, 7)})
    latest = book.figures.points(Span.HOUR)[-1]
    assert (latest.requests, latest.first_event is None, latest.total is None) == (1, False, False)


def test_who_failed_before_has_an_error_and_the_client_has_none(book: Book) -> None:
    known = told(
        book,
        status=200,
        attempts=3,
        account="c",
        failovers=("Overloaded", "TokenRejected"),
        failed=("a", "b"),
        usage=Usage(2, 5),
    )
    assert known == Told({"a": (1, 1, 0), "b": (1, 1, 0), "c": (1, 0, 7)}, {"1": (1, 0, 7)})


def test_where_all_failed_the_last_has_one_error_and_the_client_another(book: Book) -> None:
    known = told(
        book,
        status=502,
        outcome="upstream_error",
        attempts=2,
        account="b",
        failovers=("Overloaded", "Unreachable"),
        failed=("a", "b"),
    )
    assert known == Told({"a": (1, 1, 0), "b": (1, 1, 0)}, {"1": (1, 1, 0)})


def test_an_answer_that_broke_off_is_an_error_of_its_account(book: Book) -> None:
    known = told(book, status=200, outcome="upstream_timeout", attempts=1, account="a", usage=Usage(2, 5))
    assert known == Told({"a": (1, 1, 7)}, {"1": (1, 1, 7)})
    latest = book.figures.points(Span.HOUR)[-1]
    assert latest.total is None, "what it took would tell nothing of answers"


@pytest.mark.parametrize("outcome", ["client_gone", "content_filter", "context_length_exceeded"])
def test_what_a_client_does_is_nobodys_error(book: Book, outcome: str) -> None:
    known = told(book, status=400, outcome=outcome, attempts=1, account="a")
    assert known == Told({"a": (1, 0, 0)}, {"1": (1, 0, 0)})


@pytest.mark.parametrize("outcome", ["internal_error", "shutting_down"])
def test_what_goes_wrong_here_is_no_error_of_the_account(book: Book, outcome: str) -> None:
    known = told(book, status=500, outcome=outcome, attempts=1, account="a")
    assert known == Told({"a": (1, 0, 0)}, {"1": (1, 1, 0)})


def test_where_no_account_could_be_had_the_client_has_an_error(book: Book) -> None:
    known = told(book, status=429, outcome="rate_limit_exceeded", attempts=0)
    assert known == Told({}, {"1": (1, 1, 0)})


def test_what_failed_before_an_account_was_looked_for_is_an_error_too(book: Book) -> None:
    known = told(book, status=503, outcome="store_unavailable", model="kimi")
    assert known == Told({}, {"1": (1, 1, 0)})


@pytest.mark.parametrize(
    ("status", "outcome", "model"),
    [
        (401, "invalid_api_key", None),
        (400, "invalid_json", None),
        (404, "model_not_found", "kimi-9"),
        (413, "request_too_large", None),
        (429, "rate_limit_exceeded", "kimi"),  # a limit of the client's own
        (200, "ok", None),
        (503, "token_undecided", None),
    ],
)
def test_what_is_no_request_for_the_pool_does_not_count(
    book: Book, status: int, outcome: str, model: str | None
) -> None:
    assert told(book, status=status, outcome=outcome, model=model) == Told({}, {})


def test_requests_are_counted_once_streamed_or_not(book: Book) -> None:
    house = House()

    def ask(*script: Step, stream: bool = False, headers: dict[str, str] = AUTHORIZED) -> None:
        house.pool.will(*script)
        body = {**QUESTION, "stream": stream}
        with house.client.post("/v1/chat/completions", json=body, headers=headers) as reply:
            reply.get_data()

    ask(*answer("Hel", "lo"))
    ask(*answer("Hel", "lo"), stream=True)
    ask(Text("Hel"), errors.UpstreamTimeout("silence"), stream=True)
    ask(errors.AllBusy("busy"))
    ask(headers={})
    house.client.get("/v1/models", headers=AUTHORIZED)

    counted = book.told(house.counts)
    assert counted.clients["1"][:2] == (4, 2)
    assert counted.accounts["alice"][:2] == (4, 2)
    assert counted.accounts["alice"][2] == counted.clients["1"][2] > 0


def test_a_gateway_writes_them_every_second_and_when_it_ends(tmp_path: Path, book: Book, redis_url: str) -> None:
    # Nobody listens there, so that the account fails at once.
    Pool(book.store, Clock(time.time())).fill(web("a", base_url=f"http://127.0.0.1:{free_port()}"))
    with running(tmp_path, redis_url, GATEWAY_QUEUE_SECONDS="0") as gateway:

        def ask() -> int:
            headers = {"Authorization": f"Bearer {KEY}"}
            url = f"{gateway.base}/v1/chat/completions"
            return requests.post(url, json=QUESTION, headers=headers, timeout=30).status_code

        assert ask() == 502
        until(lambda: book.figures.today().requests == 1, seconds=5)
        failed = book.figures.tallies()["a"]
        assert failed.requests == failed.errors > 0
        assert ask() >= 429
        gateway.terminate()
        assert gateway.wait() == 0
    assert _short(book.figures.tally_of_clients()) == {"1": (2, 2, 0)}
