"""Charts: pure functions from numbers to Plotly figures as plain dictionaries.

All traces are SVG: the page's one WebGL context belongs to the viewport. Axis ranges are fixed or
grow in round steps, so nothing jumps while a run is live. No text of a run enters a figure.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Figure = dict[str, Any]
Series = tuple[Sequence[int], Sequence[float | None]]

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
MAX_CURVE_POINTS = 800  # more than the chart has pixels
DIRECTION_TOP = 3.0  # a direction axis ends at this many times the uniform share
MAX_SIZES = 40  # bars
PHASES = ("offset loss", "ODR")  # parts of the method that join during a run
CURVE_KEYS = ("loss/total", "loss/semantic", "loss/offset", "odr/w1_before_m")
LABEL_GAP = 0.13  # share of an axis between the labels of two curves


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """A small chart of the health card: curves of one unit on the axis of the steps."""

    title: str
    unit: str = ""
    top: float | None = None  # of the axis; None = grows in round steps
    curves: tuple[tuple[str, str, str], ...]  # key, name, field of Theme
    reference: str | None = None  # key of a dotted line to compare with
    is_stacked: bool = False


HEALTH_PANELS = (
    Panel(
        title="Probe",
        top=1,
        curves=(
            ("probe/nn_accuracy", "class", "semantic"),
            ("probe/ap50", "AP50", "target"),
            ("probe/cosine", "cosine", "student"),
        ),
        reference="probe/chance",
    ),
    Panel(
        title="Probe: votes to true centroids",
        unit="m",
        curves=(("probe/centroid_error_m", "error", "student"),),
        reference="probe/zero_error_m",
    ),
    Panel(
        title="Collapse: prototypes",
        unit="nats",
        curves=(
            ("collapse/prototype_entropy", "entropy", "semantic"),
            ("collapse/prior_kl", "to Zipf", "prior"),
        ),
    ),
    Panel(
        title="Collapse: effective rank of the features",
        curves=(("collapse/effective_rank", "rank", "semantic"),),
    ),
    Panel(
        title="ODR: distance to the prior, offsets at zero",
        top=1,
        curves=(
            ("odr/ks_before", "KS before", "before"),
            ("odr/ks_after", "KS after", "after"),
            ("odr/zero_share", "zero", "quiet"),
        ),
    ),
    Panel(
        title="SCR: shares of cells",
        top=1,
        curves=(
            ("scr/kept_share", "grouped", "target"),
            ("scr/largest_share", "largest", "text"),
            ("scr/view_share", "of a view", "quiet"),
        ),
    ),
    Panel(
        title="Time of a step",
        unit="s",
        curves=(
            ("time/data_s", "waiting", "danger"),
            ("time/student_s", "student", "student"),
            ("time/teacher_s", "teacher", "before"),
            ("time/targets_s", "targets", "target"),
            ("time/loss_s", "loss", "text"),
            ("time/optimizer_s", "optimiser", "semantic"),
            ("time/ema_s", "EMA", "quiet"),
        ),
        is_stacked=True,
    ),
)
HEALTH_KEYS = tuple(
    key
    for panel in HEALTH_PANELS
    for key in (*(curve[0] for curve in panel.curves), panel.reference)
    if key is not None
)
PANEL_GAP = 0.38  # of a panel's height, for the title of the one below it
PANEL_LABEL_GAP = 0.21
LABELLED_SHARE = 0.1  # of a step that a stage takes to be named beside the chart


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
        danger="#b42318",
    ),
}


def theme_of(name: str | None) -> Theme:
    return THEMES.get(name or "dark", THEMES["dark"])


def odr_magnitude(odr: Mapping[str, Any], theme: Theme) -> Figure:
    """Offset lengths in metres: the prior, the teacher before ODR, and after it; same bins."""
    num, high = odr["num_bins"], odr["max_m"]
    edges = [high * i / num for i in range(num + 1)]
    top = nice_ceiling(2 * max(odr["prior"]))
    traces = [
        _steps(edges, odr["prior"], theme.prior, "prior", fill=0.22),
        _steps(edges, odr["before"], theme.before, "before ODR"),
        _steps(edges, odr["after"], theme.after, "after ODR"),
    ]
    layout = _layout(theme, margin={"l": 38, "r": 8, "t": 6, "b": 34})
    layout |= {
        "uirevision": "magnitude",
        "xaxis": _axis(theme, [0, high], title="offset length (m)", nticks=5),
        "yaxis": _axis(theme, [0, top], grid=True, nticks=4, tickformat=".0%"),
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
    layout = _layout(theme, margin={"l": 12, "r": 12, "t": 4, "b": 32})
    layout |= {"uirevision": "directions", "shapes": []}
    for number, axis_name in enumerate("xyz"):
        before, after = odr["direction_before"][number], odr["direction_after"][number]
        edges = [-1 + 2 * i / len(before) for i in range(len(before) + 1)]
        suffix = "" if number == 0 else str(number + 1)
        where = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        uniform = 1 / len(before)
        traces += [
            _steps(edges, before, theme.before, "before ODR") | where,
            _steps(edges, after, theme.after, "after ODR") | where,
        ]
        domain = [0.36 * number, 0.36 * number + 0.28]
        layout[f"xaxis{suffix}"] = _axis(
            theme,
            [-1, 1],
            title=f"along {axis_name}",
            tickvals=[-1, 0, 1],
            domain=domain,
            anchor=f"y{suffix}",
        )
        layout[f"yaxis{suffix}"] = _axis(
            theme,
            [0, DIRECTION_TOP * uniform],
            showticklabels=False,
            showline=False,
            anchor=f"x{suffix}",
        )
        layout["shapes"].append(
            _line(
                theme.prior, x=(-1, 1), y=(uniform, uniform), xref=f"x{suffix}", yref=f"y{suffix}"
            )
        )
    return {"data": traces, "layout": layout}


def scr_sizes(scr: Mapping[str, Any], theme: Theme) -> Figure:
    """Cells of the pseudo-instances, largest first."""
    sizes = sorted(scr["sizes"], reverse=True)[:MAX_SIZES]
    ranks = list(range(1, len(sizes) + 1))
    layout = _layout(theme, margin={"l": 38, "r": 8, "t": 6, "b": 32}) | {
        "uirevision": "sizes",
        "bargap": 0.5,
        "xaxis": _axis(
            theme, [0.4, max(len(sizes), 8) + 0.6], title="pseudo-instance, by size", nticks=6
        ),
        "yaxis": _axis(
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
    traces = [_curve(series, name, colour) for series, name, colour in known]
    top = nice_ceiling(_largest(series for series, _, _ in known))
    layout = _layout(theme, margin={"l": 38, "r": 62, "t": 8, "b": 34})
    layout |= {
        "uirevision": "curves",
        "hovermode": "x",
        "xaxis": _axis(theme, [0, total_steps], title="step", nticks=5, anchor="y2"),
        "yaxis": _axis(theme, [0, top], grid=True, nticks=4, domain=[0.40, 1.0]),
        "yaxis2": _axis(theme, [0, 1], domain=[0.0, 0.28], showticklabels=False, anchor="x"),
        "shapes": [_time_line(cursor or 0, theme, cursor is not None), *_mark_lines(marks, theme)],
        "annotations": [*_curve_labels(known, top, "y"), *_phase_labels(marks, theme)],
    }
    if distance is not None:
        high = nice_ceiling(_largest([distance]))
        traces.append(_curve(distance, "W₁ to prior", theme.before) | {"yaxis": "y2"})
        layout["yaxis2"] = _axis(
            theme, [0, high], grid=True, nticks=3, domain=[0.0, 0.28], anchor="x", title="m"
        )
        layout["annotations"] += _curve_labels([(distance, "W₁", theme.before)], high, "y2")
    checkpoints = [step for step, kind in marks if kind == "checkpoint"]
    traces.append(_checkpoint_trace(checkpoints, theme))
    return {"data": traces, "layout": layout}


def health(
    scalars: Mapping[str, Series],
    alarms: Sequence[int],
    *,
    total_steps: int,
    cursor: int | None,
    theme: Theme,
) -> Figure:
    """Small charts below each other, one a group of figures; those without a value are left out.

    Args:
        scalars: Steps and values by key.
        alarms: Steps at which an alarm was raised.
        total_steps: End of the step axis.
        cursor: Step that the viewport shows; the first shape, moved by the browser from then on.
        theme: Colours.
    """
    panels = [p for p in HEALTH_PANELS if any(key in scalars for key, _, _ in p.curves)]
    height = 1 / (len(panels) + PANEL_GAP * (len(panels) - 1)) if panels else 1.0
    layout = _layout(theme, margin={"l": 38, "r": 62, "t": 20, "b": 34})
    marks = [(step, "alarm") for step in alarms]
    layout |= {
        "uirevision": "health",
        "hovermode": "x",
        "xaxis": _axis(
            theme, [0, total_steps], title="step", nticks=5, anchor=_axis_name(max(len(panels), 1))
        ),
        "shapes": [_time_line(cursor or 0, theme, cursor is not None), *_mark_lines(marks, theme)],
        "annotations": [],
    }
    traces: list[Figure] = []
    for number, panel in enumerate(panels, start=1):
        high = 1 - (number - 1) * height * (1 + PANEL_GAP)
        axis = _axis_name(number)
        draw = _stack if panel.is_stacked else _panel
        drawn, top, labels = draw(panel, scalars, axis, theme)
        traces += [trace | {"yaxis": axis} for trace in drawn]
        layout[f"yaxis{axis[1:]}"] = _axis(
            theme,
            [0, top],
            title=panel.unit,
            grid=True,
            nticks=3,
            domain=[max(high - height, 0.0), min(high, 1.0)],
            anchor="x",
        )
        layout["annotations"] += [_panel_title(panel.title, high, theme), *labels]
    return {"data": traces, "layout": layout}


def _panel(
    panel: Panel, scalars: Mapping[str, Series], axis: str, theme: Theme
) -> tuple[list[Figure], float, list[Figure]]:
    """Curves, upper end of the axis, and the curves' names."""
    rows = [
        (thinned(scalars[key]), name, getattr(theme, colour))
        for key, name, colour in panel.curves
        if key in scalars
    ]
    traces = [_curve(series, name, colour) for series, name, colour in rows]
    known = [series for series, _, _ in rows]
    if panel.reference is not None and panel.reference in scalars:
        known.append(thinned(scalars[panel.reference]))
        dotted = _curve(known[-1], "without learning", theme.quiet)
        traces.append(dotted | {"line": {"width": 1, "color": theme.quiet, "dash": "dot"}})
    top = panel.top or nice_ceiling(_largest(known))
    return traces, top, _curve_labels(rows, top, axis, PANEL_LABEL_GAP)


