"""Charts of the offsets' directions at one frame: axis by axis, and on the sphere."""

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
    outline,
    table_shares,
)

SPHERE_KEYS = ("sphere_before", "sphere_after")
SPHERE_ROWS, SPHERE_COLUMNS = 12, 24  # bands of equal width in z; azimuths from -pi
SPHERE_SPAN = 2.0  # doublings and halvings of the uniform share that the colours tell apart
DIRECTION_TOP = 3.0  # a direction axis ends at this many times the uniform share


def directions(
    odr: Mapping[str, Any], theme: Theme, prior: Sequence[Sequence[float]] | None = None
) -> Figure:
    """Components of the offsets' unit vectors, each axis alone.

    Args:
        odr: Statistics of the frame.
        theme: Colours.
        prior: Where ODR maps the axes onto measured tables: of x, y and z the values at evenly
            spaced levels from 0 to 1. Without it ODR maps them onto uniform ones.
    """
    traces: list[Figure] = []
    layout = base_layout(theme, margin={"l": 12, "r": 12, "t": 4, "b": 32})
    layout |= {"uirevision": "directions", "shapes": []}
    for number, axis_name in enumerate("xyz"):
        before, after = odr["direction_before"][number], odr["direction_after"][number]
        edges = [-1 + 2 * i / len(before) for i in range(len(before) + 1)]
        suffix = "" if number == 0 else str(number + 1)
        where = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        uniform = 1 / len(before)
        wanted = [uniform] * len(before) if prior is None else table_shares(prior[number], edges)
        traces += [
            dashed(outline(edges, wanted, theme.prior, "wanted")) | where,
            outline(edges, before, theme.before, "before ODR") | where,
            outline(edges, after, theme.after, "after ODR") | where,
        ]
        layout[f"xaxis{suffix}"] = axis_style(
            theme,
            [-1, 1],
            title=f"along {axis_name}",
            tickvals=[-1, 0, 1],
            domain=[0.36 * number, 0.36 * number + 0.28],
            anchor=f"y{suffix}",
        )
        layout[f"yaxis{suffix}"] = axis_style(
            theme,
            [0, DIRECTION_TOP * uniform],
            showticklabels=False,
            showline=False,
            anchor=f"x{suffix}",
        )
    return {"data": traces, "layout": layout}


def sphere(odr: Mapping[str, Any], theme: Theme) -> Figure:
    """Where offsets point, before and after ODR, in bins of equal area; 1 = all alike.

    The statistics must hold SPHERE_KEYS. A map of z over azimuth has equal areas everywhere
    (Archimedes), so a bin's colour is its share over the uniform share.
    """
    layout = base_layout(theme, margin={"l": 30, "r": 44, "t": 18, "b": 30})
    layout |= {"uirevision": "sphere", "annotations": []}
    traces: list[Figure] = []
    for number, key in enumerate(SPHERE_KEYS):
        suffix = "" if number == 0 else "2"
        shares = np.asarray(odr[key], float).reshape(SPHERE_ROWS, SPHERE_COLUMNS)
        ratio = shares * shares.size
        with np.errstate(divide="ignore"):
            height = np.clip(np.log2(ratio), -SPHERE_SPAN, SPHERE_SPAN)
        traces.append(
            {
                "type": "heatmap",
                "x0": -180 + 180 / SPHERE_COLUMNS,
                "dx": 360 / SPHERE_COLUMNS,
                "y0": -1 + 1 / SPHERE_ROWS,
                "dy": 2 / SPHERE_ROWS,
                "z": height.round(3).tolist(),
                "customdata": ratio.round(3).tolist(),
                "zmin": -SPHERE_SPAN,
                "zmax": SPHERE_SPAN,
                "colorscale": uniformity_scale(theme),
                "showscale": number == 1,
                "colorbar": {
                    "thickness": 7,
                    "len": 1.08,
                    "x": 1.02,
                    "outlinewidth": 0,
                    "ticks": "",
                    "tickvals": [-2, -1, 0, 1, 2],
                    "ticktext": ["¼", "½", "1", "2", "4×"],
                    "tickfont": {"size": 11},
                },
                "name": NAMES[key.removeprefix("sphere_")],
                "hovertemplate": "%{customdata:.2~f} × uniform, azimuth %{x:.0f}°, "
                "z %{y:.2f}<extra></extra>",
                "xaxis": f"x{suffix}",
                "yaxis": f"y{suffix}",
            }
        )
        layout[f"xaxis{suffix}"] = axis_style(
            theme,
            [-180, 180],
            title="azimuth (°)",
            tickvals=[-90, 0, 90],
            domain=[0.52 * number, 0.52 * number + 0.48],
            anchor=f"y{suffix}",
            showline=False,
        )
        layout[f"yaxis{suffix}"] = axis_style(
            theme,
            [-1, 1],
            tickvals=[-1, 0, 1],
            ticktext=["down", "level", "up"] if number == 0 else ["", "", ""],
            anchor=f"x{suffix}",
            showline=False,
        )
        layout["annotations"].append(_above(NAMES[key.removeprefix("sphere_")], number, theme, key))
    return {"data": traces, "layout": layout}


def uniformity_scale(theme: Theme) -> list[list[Any]]:
    """Fewer than uniform to more: two hues that no quantity has, grey where both agree."""
    return [[0, theme.fewer], [0.5, theme.line], [1, theme.more]]


def unevenness(odr: Mapping[str, Any]) -> tuple[float, float]:
    """Chi-squared over n of the bins of equal area before and after ODR; 0 = uniform.

    The mean over the bins of (share / uniform share - 1)^2. n offsets that are uniform have about
    the number of bins over n of it by chance.
    """
    before, after = (
        float(((np.asarray(odr[key], float) * len(odr[key]) - 1) ** 2).mean())
        for key in SPHERE_KEYS
    )
    return before, after


def _above(text: str, number: int, theme: Theme, key: str) -> Figure:
    return {
        "xref": "paper",
        "yref": "paper",
        "x": 0.52 * number,
        "y": 1,
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        "text": text,
        "font": {"color": getattr(theme, key.removeprefix("sphere_")), "size": 11},
    }
