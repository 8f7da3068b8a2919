"""What is told to whom, second by second."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from kimi.alerts.ledger import Entry, Pace, Told, due, is_active, update
from kimi.alerts.notes import Rule
from kimi.alerts.rules import Subject

PACE = Pace(gather=5, brisk=60, lasting=60, calm=60, gap=300, repeat=86_400)
LOW = (Rule.LOW, "")
SILENT = (Rule.SILENT, "")


@dataclass
class Story:
    """What two destinations hear while time goes on. `a` and `b` take every message, unless they are named `deaf`."""

    now: float = 1_000_000.0
    entries: dict[Subject, Entry] = field(default_factory=dict)
    heard: list[tuple[str, float, Rule, bool, list[str]]] = field(default_factory=list)
    deaf: set[str] = field(default_factory=set)

    def goes_on(self, seconds: float, *wrong: Subject) -> None:
        """So long, looked at every second, while that is wrong."""
        for _ in range(int(seconds)):
            self.entries = update(self.entries, dict.fromkeys(wrong, 0), self.now, PACE)
            for destination in {"a", "b"} - self.deaf:
                self._tell(destination)
            self.now += 1

    def _tell(self, destination: str) -> None:
        for message in due(self.entries.values(), destination, self.now, PACE):
            names = sorted(entry.subject for entry in message.entries)
            self.heard.append((destination, self.now, message.rule, message.over, names))
            for entry in message.entries:
                told = Told(self.now, message.over)
                self.entries[entry.key] = self.entries[entry.key].noted(destination, told)

    def heard_by(self, destination: str = "a") -> list[tuple[Rule, bool, list[str]]]:
        return [(rule, over, names) for who, _, rule, over, names in self.heard if who == destination]

    def gaps(self, destination: str = "a") -> list[float]:
        times = [when for who, when, *_ in self.heard if who == destination]
        return [later - sooner for sooner, later in pairwise(times)]


def dead(names: Iterable[str]) -> list[Subject]:
    return [(Rule.DEAD, name) for name in names]


def test_an_account_that_dies_is_told_once_and_again_after_a_day() -> None:
    story = Story()
    story.goes_on(86_400, *dead("x"))
    assert story.heard_by("a") == story.heard_by("b") == [(Rule.DEAD, False, ["x"])]
    story.goes_on(10, *dead("x"))
    assert story.heard_by() == [(Rule.DEAD, False, ["x"])] * 2


def test_accounts_that_die_together_are_one_message() -> None:
    story = Story()
    story.goes_on(3, *dead("x"))
    story.goes_on(60, *dead("xyz"))
    assert story.heard_by() == [(Rule.DEAD, False, ["x", "y", "z"])]


def test_those_that_die_later_are_told_together_within_a_minute() -> None:
    story = Story()
    story.goes_on(20, *dead("x"))
    story.goes_on(30, *dead("xy"))
    story.goes_on(200, *dead("xyz"))
    assert story.heard_by() == [(Rule.DEAD, False, ["x"]), (Rule.DEAD, False, ["y", "z"])]
    assert story.gaps() == [PACE.brisk]


def test_accounts_that_die_one_by_one_are_a_message_a_minute() -> None:
    story = Story()
    names = [f"{number:03}" for number in range(180)]
    for count in range(1, len(names) + 1):
        story.goes_on(10, *dead(names[:count]))
    assert len(story.heard_by()) == 30
    told = [name for _, _, heard in story.heard_by() for name in heard]
    assert told == names[: len(told)]
    assert len(told) > len(names) - 10


def test_one_that_dies_again_and_again_is_told_after_the_gap_though_others_die() -> None:
    story = Story()
    for _ in range(10):
        story.goes_on(70, *dead("x"))
        story.goes_on(70)
    story.goes_on(70, *dead("xy"))
    times = [when for who, when, _, _, names in story.heard if who == "a" and names == ["x"]]
    assert min(later - sooner for sooner, later in pairwise(times)) >= PACE.gap
    assert story.heard_by()[-1][2] == ["y"]


def test_rules_do_not_wait_for_each_other() -> None:
    story = Story()
    story.goes_on(10, *dead("x"))
    story.goes_on(10, *dead("x"), (Rule.BANNED, "y"), SILENT)
    assert story.heard_by() == [(Rule.DEAD, False, ["x"]), (Rule.SILENT, False, [""]), (Rule.BANNED, False, ["y"])]


def test_an_account_that_serves_again_is_told_of() -> None:
    story = Story()
    story.goes_on(10, *dead("xy"))
    story.goes_on(400, *dead("y"))
    assert story.heard_by() == [(Rule.DEAD, False, ["x", "y"]), (Rule.DEAD, True, ["x"])]


def test_a_pool_that_fills_up_as_it_starts_is_no_news() -> None:
    story = Story()
    story.goes_on(59, LOW)
    story.goes_on(600)
    assert story.heard_by() == []
    assert story.entries == {}


def test_a_low_pool_and_its_end_are_told() -> None:
    story = Story()
    story.goes_on(400, LOW)
    story.goes_on(100)
    assert story.heard_by() == [(Rule.LOW, False, [""]), (Rule.LOW, True, [""])]


def test_a_pool_that_recovers_for_a_moment_is_low_all_the_time() -> None:
    story = Story()
    for _ in range(30):
        story.goes_on(100, LOW)
        story.goes_on(50)
    assert story.heard_by() == [(Rule.LOW, False, [""])]


def test_one_that_comes_and_goes_does_not_flood() -> None:
    story = Story()
    for _ in range(100):
        story.goes_on(61, LOW)
        story.goes_on(61)
    assert 2 < len(story.heard_by()) <= 1 + 100 * 122 / PACE.gap
    assert min(story.gaps()) >= PACE.gap
    overs = [over for _, over, _ in story.heard_by()]
    assert overs == [place % 2 == 1 for place in range(len(overs))]


def test_silence_is_told_at_once() -> None:
    story = Story()
    story.goes_on(1, SILENT)
    assert story.heard_by() == [(Rule.SILENT, False, [""])]


def test_a_destination_that_was_out_of_reach_is_told_later_and_alone() -> None:
    story = Story(deaf={"b"})
    story.goes_on(100, *dead("x"))
    assert story.heard_by("b") == []
    story.deaf.clear()
    story.goes_on(100, *dead("x"))
    assert story.heard_by("a") == story.heard_by("b") == [(Rule.DEAD, False, ["x"])]


def test_one_that_never_heard_of_it_is_not_told_that_it_is_over() -> None:
    story = Story(deaf={"b"})
    story.goes_on(100, *dead("x"))
    story.goes_on(100)
    story.deaf.clear()
    story.goes_on(1000)
    assert story.heard_by("a") == [(Rule.DEAD, False, ["x"]), (Rule.DEAD, True, ["x"])]
    assert story.heard_by("b") == []


def test_what_is_over_is_forgotten_even_if_somebody_cannot_be_told() -> None:
    story = Story()
    story.goes_on(10, *dead("x"))
    story.deaf = {"a", "b"}
    story.goes_on(1000)
    assert list(story.entries) == [(Rule.DEAD, "x")]
    story.now += PACE.repeat
    story.goes_on(1)
    assert story.entries == {}


def test_what_has_just_begun_is_not_shown_yet() -> None:
    entry = Entry(rule=Rule.LOW, subject="", since=100)
    assert not is_active(entry, 159, PACE)
    assert is_active(entry, 160, PACE)
