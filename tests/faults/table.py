"""The table of promises: what was tried, how often, what was lost."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

PROPERTY: Final = "promise"
BEGIN: Final = "<!-- what the fault suite found: begin -->"
END: Final = "<!-- what the fault suite found: end -->"
PAGE: Final = Path(__file__).parents[2] / "docs" / "reliability.md"

PROMISES: Final = {
    1: "No account is lost to us",
    2: "One refresh for a hundred rejections",
    3: "One request, one account, one stream",
    4: "Every failure has its own reaction",
    5: "Failover is unseen",
    6: "The client leaves, everything is given back",
    7: "Redis may die",
    8: "Leftovers are swept",
    9: "SIGTERM drains",
    10: "Rates, priorities and weights are held",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    promise: int
    what: str
    times: int
    lost: str


class Ledger:
    """Takes what a test has tried; see the fixture `promise`."""

    def __init__(self, node: pytest.Item, number: int) -> None:
        self._node = node
        self._number = number

    def tried(self, times: int, what: str, *, lost: str = "nothing") -> None:
        """Note a row, once what it says is known to be so. `what` reads behind "times", as in "20 requests"."""
        row = Row(self._number, what, times, lost)
        self._node.user_properties.append((PROPERTY, json.dumps(asdict(row))))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-reliability",
        action="store_true",
        help=f"write the table of promises into {PAGE.relative_to(PAGE.parents[1])}",
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table, and write it down where that was asked for."""
    reports = terminalreporter.stats.get("passed", [])
    found = [
        Row(**json.loads(str(value)))
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == PROPERTY
    ]
    if not found:
        return
    lines = table(found)
    terminalreporter.section("promises")
    for line in lines:
        terminalreporter.write_line(line)
    if config.getoption("--write-reliability"):
        write(PAGE, lines)


def table(rows: Iterable[Row]) -> list[str]:
    """The rows in Markdown, by promise."""
    return [
        "| promise | tried | times | lost |",
        "| --- | --- | ---: | --- |",
        *(
            f"| {row.promise}. {PROMISES[row.promise]} | {row.what} | {row.times:,} | {row.lost} |"
            for row in sorted(rows, key=lambda row: (row.promise, row.what))
        ),
    ]


def write(page: Path, lines: Iterable[str]) -> None:
    """Put the table between the two marker lines of `page`."""
    before, _, rest = page.read_text("utf-8").partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{page} does not hold the lines {BEGIN!r} and {END!r}")
    page.write_text("\n".join([f"{before}{BEGIN}", *lines, f"{END}{after}"]), "utf-8")
