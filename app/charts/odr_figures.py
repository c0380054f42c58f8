"""Charts of offset lengths at one frame. Pure functions from its statistics to Plotly figures.

Lengths have one x axis for all series of a run, in metres; the last trace of a chart of lengths is
empty and called `selection`: the browser fills it with the points that somebody picked. What it
needs for that lies in the layout's `meta`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.charts.parts import (
    NAMES,
    Figure,
    Theme,
    axis_style,
    base_layout,
    dashed,
    faded,
    line_shape,
    nice_ceiling,
    outline,
)

VIEWS = ("density", "cdf", "qq", "map")
SLOPE_SPAN = 1.3  # powers of ten, up and down
SLOPE_WINDOW = 1 / 200  # of the axis: lengths nearer than this have no slope between them
MARGIN = {"l": 42, "r": 10, "t": 8, "b": 34}


def lengths(odr: Mapping[str, Any], view: str, theme: Theme) -> Figure:
    """Offset lengths against the prior, as one of VIEWS; what is not one counts as the first."""
    draw = {"cdf": _cdf, "qq": _qq, "map": _map}.get(view, _density)
    data, layout = draw(odr, theme)
    layout = base_layout(theme, margin=MARGIN) | layout
    layout["uirevision"] = f"lengths-{view}"
    layout["meta"] = {
        "view": view if view in VIEWS else VIEWS[0],
        "max_m": odr["max_m"],
        "num_bins": odr["num_bins"],
        "prior": odr["quantiles"]["prior"],
    }
    return {"data": [*data, _selection(view, theme)], "layout": layout}


def _selection(view: str, theme: Theme) -> Figure:
    """The trace that the browser fills."""
    trace: Figure = {
        "type": "scatter",
        "mode": "markers+text" if view == "map" else "lines",
        "x": [],
        "y": [],
        "name": "selection",
        "hovertemplate": "selection: %{y:.3~g} at %{x:.2f} m<extra></extra>",
        "line": {"width": 2, "color": theme.text, "shape": "hv" if view == "density" else "linear"},
    }
    if view == "map":
        trace |= {
            "marker": {"size": 7, "color": theme.text, "line": {"width": 1, "color": theme.panel}},
            "textfont": {"size": 11, "color": theme.text},
            "textposition": "middle right",
            "hovertemplate": "selected: %{x:.2f} m → %{y:.2f} m<extra></extra>",
        }
    return trace


def _brushed(theme: Theme) -> Figure:
    """A chart whose x axis can be brushed with the mouse."""
    return {
        "dragmode": "select",
        "selectdirection": "h",
        "newselection": {"line": {"color": theme.text, "width": 1, "dash": "dot"}},
        "activeselection": {"fillcolor": theme.text, "opacity": 0.12},
    }


def _density(odr: Mapping[str, Any], theme: Theme) -> tuple[list[Figure], Figure]:
    """Share of the offsets in each bin; the last bin takes all that is longer."""
    num, high = odr["num_bins"], odr["max_m"]
    edges = [high * i / num for i in range(num + 1)]
    top = min(nice_ceiling(3 * max(odr["prior"])), 1.0)
    known = [name for name in NAMES if name in odr]
    data = [
        outline(
            edges,
            odr[name],
            getattr(theme, name),
            NAMES[name],
            fill=0.22 if name == "prior" else 0.0,
        )
        for name in known
    ]
    cut = [name for name in known if max(odr[name]) > top]
    layout = _brushed(theme) | {
        "xaxis": axis_style(theme, [0, high], title="offset length (m)", nticks=5),
        "yaxis": axis_style(theme, [0, top], grid=True, nticks=4, tickformat=".0%"),
        "annotations": [
            _cut_label(odr[name], edges, top, getattr(theme, name), row)
            | {"bgcolor": faded(theme.panel, 0.75)}
            for row, name in enumerate(cut)
        ],
    }
    return data, layout


def _cdf(odr: Mapping[str, Any], theme: Theme) -> tuple[list[Figure], Figure]:
    """Share of the offsets up to a length, from the stored quantiles."""
    quantiles = odr["quantiles"]
    levels = levels_of(len(quantiles["prior"]))
    data = []
    for name, label in NAMES.items():
        if name not in quantiles:
            continue
        hover = f"{label}: %{{y:.0%}} up to %{{x:.2f}} m<extra></extra>"
        line = _line(quantiles[name], levels, getattr(theme, name), label, hover)
        data.append(line | ({"line": _prior_line(theme)} if name == "prior" else {}))
    layout = _brushed(theme) | {
        "xaxis": axis_style(
            theme, [0, odr["max_m"]], title="up to this offset length (m)", nticks=5
        ),
        "yaxis": axis_style(theme, [0, 1.02], grid=True, nticks=4, tickformat=".0%"),
    }
    return data, layout


def _qq(odr: Mapping[str, Any], theme: Theme) -> tuple[list[Figure], Figure]:
    """Quantiles against those of the prior: on the diagonal both agree."""
    quantiles, high = odr["quantiles"], odr["max_m"]
    prior = quantiles["prior"]
    data = [_diagonal(high, theme, "prior")]
    for name in ("before", "after", "student"):
        if name in quantiles:
            hover = f"{NAMES[name]}: %{{y:.2f}} m where the prior has %{{x:.2f}} m<extra></extra>"
            colour = getattr(theme, name)
            data.append(_line(prior, quantiles[name], colour, NAMES[name], hover))
    layout = {
        "xaxis": axis_style(theme, [0, high], title="quantile of the prior (m)", nticks=5),
        "yaxis": axis_style(theme, [0, high], grid=True, nticks=5, title="quantile (m)"),
    }
    return data, layout


def _map(odr: Mapping[str, Any], theme: Theme) -> tuple[list[Figure], Figure]:
    """What ODR does to a length, and how steeply: above 1 it pulls lengths apart.

    Source:
        The probability integral transform of PointINS Sec. 3.2, Eq. 2: M to F^-1(u(M)), drawn
        through the quantiles before and after it.
    """
    high = odr["max_m"]
    before, after = odr["quantiles"]["before"], odr["quantiles"]["after"]
    middles, slopes = slopes_of(before, after, SLOPE_WINDOW * high)
    hover = "%{x:.2f} m → %{y:.2f} m<extra></extra>"
    steep = "slope %{customdata:.2~f} at %{x:.2f} m<extra></extra>"
    bounded = np.clip(slopes, 10**-SLOPE_SPAN, 10**SLOPE_SPAN).tolist()
    slope = _line(middles, bounded, theme.after, "slope", steep)
    data = [
        _diagonal(high, theme, "unchanged"),
        _line(before, after, theme.after, "after ODR", hover),
        slope | {"customdata": slopes, "yaxis": "y2", "line": {"width": 1, "color": theme.after}},
    ]
    layout = _brushed(theme) | {
        "xaxis": axis_style(theme, [0, high], title="length before ODR (m)", nticks=5, anchor="y2"),
        "yaxis": axis_style(
            theme, [0, high], grid=True, nticks=4, title="after ODR (m)", domain=[0.36, 1]
        ),
        "yaxis2": axis_style(
            theme,
            [-SLOPE_SPAN, SLOPE_SPAN],
            type="log",
            grid=True,
            title="slope",
            tickvals=[0.1, 1, 10],
            ticktext=["0.1", "1", "10"],
            domain=[0, 0.26],
            anchor="x",
        ),
        "shapes": [line_shape(theme.quiet, x=(0, high), y=(1, 1), xref="x", yref="y2")],
    }
    return data, layout


def levels_of(count: int) -> list[float]:
    """Levels of `count` stored quantiles: (k - 0.5) / count."""
    return [round((k + 0.5) / count, 6) for k in range(count)]


def slopes_of(
    before: Sequence[float], after: Sequence[float], least: float
) -> tuple[list[float], list[float]]:
    """Lengths before ODR, and how far ODR moves two lengths apart there; 1 leaves them.

    Neighbours are taken together until they are `least` metres apart.
    """
    middles, slopes, last = [], [], 0
    for k in range(1, len(before)):
        step = before[k] - before[last]
        if step < least:
            continue
        middles.append(round((before[k] + before[last]) / 2, 5))
        slopes.append(round((after[k] - after[last]) / step, 4))
        last = k
    return middles, slopes


# -- parts --------------------------------------------------------------------------------------


def _line(x: Sequence[float], y: Sequence[float], colour: str, name: str, hover: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": list(x),
        "y": list(y),
        "line": {"width": 1.5, "color": colour},
        "name": name,
        "hovertemplate": hover,
    }


def _prior_line(theme: Theme) -> Figure:
    return {"width": 3, "color": theme.prior}


def _diagonal(high: float, theme: Theme, name: str) -> Figure:
    colour = theme.prior if name == "prior" else theme.quiet
    return dashed(_line([0, high], [0, high], colour, name, "<extra></extra>")) | {
        "hoverinfo": "skip"
    }


def _cut_label(
    shares: Sequence[float], edges: list[float], top: float, colour: str, row: int
) -> Figure:
    """Says how high a bin goes that the axis cuts off."""
    peak = max(range(len(shares)), key=shares.__getitem__)
    return {
        "x": edges[peak + 1],
        "y": top,
        "xanchor": "left",
        "xshift": 4,
        "yshift": -14 * row,
        "yanchor": "top",
        "showarrow": False,
        "text": f"↑ {100 * shares[peak]:.0f} %",
        "font": {"color": colour, "size": 11},
    }
