"""Flame graphs of a worker under load, and a table of where its time goes.

    .venv/bin/python -m benchmarks.flames --name after
    .venv/bin/python -m benchmarks.flames --name before --tree ../before
    .venv/bin/python -m benchmarks.flames --table

`--name after` writes `docs/flames/after-events.svg` and `docs/flames/after-requests.svg`.
The worker is looked at by py-spy, which needs to be root or to have CAP_SYS_PTRACE. Linux only.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.building import build
from benchmarks.ending import run
from benchmarks.flames import drawing, stacks
from benchmarks.flames.recording import LOADS, Recording, find_spy, record
from benchmarks.performance.accounts import MODELS
from benchmarks.performance.calm import settle, wait_for_quiet
from benchmarks.performance.house import ROOT, house
from benchmarks.performance.servers import gateway
from benchmarks.performance.tables import markdown

FOLDER = ROOT / "docs" / "flames"


def main() -> int:
    """Run it; the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--name", help="of the graphs; without it none are drawn")
    options.add_argument("--table", action="store_true", help="print where the time goes")
    options.add_argument(
        "--tree", type=Path, default=ROOT, help="a checkout whose gateway is looked at, not this one's"
    )
    options.add_argument("--kind", choices=[*MODELS], default="kimi", help="of account")
    options.add_argument("--seconds", type=float, default=30, help="under each load")
    options.add_argument("--patience", type=float, default=0, help="seconds to wait for a quiet machine, each time")
    options.add_argument("--least", type=float, default=0.2, help="calls with less percent of the time are not drawn")
    given = options.parse_args()
    find_spy()
    recordings = _record(given.tree, given.kind, given.seconds, given.patience)
    if given.name:
        _draw(recordings, given.name, given.least / 100)
    if given.table or not given.name:
        _print(recordings)
    return 0


def _record(tree: Path, kind: str, seconds: float, patience: float) -> dict[str, Recording]:
    programs = build()
    with (
        tempfile.TemporaryDirectory() as folder,
        house(Path(folder), programs, tree=tree) as home,
        gateway(home) as servers,
    ):
        found = {}
        for what in LOADS:
            settle(home)
            wait_for_quiet(home, patience)
            found[what] = record(home, servers[kind], what, seconds)
        return found


def _draw(recordings: dict[str, Recording], name: str, least: float) -> None:
    FOLDER.mkdir(exist_ok=True)
    for what, recording in recordings.items():
        target = FOLDER / f"{name}-{what}.svg"
        text = drawing.draw(recording.stacks, f"{name}: {LOADS[what]}, {recording.cost_us:,.0f} µs of CPU each", least)
        target.write_text(text, "utf-8")
        others = f"others had {recording.foreign:.0f} % of its processor"
        print(f"{target.relative_to(ROOT)}: {len(text) / 1e3:.0f} KB; {recording.cost_us:.1f} µs each, {others}")


def _print(recordings: dict[str, Recording]) -> None:
    for what, recording in recordings.items():
        print(f"\n{what}: {recording.cost_us:.1f} µs each, {recording.samples} samples\n")
        rows = [["", "µs", "%", "most of it in"]]
        for name, share in stacks.shares(recording.stacks).items():
            where = stacks.heaviest(recording.stacks, name, 4)
            calls = ", ".join(f"{label} {part * 100:.1f}" for label, part in where)
            rows.append([stacks.TITLES[name], f"{share * recording.cost_us:.1f}", f"{share * 100:.1f}", calls])
        print(markdown(rows))


if __name__ == "__main__":
    sys.exit(run(main))
