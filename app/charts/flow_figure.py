"""The flow of cells between the pseudo-instances of two frames, as blocks and ribbons.

Blocks carry their rows (`customdata`), and the layout's `meta` the transitions, so that the browser
can give them the colours of their objects and isolate what is clicked.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from app.charts.parts import Figure, Theme, axis_style, base_layout, faded

MAX_BLOCKS = 14  # pseudo-instances of a frame in the flow; the smaller ones are one block
BLOCK_GAP = 0.012  # between blocks, of the height
BLOCK_WIDTH = 0.05
REST = -2  # row of the block of all smaller pseudo-instances


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A pseudo-instance on one side of the flow; heights as shares of the chart, 0 at the top."""

    row: int
    cells: int
    top: float
    height: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Ribbon:
    """Cells that were in one pseudo-instance before and are in one now."""

    before: Block
    now: Block
    cells: int
    top_before: float
    top_now: float
    height: float
    is_change: bool  # part of a merge or of a split


def flow(scr: Mapping[str, Any], theme: Theme) -> Figure:
    """Which pseudo-instances of the frame before the present ones are made of.

    Ribbons that are part of a merge or a split stand out; the rest of the cells stayed together.
    """
    before, now, ribbons = arrange(scr["transitions"], scr.get("changed") or ())
    data = [_ribbon(ribbon, theme) for ribbon in sorted(ribbons, key=lambda r: r.is_change)]
    data += [_block(block, 0.0, theme, "before") for block in before]
    data += [_block(block, 1.0 - BLOCK_WIDTH, theme, "now") for block in now]
    layout = base_layout(theme, margin={"l": 8, "r": 8, "t": 20, "b": 6}) | {
        "uirevision": "flow",
        "meta": {"transitions": scr["transitions"]},
        "hovermode": "closest",
        "xaxis": axis_style(theme, [0, 1], showticklabels=False, showline=False),
        "yaxis": axis_style(theme, [1, 0], showticklabels=False, showline=False),
        "annotations": [
            _side("frame before" if scr["before_step"] is None else _at(scr["before_step"]), 0),
            _side("now", 1),
        ],
    }
    return {"data": data, "layout": layout}


def arrange(
    transitions: Sequence[Sequence[int]], changed: Sequence[Sequence[int]] = ()
) -> tuple[list[Block], list[Block], list[Ribbon]]:
    """Blocks before and now, and the ribbons between them.

    Now stands in order of size; before, where most of its cells went, so that few ribbons cross.

    Args:
        transitions: Row before, row now and number of cells.
        changed: Row before and row now of parts of merges and splits.
    """
    cells_now: dict[int, int] = defaultdict(int)
    cells_before: dict[int, int] = defaultdict(int)
    for old, new, cells in transitions:
        cells_before[old] += cells
        cells_now[new] += cells
    kept_now, kept_before = _largest(cells_now), _largest(cells_before)
    shared: dict[tuple[int, int], int] = defaultdict(int)
    for old, new, cells in transitions:
        pair = (old if old in kept_before else REST, new if new in kept_now else REST)
        shared[pair] += cells
    whole = max(sum(shared.values()), 1)
    now = _stacked(sorted(_sums(shared, 1).items(), key=_by_size), whole)
    place = {block.row: block.top + block.height / 2 for block in now}
    reach = _sums(shared, 0)
    middle = {
        old: sum(place[new] * cells for (row, new), cells in shared.items() if row == old) / total
        for old, total in reach.items()
    }
    before = _stacked(
        sorted(reach.items(), key=lambda item: (item[0] == REST, middle[item[0]])), whole
    )
    return before, now, _ribbons(before, now, shared, {(old, new) for old, new in changed})


def _largest(cells: Mapping[int, int]) -> set[int]:
    rows = sorted(cells, key=lambda row: (-cells[row], row))
    return set(rows if len(rows) <= MAX_BLOCKS else rows[: MAX_BLOCKS - 1])


