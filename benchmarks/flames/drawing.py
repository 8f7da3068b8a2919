"""A flame graph: an SVG without scripts, which shows a call's name and share where the pointer rests. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Final

from benchmarks.flames.stacks import IN_KERNEL, KERNEL, OTHER, Frame, Stack, place

WIDTH: Final = 1200
_ROW: Final = 16
_LETTER: Final = 6.3
_TOP: Final = 30
_COLOURS: Final[Mapping[str, str]] = {
    "gevent": "#9ecae1",
    "http": "#a1d99b",
    "dialect": "#74c476",
    "shaping": "#c7e9c0",
    "rendering": "#fdae6b",
    "pool": "#bcbddc",
    "log": "#fdd0a2",
    "server": "#d9d9d9",
    "way": "#fee391",
    KERNEL: "#ef8a80",
    OTHER: "#f0f0f0",
}


@dataclass(slots=True)
class _Node:
    """A call with all that it called; `share` of the time is spent in it or below it."""

    share: float = 0.0
    below: dict[str, _Node] = field(default_factory=dict)
    part: str = OTHER


def draw(stacks: Mapping[Stack, float], title: str, least: float) -> str:
    """Calls from bottom to top, each as wide as its share; left out are those with less than `least` of everything."""
    boxes = list(_boxes(_tree(stacks), least))
    height = _TOP + _ROW * (1 + max((box.row for box in boxes), default=0))
    style = 'font-family="monospace" font-size="10"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {style}>',
        f'<rect width="100%" height="100%" fill="#fff"/><text x="6" y="18" font-size="13">{escape(title)}</text>',
        *(_drawn(box, height) for box in boxes),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class _Box:
    """A call as it is shown; `left` and `width` are shares of the whole width."""

    row: int
    left: float
    width: float
    label: str
    part: str


def _tree(stacks: Mapping[Stack, float]) -> _Node:
    root = _Node()
    for stack, share in stacks.items():
        node = root
        for frame in stack:
            node = node.below.setdefault(frame.label, _Node(part=_part(frame)))
            node.share += share
    return root


def _part(frame: Frame) -> str:
    return KERNEL if frame is IN_KERNEL else place(frame.file) or OTHER


def _boxes(root: _Node, least: float) -> Iterator[_Box]:
    waiting = [(0, 0.0, root)]
    while waiting:
        row, left, node = waiting.pop()
        for label, child in sorted(node.below.items()):
            if child.share >= least:
                yield _Box(row, left, child.share, label, child.part)
                waiting.append((row + 1, left, child))
            left += child.share


def _drawn(box: _Box, height: int) -> str:
    x, y, width = box.left * WIDTH, height - _ROW * (box.row + 1), box.width * WIDTH
    letters = int((width - 4) / _LETTER)
    text = box.label if len(box.label) <= letters else f"{box.label[: letters - 1]}…"
    shown = f'<text x="{x + 2:.0f}" y="{y + 11}">{escape(text)}</text>' if letters > 3 else ""
    shape = f'x="{x:.1f}" y="{y}" width="{max(width - 0.5, 0.3):.1f}" height="{_ROW - 1}" fill="{_COLOURS[box.part]}"'
    return f"<g><title>{escape(box.label)}, {box.width:.2%}</title><rect {shape}/>{shown}</g>"
