"""`docs/clients.md`: what was run and what came of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clients.catalogue import Client
from clients.running import Check, Run

PATH: Final = Path(__file__).parents[1] / "docs" / "clients.md"
_PAGE: Final = Path(__file__).with_suffix(".md")


@dataclass(frozen=True, slots=True)
class Result:
    """All runs of a client; none where it could not be installed, which `missing` says the reason of."""

    client: Client
    runs: tuple[Run, ...]
    missing: str = ""

    @property
    def failed(self) -> bool:
        """Whether something that was tried did not hold."""
        return any(run.failed for run in self.runs)


def render(results: Sequence[Result], machine: str = "") -> str:
    """The page; `machine` says what it was run on."""
    rows = [row for result in results for row in _rows(result)]
    text = _PAGE.read_text("utf-8").format(table="\n".join([_HEAD, *rows]), machine=machine)
    for title, failed in (("What failed", True), ("What was not tried", False)):
        if notes := _notes(results, failed=failed):
            text += f"\n## {title}\n\n" + "\n".join(notes) + "\n"
    return text


_HEAD: Final = "| client | versions | form | what was run | models | result |\n| --- | --- | --- | --- | --- | --- |"


def _rows(result: Result) -> list[str]:
    client = result.client
    if not result.runs:
        return [_row(client.name, client.versions, "", "", "", "not installed")]
    forms = list(dict.fromkeys(check.form for run in result.runs for check in run.checks))
    rows = []
    for number, form in enumerate(forms):
        told = [(run, [check for check in run.checks if check.form == form]) for run in result.runs]
        told = [(run, checks) for run, checks in told if any(not check.skipped for check in checks)]
        if not told:
            continue
        whats = dict.fromkeys(check.what for _, checks in told for check in checks if not check.skipped)
        first = (client.name, client.versions) if number == 0 else ("", "")
        models = ", ".join(f"`{run.model}`" for run, _ in told)
        rows.append(_row(*first, form, "; ".join(whats), models, _result([c for _, checks in told for c in checks])))
    return rows


def _result(checks: Sequence[Check]) -> str:
    tried = [check for check in checks if not check.skipped]
    held = [check for check in tried if not check.error]
    return f"{len(held)} of {len(tried)} {'✓' if len(held) == len(tried) else '✗'}"


def _notes(results: Sequence[Result], *, failed: bool) -> list[str]:
    """A line for each reason why something failed or was left out, with all that it holds for."""
    whats: dict[str, dict[str, list[str]]] = {}
    for result in results:
        name = result.client.name
        if result.missing and not failed:
            whats[result.missing] = {name: []}
        for run in result.runs:
            for check in run.checks:
                if why := check.error if failed else check.skipped:
                    whats.setdefault(why, {}).setdefault(f"{name}, {check.name}", []).append(f"`{run.model}`")
    return [
        f"- {why}: " + "; ".join(f"{what} ({', '.join(models)})" if models else what for what, models in found.items())
        for why, found in whats.items()
    ]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