def _stack(
    panel: Panel, scalars: Mapping[str, Series], axis: str, theme: Theme
) -> tuple[list[Figure], float, list[Figure]]:
    """Parts of a whole as areas on each other; the larger ones are named where they end."""
    traces: list[Figure] = []
    total: dict[int, float] = {}
    middle: list[tuple[Series, str, str]] = []
    for key, name, colour in panel.curves:
        if key not in scalars:
            continue
        shade = getattr(theme, colour)
        series = thinned(scalars[key])
        traces.append(
            _curve(series, name, shade)
            | {
                "stackgroup": panel.title,
                "stackgaps": "interpolate",
                "line": {"width": 0.5, "color": shade},
                "fillcolor": _faded(shade, 0.45),
            }
        )
        below = total.get(series[0][-1], 0.0)
        middle.append((([series[0][-1]], [below + _last(series) / 2]), name, shade))
        for step, value in zip(*scalars[key], strict=True):
            total[step] = total.get(step, 0.0) + (value or 0.0)
    # A few slow steps, the first above all, may leave the axis.
    top = nice_ceiling(1.1 * float(np.quantile(list(total.values()), 0.98)))
    end = total[max(total)]
    named = [
        row
        for row, (key, *_) in zip(middle, (c for c in panel.curves if c[0] in scalars), strict=True)
        if _last(scalars[key]) >= LABELLED_SHARE * end
    ]
    return traces, top, _curve_labels(named, top, axis, PANEL_LABEL_GAP)