def _sums(shared: Mapping[tuple[int, int], int], side: int) -> dict[int, int]:
    total: dict[int, int] = defaultdict(int)
    for pair, cells in shared.items():
        total[pair[side]] += cells
    return total


def _by_size(item: tuple[int, int]) -> tuple[bool, int, int]:
    return item[0] == REST, -item[1], item[0]


def _stacked(items: Sequence[tuple[int, int]], whole: int) -> list[Block]:
    room = 1 - BLOCK_GAP * (len(items) - 1)
    blocks, top = [], 0.0
    for row, cells in items:
        blocks.append(Block(row=row, cells=cells, top=top, height=room * cells / whole))
        top += blocks[-1].height + BLOCK_GAP
    return blocks


def _ribbons(
    before: Sequence[Block],
    now: Sequence[Block],
    shared: Mapping[tuple[int, int], int],
    changed: Set[tuple[int, int]],
) -> list[Ribbon]:
    used_before = {block.row: block.top for block in before}
    used_now = {block.row: block.top for block in now}
    # From above to below on either side, so that ribbons of one block do not cross each other.
    ends_before: dict[tuple[int, int], float] = {}
    for old in before:
        for new in now:
            if cells := shared.get((old.row, new.row)):
                ends_before[old.row, new.row] = used_before[old.row]
                used_before[old.row] += old.height * cells / old.cells
    ribbons = []
    for new in now:
        for old in before:
            if cells := shared.get((old.row, new.row)):
                height = min(old.height * cells / old.cells, new.height * cells / new.cells)
                ribbons.append(
                    Ribbon(
                        before=old,
                        now=new,
                        cells=cells,
                        top_before=ends_before[old.row, new.row],
                        top_now=used_now[new.row],
                        height=height,
                        is_change=(old.row, new.row) in changed,
                    )
                )
                used_now[new.row] += new.height * cells / new.cells
    return ribbons


def _ribbon(ribbon: Ribbon, theme: Theme) -> Figure:
    left, right = BLOCK_WIDTH + 0.006, 1 - BLOCK_WIDTH - 0.006
    upper = _curve(left, ribbon.top_before, right, ribbon.top_now)
    lower = _curve(right, ribbon.top_now + ribbon.height, left, ribbon.top_before + ribbon.height)
    x, y = zip(*upper, *lower, strict=True)
    colour = faded(theme.more, 0.5) if ribbon.is_change else faded(theme.unassigned, 0.28)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(x),
        "y": list(y),
        "fill": "toself",
        "fillcolor": colour,
        "line": {"width": 0},
        "hoveron": "fills",
        "hoverinfo": "text",
        "text": f"{ribbon.cells:,} cells",
        "name": "change" if ribbon.is_change else "same",
    }


def _curve(x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
    """From one point to another, level at both ends."""
    num = 12
    shares = [k / num for k in range(num + 1)]
    return [
        (round(x0 + (x1 - x0) * t, 4), round(y0 + (y1 - y0) * t * t * (3 - 2 * t), 4))
        for t in shares
    ]


def _block(block: Block, left: float, theme: Theme, side: str) -> Figure:
    right, bottom = left + BLOCK_WIDTH, block.top + block.height
    name = "smaller ones" if block.row == REST else f"pseudo-instance {block.row}"
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [left, right, right, left, left],
        "y": [block.top, block.top, bottom, bottom, block.top],
        "fill": "toself",
        "fillcolor": theme.unassigned if block.row == REST else theme.target,
        "line": {"width": 0},
        "hoveron": "fills",
        "hoverinfo": "text",
        "text": f"{name} {side}: {block.cells:,} cells",
        "name": side,
        "customdata": [block.row] * 5,
    }


def _at(step: int) -> str:
    return f"step {step:,}"


def _side(text: str, x: int) -> Figure:
    return {
        "xref": "paper",
        "yref": "paper",
        "x": x,
        "y": 1,
        "xanchor": "right" if x else "left",
        "yanchor": "bottom",
        "showarrow": False,
        "text": text,
        "font": {"size": 11},
    }
