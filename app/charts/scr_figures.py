"""Charts of SCR at one frame. Pure functions from the frame's statistics to Plotly figures.

The browser isolates what is clicked: a bar of `segments` carries its segment, and the bars of
`sizes` are pseudo-instances by falling size.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from app.charts.parts import Figure, Theme, axis_style, base_layout, faded, nice_ceiling
from app.pictures.palette import CATEGORICAL

MAX_SIZES = 40  # bars


def most_cells(stats: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """Cells of the largest segment and of the largest pseudo-instance that any frame has.

    The axes end there, so that they stay while the time cursor moves.
    """
    parts = [row.get("scr") or {} for row in stats]
    segment = max((s["cells"] for part in parts for s in part.get("segments", ())), default=1)
    return segment, max((size for part in parts for size in part.get("sizes", ())), default=1)


def segments(scr: Mapping[str, Any], theme: Theme, most: int) -> Figure:
    """Cells of each K-means segment: in its largest pseudo-instance, in others, in none.

    Args:
        scr: Statistics of the frame.
        theme: Colours.
        most: Cells of the largest segment of any frame (`most_cells`).
    """
    rows = sorted(scr["segments"], key=lambda row: row["segment"])
    number = [row["segment"] for row in rows]
    largest = [round(row["largest_share"] * row["cells"]) for row in rows]
    kept = [row["kept"] for row in rows]
    parts = (
        ("largest", largest, theme.target),
        (
            "in others",
            [k - one for k, one in zip(kept, largest, strict=True)],
            faded(theme.target, 0.45),
        ),
        ("in none", [row["cells"] - row["kept"] for row in rows], faded(theme.unassigned, 0.5)),
    )
    told = [
        [row["segment"], row["cells"], row["components"], row["largest_share"], row["kept"]]
        for row in rows
    ]
    hover = (
        "segment %{customdata[0]}: %{customdata[1]:,} cells<br>%{customdata[2]} pseudo-instances, "
        "the largest has %{customdata[3]:.0%}<br>%{customdata[4]:,} cells kept<extra></extra>"
    )
    top = nice_ceiling(1.12 * most)
    bars = [
        {
            "type": "bar",
            "x": number,
            "y": values,
            "name": name,
            "marker": {"color": colour, "line": {"width": 0}},
            "customdata": told,
            "hovertemplate": hover,
        }
        for name, values, colour in parts
    ]
    bars[-1] |= {
        "text": [str(row["components"]) for row in rows],
        "textposition": "outside",
        "textangle": 0,
        "cliponaxis": False,
        "textfont": {"size": 10, "color": theme.quiet},
    }
    layout = base_layout(theme, margin={"l": 42, "r": 8, "t": 8, "b": 38}) | {
        "uirevision": "segments",
        "barmode": "stack",
        "bargap": 0.35,
        "hovermode": "closest",
        "xaxis": axis_style(
            theme,
            [-0.7, scr["num_segments"] - 0.3],
            title=f"K-means segment, K = {scr['num_segments']}",
            dtick=max(round(scr["num_segments"] / 10), 1),
            tick0=0,
            showline=False,
            ticklabelstandoff=7,
        ),
        "yaxis": axis_style(theme, [0, top], grid=True, nticks=4, title="cells"),
        "shapes": [_swatch(segment) for segment in number],
    }
    return {"data": bars, "layout": layout}


def _swatch(segment: int) -> Figure:
    """The colour of a segment in the viewport, below its bar."""
    return {
        "type": "rect",
        "xref": "x",
        "yref": "paper",
        "x0": segment - 0.32,
        "x1": segment + 0.32,
        "y0": -0.065,
        "y1": -0.025,
        "line": {"width": 0},
        "fillcolor": CATEGORICAL[segment % len(CATEGORICAL)],
    }


def sizes(scr: Mapping[str, Any], theme: Theme, most: int) -> Figure:
    """Cells of the pseudo-instances, largest first; `most` is that of any frame."""
    values = sorted(scr["sizes"], reverse=True)[:MAX_SIZES]
    ranks = list(range(1, len(values) + 1))
    layout = base_layout(theme, margin={"l": 42, "r": 8, "t": 6, "b": 34}) | {
        "uirevision": "sizes",
        "bargap": 0.5,
        "xaxis": axis_style(
            theme, [0.4, max(len(values), 8) + 0.6], title="pseudo-instance, by size", nticks=6
        ),
        "yaxis": axis_style(theme, [0, nice_ceiling(most)], grid=True, nticks=3, title="cells"),
    }
    bars = {
        "type": "bar",
        "x": ranks,
        "y": values,
        "name": "sizes",
        "marker": {"color": theme.target, "line": {"width": 0}},
        "hovertemplate": "%{y:,} cells<extra></extra>",
    }
    return {"data": [bars], "layout": layout}
