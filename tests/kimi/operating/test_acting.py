"""What is written down of what is done to several accounts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kimi.operating.accounts import Accounts, Limits
from kimi.operating.acting import Acting, Ask, Result
from kimi.operating.trial import Trial
from tests.kimi.pool.pools import Pool, web


class Refusing:
    """Asks nobody: `bob` does not answer, all others do."""

    def run(self, name: str) -> Trial:
        return Trial(name, name != "bob", 0.5, "HTTP 500" if name == "bob" else "answered: 2", "kimi")


class Notes(list[tuple[str, str, str]]):
    """What was written down."""

    def __call__(self, verb: str, subject: str, detail: str) -> None:
        self.append((verb, subject, detail))


def one_by_one(ask: Ask, names: Sequence[str]) -> Iterator[Result]:
    return (ask(name) for name in names)


def acting(pool: Pool) -> Acting:
    return Acting(Accounts(pool.store), Refusing(), one_by_one)


def test_a_call_is_one_entry_that_says_what_could_not_be_done(pool: Pool) -> None:
    pool.fill(web("alice"), web("bob"), web("carl"))
    notes = Notes()
    list(acting(pool).perform("test", ["alice", "bob", "carl"], notes))
    list(acting(pool).perform("pause", ["alice", "nobody", "carl"], notes))
    list(acting(pool).edit(["alice", "bob"], Limits(weight=2.5), notes))
    assert notes == [
        ("test", "alice, bob, carl", "2 answered, 1 failed: bob (HTTP 500)"),
        ("pause", "alice, carl", "2 paused, 1 failed: nobody (there is no account nobody)"),
        ("edit", "alice, bob", "2 given weight 2.5"),
    ]


def test_of_a_single_one_its_own_words_are_kept(pool: Pool) -> None:
    pool.fill(web("alice"))
    notes = Notes()
    list(acting(pool).perform("test", ["alice"], notes))
    list(acting(pool).perform("pause", ["nobody"], notes))
    assert notes == [("test", "alice", "answered: 2")]


def test_what_was_done_is_written_down_though_it_was_interrupted(pool: Pool) -> None:
    pool.fill(*(web(name) for name in "abc"))
    notes = Notes()
    results = acting(pool).perform("pause", ["a", "b", "c"], notes)
    assert [next(results).name for _ in range(2)] == ["a", "b"]
    results.close()
    assert notes == [("pause", "a, b", "2 paused")]
    left = pool.members.get("c")
    assert left is not None and left.state == "active"
