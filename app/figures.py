"""Charts: pure functions from numbers to Plotly figures as plain dictionaries.

All traces are SVG: the page's one WebGL context belongs to the viewport. Axis ranges are fixed or
grow in round steps, so nothing jumps while a run is live. No text of a run enters a figure.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.chart_parts import (
    PHASES,
    Figure,
    Series,
    Theme,
    axis_style,
    base_layout,
    curve_labels,
    curve_trace,
    largest_value,
    line_shape,
    mark_lines,
    nice_ceiling,
    outline,
    thinned,
    time_line,
)

DIRECTION_TOP = 3.0  # a direction axis ends at this many times the uniform share
MAX_SIZES = 40  # bars
CURVE_KEYS = ("loss/total", "loss/semantic", "loss/offset", "odr/w1_before_m")


def odr_magnitude(odr: Mapping[str, Any], theme: Theme) -> Figure:
    """Offset lengths in metres: the prior, the teacher before ODR, and after it; same bins."""
    num, high = odr["num_bins"], odr["max_m"]
    edges = [high * i / num for i in range(num + 1)]
    top = nice_ceiling(2 * max(odr["prior"]))
    traces = [
        outline(edges, odr["prior"], theme.prior, "prior", fill=0.22),
        outline(edges, odr["before"], theme.before, "before ODR"),
        outline(edges, odr["after"], theme.after, "after ODR"),
    ]
    layout = base_layout(theme, margin={"l": 38, "r": 8, "t": 6, "b": 34})
    layout |= {
        "uirevision": "magnitude",
        "xaxis": axis_style(theme, [0, high], title="offset length (m)", nticks=5),
        "yaxis": axis_style(theme, [0, top], grid=True, nticks=4, tickformat=".0%"),
        "annotations": [
            _cut_label(odr[name], edges, top, colour, row)
            for row, (name, colour) in enumerate((("before", theme.before), ("after", theme.after)))
            if max(odr[name]) > top
        ],
    }
    return {"data": traces, "layout": layout}


def odr_directions(odr: Mapping[str, Any], theme: Theme) -> Figure:
    """Components of the offsets' unit vectors; on the sphere each axis alone is uniform."""
    traces: list[Figure] = []
    layout = base_layout(theme, margin={"l": 12, "r": 12, "t": 4, "b": 32})
    layout |= {"uirevision": "directions", "shapes": []}
    for number, axis_name in enumerate("xyz"):
        before, after = odr["direction_before"][number], odr["direction_after"][number]
        edges = [-1 + 2 * i / len(before) for i in range(len(before) + 1)]
        suffix = "" if number == 0 else str(number + 1)
        where = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        uniform = 1 / len(before)
        traces += [
            outline(edges, before, theme.before, "before ODR") | where,
            outline(edges, after, theme.after, "after ODR") | where,
        ]
        domain = [0.36 * number, 0.36 * number + 0.28]
        layout[f"xaxis{suffix}"] = axis_style(
            theme,
            [-1, 1],
            title=f"along {axis_name}",
            tickvals=[-1, 0, 1],
            domain=domain,
            anchor=f"y{suffix}",
        )
        layout[f"yaxis{suffix}"] = axis_style(
            theme,
            [0, DIRECTION_TOP * uniform],
            showticklabels=False,
            showline=False,
            anchor=f"x{suffix}",
        )
        layout["shapes"].append(
            line_shape(
                theme.prior, x=(-1, 1), y=(uniform, uniform), xref=f"x{suffix}", yref=f"y{suffix}"
            )
        )
    return {"data": traces, "layout": layout}