# -- parts ----------------------------------------------------------------------------------------


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


def _layout(theme: Theme, margin: dict[str, int]) -> Figure:
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


def _axis(theme: Theme, span: list[float], *, title: str = "", grid: bool = False, **more: Any):
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


def _steps(
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
        trace |= {"fill": "tozeroy", "fillcolor": _faded(colour, fill)}
    return trace


def _curve(series: Series, name: str, colour: str) -> Figure:
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


def _curve_labels(
    rows: Sequence[tuple[Series, str, str]], top: float, axis: str, gap: float = LABEL_GAP
) -> list[Figure]:
    """Names at the newest point of the curves, moved apart where they would touch."""
    ends = [(_last(series) / top, name, colour) for series, name, colour in rows]
    last_step = max((series[0][-1] for series, _, _ in rows if series[0]), default=0)
    labels, floor = [], -1.0
    for height, name, colour in sorted(ends):
        height = max(min(height, 1.0), floor + gap)
        floor = height
        labels.append(
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
        )
    return labels


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


def _mark_lines(marks: Sequence[tuple[int, str]], theme: Theme) -> list[Figure]:
    colours = {"resume": theme.text, "warning": theme.prior, "mark": theme.quiet}
    colours["alarm"] = theme.danger
    colours |= dict.fromkeys(PHASES, theme.quiet)
    return [
        _line(colours[kind], x=(step, step), y=(0, 1), xref="x", yref="paper", dash="dot")
        for step, kind in marks
        if kind in colours
    ]


def _axis_name(number: int) -> str:
    return "y" if number == 1 else f"y{number}"


def _panel_title(text: str, high: float, theme: Theme) -> Figure:
    return {
        "xref": "paper",
        "x": 0,
        "yref": "paper",
        "y": high,
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 2,
        "showarrow": False,
        "bgcolor": theme.panel,  # lines of time pass behind it
        "text": text,
        "font": {"color": theme.text, "size": 11},
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


def _time_line(step: int, theme: Theme, shown: bool) -> Figure:
    line = _line(theme.text, x=(step, step), y=(0, 1), xref="x", yref="paper", dash="solid")
    return line | {"opacity": 0.65, "visible": shown}


def _line(colour: str, *, x: tuple, y: tuple, xref: str, yref: str, dash: str = "dot") -> Figure:
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


def _faded(colour: str, share: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"


def _largest(rows: Any) -> float:
    return max((v for _, values in rows for v in values if v is not None), default=0.0)


def _last(series: Series) -> float:
    return next((value for value in reversed(series[1]) if value is not None), 0.0)
