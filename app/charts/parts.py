"""What charts are made of: themes, axes, curves with names at their ends, lines of time.

Pure functions from numbers to parts of Plotly figures as plain dictionaries.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Figure = dict[str, Any]
Series = tuple[Sequence[int], Sequence[float | None]]
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
NAMES = {"prior": "prior", "before": "before ODR", "after": "after ODR", "student": "student"}
MAX_CURVE_POINTS = 800  # more than the chart has pixels
PHASES = ("offset loss", "ODR")  # parts of the method that join during a run
LABEL_GAP = 0.13  # share of an axis between the labels of two curves


@dataclass(frozen=True, kw_only=True, slots=True)
class Theme:
    """Colours of one theme; the same as the custom properties in assets/style.css."""

    text: str
    quiet: str
    line: str
    panel: str
    prior: str
    before: str
    after: str
    student: str
    target: str
    semantic: str
    truth: str
    unassigned: str
    fewer: str  # than uniform, on the maps of directions
    more: str
    danger: str


THEMES = {
    "dark": Theme(
        text="#e6eaf0",
        quiet="#9aa5b1",
        line="#232a33",
        panel="#141920",
        prior="#e69f00",
        before="#56b4e9",
        after="#009e73",
        student="#cc79a7",
        target="#f0e442",
        semantic="#a78bfa",
        truth="#d55e00",
        unassigned="#6b7682",
        fewer="#6678e0",
        more="#e5628c",
        danger="#ff8a80",
    ),
    "light": Theme(
        text="#1b222b",
        quiet="#5a6673",
        line="#dce1e7",
        panel="#ffffff",
        prior="#b97700",
        before="#1f83bd",
        after="#00805d",
        student="#b0558a",
        target="#8f8200",
        semantic="#6d4fc4",
        truth="#c04f00",
        unassigned="#8a94a0",
        fewer="#4155c4",
        more="#c2356a",
        danger="#b42318",
    ),
}


def theme_of(name: str | None) -> Theme:
    return THEMES.get(name or "dark", THEMES["dark"])


def nice_ceiling(value: float) -> float:
    """The next round number from 1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten."""
    if not math.isfinite(value) or value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    steps = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
    return next(step * power for step in steps if step * power >= value * (1 - 1e-9))


def thinned(series: Series, num: int = MAX_CURVE_POINTS) -> tuple[list[int], list[float | None]]:
    """At most about `num` points: of each stretch its smallest, largest and last value."""
    steps, values = list(series[0]), list(series[1])
    if len(steps) <= num:
        return steps, values
    number = np.array(values, dtype=float)  # a gap becomes nan
    width = math.ceil(3 * len(steps) / num)
    picks = {0, len(steps) - 1}
    for start in range(0, len(steps), width):
        stretch = number[start : start + width]
        low, high = (
            np.where(np.isnan(stretch), np.inf, stretch),
            np.nan_to_num(stretch, nan=-np.inf),
        )
        picks |= {start + int(low.argmin()), start + int(high.argmax()), start + len(stretch) - 1}
    rows = sorted(picks)
    return [steps[row] for row in rows], [values[row] for row in rows]


def table_shares(table: Sequence[float], edges: Sequence[float]) -> list[float]:
    """Share of a distribution in each bin, from its values at evenly spaced levels 0 to 1."""
    values, last = np.unique(np.asarray(table)[::-1], return_index=True)
    levels = (len(table) - 1 - last) / (len(table) - 1)
    below = np.interp(edges, values, levels, left=0.0, right=1.0)
    below[0] = 0.0  # an atom at the lower end belongs to the first bin
    return np.diff(below).round(6).tolist()


def base_layout(theme: Theme, margin: dict[str, int]) -> Figure:
    return {
        "autosize": True,
        "margin": margin,
        "showlegend": False,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 11, "color": theme.quiet},
        "hoverlabel": {
            "bgcolor": theme.panel,
            "bordercolor": theme.line,
            "font": {"family": FONT, "size": 11, "color": theme.text},
        },
        "dragmode": False,
    }


def axis_style(
    theme: Theme, span: list[float], *, title: str = "", grid: bool = False, **more: Any
):
    return {
        "range": span,
        "fixedrange": True,
        "title": {"text": title, "standoff": 4, "font": {"size": 11}},
        "showgrid": grid,
        "gridcolor": theme.line,
        "zeroline": False,
        "showline": not grid,
        "linecolor": theme.line,
        "ticks": "",
        "automargin": False,
        **more,
    }


def outline(
    edges: list[float], shares: Sequence[float], colour: str, name: str, *, fill: float = 0.0
) -> Figure:
    """A histogram as an outline, so that three of them can lie on each other."""
    trace: Figure = {
        "type": "scatter",
        "mode": "lines",
        "x": edges,
        "y": [*shares, shares[-1]],
        "line": {"shape": "hv", "width": 1.5, "color": colour},
        "name": name,
        "hovertemplate": f"{name}: %{{y:.2p}} from %{{x:.2f}}<extra></extra>",
    }
    if fill:
        trace |= {"fill": "tozeroy", "fillcolor": faded(colour, fill)}
    return trace


def dashed(trace: Figure) -> Figure:
    """A line as a thin dashed one: what something is held against."""
    return trace | {"line": {**trace["line"], "width": 1, "dash": "dash"}}


def curve_trace(series: Series, name: str, colour: str) -> Figure:
    steps, values = series
    return {
        "type": "scatter",
        "mode": "lines",
        "x": steps,
        "y": values,
        "line": {"width": 1.5, "color": colour},
        "name": name,
        "hovertemplate": f"{name} %{{y:.3~g}}<extra></extra>",
    }


def curve_labels(
    rows: Sequence[tuple[Series, str, str]], top: float, axis: str, gap: float = LABEL_GAP
) -> list[Figure]:
    """Names at the newest point of the curves, moved apart where they would touch."""
    ends = sorted((last_value(series) / top, name, colour) for series, name, colour in rows)
    last_step = max((series[0][-1] for series, _, _ in rows if series[0]), default=0)
    heights: list[float] = []
    for height, _, _ in ends:
        heights.append(max(min(height, 1.0), heights[-1] + gap if heights else 0.0))
    ceiling = 1.0
    for row in reversed(range(len(heights))):  # those that were pushed over the top come down
        heights[row] = min(heights[row], ceiling)
        ceiling = heights[row] - gap
    return [
        {
            "xref": "x",
            "yref": axis,
            "x": last_step,
            "y": height * top,
            "xanchor": "left",
            "xshift": 6,
            "showarrow": False,
            "text": name,
            "font": {"color": colour, "size": 11},
        }
        for height, (_, name, colour) in zip(heights, ends, strict=True)
    ]


def mark_lines(marks: Sequence[tuple[int, str]], theme: Theme) -> list[Figure]:
    colours = {"resume": theme.text, "warning": theme.prior, "mark": theme.quiet}
    colours |= {"alarm": theme.danger, "edit": theme.semantic}
    colours |= dict.fromkeys(PHASES, theme.quiet)
    return [
        line_shape(colours[kind], x=(step, step), y=(0, 1), xref="x", yref="paper", dash="dot")
        for step, kind in marks
        if kind in colours
    ]


def time_line(step: int, theme: Theme, shown: bool) -> Figure:
    line = line_shape(theme.text, x=(step, step), y=(0, 1), xref="x", yref="paper", dash="solid")
    return line | {"opacity": 0.65, "visible": shown}


def line_shape(
    colour: str, *, x: tuple, y: tuple, xref: str, yref: str, dash: str = "dot"
) -> Figure:
    return {
        "type": "line",
        "x0": x[0],
        "x1": x[1],
        "y0": y[0],
        "y1": y[1],
        "xref": xref,
        "yref": yref,
        "line": {"color": colour, "width": 1, "dash": dash},
    }


def faded(colour: str, share: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"


def largest_value(rows: Any) -> float:
    return max((v for _, values in rows for v in values if v is not None), default=0.0)


def last_value(series: Series) -> float:
    return next((value for value in reversed(series[1]) if value is not None), 0.0)