def scr_sizes(scr: Mapping[str, Any], theme: Theme) -> Figure:
    """Cells of the pseudo-instances, largest first."""
    sizes = sorted(scr["sizes"], reverse=True)[:MAX_SIZES]
    ranks = list(range(1, len(sizes) + 1))
    layout = base_layout(theme, margin={"l": 38, "r": 8, "t": 6, "b": 32}) | {
        "uirevision": "sizes",
        "bargap": 0.5,
        "xaxis": axis_style(
            theme, [0.4, max(len(sizes), 8) + 0.6], title="pseudo-instance, by size", nticks=6
        ),
        "yaxis": axis_style(
            theme, [0, nice_ceiling(max(sizes, default=1))], grid=True, nticks=3, title="cells"
        ),
    }
    bars = {
        "type": "bar",
        "x": ranks,
        "y": sizes,
        "marker": {"color": theme.target, "line": {"width": 0}},
        "hovertemplate": "%{y} cells<extra></extra>",
    }
    return {"data": [bars], "layout": layout}


def curves(
    scalars: Mapping[str, Series],
    marks: Sequence[tuple[int, str]],
    *,
    total_steps: int,
    cursor: int | None,
    theme: Theme,
) -> Figure:
    """Losses over the steps, and below them the teacher's distance to the prior.

    Args:
        scalars: Steps and values by key.
        marks: Steps with a kind: `checkpoint`, `resume`, `warning`, `mark`, `alarm`, or a name of
            PHASES.
        total_steps: End of the step axis.
        cursor: Step that the viewport shows; the first shape, moved by the browser from then on.
        theme: Colours.
    """
    losses = (
        ("loss/total", "total", theme.text),
        ("loss/semantic", "semantic", theme.semantic),
        ("loss/offset", "offset", theme.student),
    )
    drawn = {key: thinned(scalars[key]) for key in CURVE_KEYS if key in scalars}
    known = [(drawn[key], name, colour) for key, name, colour in losses if key in drawn]
    distance = drawn.get("odr/w1_before_m")
    traces = [curve_trace(series, name, colour) for series, name, colour in known]
    top = nice_ceiling(largest_value(series for series, _, _ in known))
    layout = base_layout(theme, margin={"l": 38, "r": 62, "t": 8, "b": 34})
    layout |= {
        "uirevision": "curves",
        "hovermode": "x",
        "xaxis": axis_style(theme, [0, total_steps], title="step", nticks=5, anchor="y2"),
        "yaxis": axis_style(theme, [0, top], grid=True, nticks=4, domain=[0.40, 1.0]),
        "yaxis2": axis_style(theme, [0, 1], domain=[0.0, 0.28], showticklabels=False, anchor="x"),
        "shapes": [time_line(cursor or 0, theme, cursor is not None), *mark_lines(marks, theme)],
        "annotations": [*curve_labels(known, top, "y"), *_phase_labels(marks, theme)],
    }
    if distance is not None:
        high = nice_ceiling(largest_value([distance]))
        traces.append(curve_trace(distance, "W₁ to prior", theme.before) | {"yaxis": "y2"})
        layout["yaxis2"] = axis_style(
            theme, [0, high], grid=True, nticks=3, domain=[0.0, 0.28], anchor="x", title="m"
        )
        layout["annotations"] += curve_labels([(distance, "W₁", theme.before)], high, "y2")
    checkpoints = [step for step, kind in marks if kind == "checkpoint"]
    traces.append(_checkpoint_trace(checkpoints, theme))
    return {"data": traces, "layout": layout}


def _checkpoint_trace(steps: Sequence[int], theme: Theme) -> Figure:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": list(steps),
        "y": [0] * len(steps),
        "marker": {
            "symbol": "line-ns-open",
            "size": 7,
            "color": theme.quiet,
            "line": {"width": 1.5},
        },
        "cliponaxis": False,
        "name": "checkpoint",
        "hovertemplate": "checkpoint<extra></extra>",
    }


def _phase_labels(marks: Sequence[tuple[int, str]], theme: Theme) -> list[Figure]:
    return [
        {
            "x": step,
            "yref": "paper",
            "y": 1.0,
            "xanchor": "left",
            "yanchor": "top",
            "xshift": 3,
            "showarrow": False,
            "text": kind,
            "font": {"color": theme.quiet, "size": 11},
        }
        for step, kind in marks
        if kind in PHASES
    ]


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
