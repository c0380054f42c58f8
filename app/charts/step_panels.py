"""Small charts below each other on one axis of steps: curves, limits, marks and the time cursor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.charts.parts import (
    Figure,
    Series,
    Theme,
    axis_style,
    base_layout,
    curve_labels,
    curve_trace,
    faded,
    largest_value,
    last_value,
    line_shape,
    mark_lines,
    nice_ceiling,
    thinned,
    time_line,
)

PANEL_PX, GAP_PX = 72, 28  # height of a panel, and room for the title of the one below it
LABEL_PX = 15  # between the names of two curves
MARGIN = {"l": 42, "r": 62, "t": 20, "b": 34}
LABELLED_SHARE = 0.1  # of a step that a stage takes to be named beside the chart


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """A small chart: curves of one unit on the axis of the steps."""

    title: str
    unit: str = ""
    top: float | None = None  # of the axis; None = grows in round steps
    curves: tuple[tuple[str, str, str], ...]  # key, name, field of Theme
    reference: str | None = None  # key of a dotted line to compare with
    alarms: tuple[str, ...] = ()  # whose bounds are drawn
    is_stacked: bool = False


def keys_of(panels: Sequence[Panel]) -> tuple[str, ...]:
    """Keys of all series that the panels draw."""
    return tuple(
        key
        for panel in panels
        for key in (*(curve[0] for curve in panel.curves), panel.reference)
        if key is not None
    )


def panels_height(num_panels: int) -> int:
    """Height in pixels of so many panels with their axis."""
    return MARGIN["t"] + MARGIN["b"] + num_panels * PANEL_PX + (num_panels - 1) * GAP_PX


def step_panels(
    panels: Sequence[Panel],
    series: Mapping[str, Series],
    marks: Sequence[tuple[int, str]],
    *,
    name: str,
    total_steps: int,
    cursor: int | None,
    theme: Theme,
    limits: Mapping[str, float] | None = None,
) -> Figure:
    """The panels that have a value, below each other.

    Args:
        panels: What to draw.
        series: Steps and values by key.
        marks: Steps with a kind, drawn as lines through all panels.
        name: Of the figure; keeps what the reader did to it.
        total_steps: End of the step axis.
        cursor: Step that the viewport shows; the first shape, moved by the browser from then on.
        theme: Colours.
        limits: Bounds of alarms by name, in the unit of the panel that names the alarm.
    """
    panels = [p for p in panels if any(key in series for key, _, _ in p.curves)]
    num = max(len(panels), 1)
    whole = num * PANEL_PX + (num - 1) * GAP_PX
    layout = base_layout(theme, margin=MARGIN)
    layout |= {
        "uirevision": name,
        "hovermode": "x",
        "xaxis": axis_style(
            theme, [0, total_steps], title="step", nticks=5, anchor=_axis_name(num)
        ),
        "shapes": [time_line(cursor or 0, theme, cursor is not None), *mark_lines(marks, theme)],
        "annotations": [],
    }
    traces: list[Figure] = []
    for number, panel in enumerate(panels, start=1):
        high = 1 - (number - 1) * (PANEL_PX + GAP_PX) / whole
        axis = _axis_name(number)
        draw = _stack if panel.is_stacked else _panel
        drawn, top, labels = draw(panel, series, axis, theme)
        traces += [trace | {"yaxis": axis} for trace in drawn]
        layout[f"yaxis{axis[1:]}"] = axis_style(
            theme,
            [0, top],
            title=panel.unit,
            grid=True,
            nticks=3,
            domain=[max(high - PANEL_PX / whole, 0.0), min(high, 1.0)],
            anchor="x",
        )
        layout["annotations"] += [_panel_title(panel.title, high, theme), *labels]
        known = {alarm: (limits or {}).get(alarm) for alarm in panel.alarms}
        bounds = [bound for bound in known.values() if bound is not None and bound < top]
        layout["shapes"] += [_limit(bound, axis, theme) for bound in bounds]
        layout["annotations"] += [_limit_label(bound, axis, theme) for bound in bounds]
    return {"data": traces, "layout": layout}


def _panel(
    panel: Panel, series: Mapping[str, Series], axis: str, theme: Theme
) -> tuple[list[Figure], float, list[Figure]]:
    """Curves, upper end of the axis, and the curves' names."""
    rows = [
        (thinned(series[key]), name, getattr(theme, colour))
        for key, name, colour in panel.curves
        if key in series
    ]
    traces = [curve_trace(drawn, name, colour) for drawn, name, colour in rows]
    known = [drawn for drawn, _, _ in rows]
    if panel.reference is not None and panel.reference in series:
        known.append(thinned(series[panel.reference]))
        dotted = curve_trace(known[-1], "without learning", theme.quiet)
        traces.append(dotted | {"line": {"width": 1, "color": theme.quiet, "dash": "dot"}})
    top = panel.top or nice_ceiling(largest_value(known))
    return traces, top, curve_labels(rows, top, axis, LABEL_PX / PANEL_PX)


def _stack(
    panel: Panel, series: Mapping[str, Series], axis: str, theme: Theme
) -> tuple[list[Figure], float, list[Figure]]:
    """Parts of a whole as areas on each other; the larger ones are named where they end."""
    traces: list[Figure] = []
    total: dict[int, float] = {}
    middle: list[tuple[Series, str, str]] = []
    for key, name, colour in panel.curves:
        if key not in series:
            continue
        shade = getattr(theme, colour)
        drawn = thinned(series[key])
        traces.append(
            curve_trace(drawn, name, shade)
            | {
                "stackgroup": panel.title,
                "stackgaps": "interpolate",
                "line": {"width": 0.5, "color": shade},
                "fillcolor": faded(shade, 0.45),
            }
        )
        below = total.get(drawn[0][-1], 0.0)
        middle.append((([drawn[0][-1]], [below + last_value(drawn) / 2]), name, shade))
        for step, value in zip(*series[key], strict=True):
            total[step] = total.get(step, 0.0) + (value or 0.0)
    # A few slow steps, the first above all, may leave the axis.
    top = nice_ceiling(1.1 * float(np.quantile(list(total.values()), 0.98)))
    end = total[max(total)]
    named = [
        row
        for row, (key, *_) in zip(middle, (c for c in panel.curves if c[0] in series), strict=True)
        if last_value(series[key]) >= LABELLED_SHARE * end
    ]
    return traces, top, curve_labels(named, top, axis, LABEL_PX / PANEL_PX)


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


def _limit(bound: float, axis: str, theme: Theme) -> Figure:
    return line_shape(
        theme.danger, x=(0, 1), y=(bound, bound), xref="paper", yref=axis, dash="dash"
    )


def _limit_label(bound: float, axis: str, theme: Theme) -> Figure:
    return {
        "xref": "paper",
        "x": 1,
        "yref": axis,
        "y": bound,
        "xanchor": "right",
        "yanchor": "bottom",
        "showarrow": False,
        "text": "alarm",
        "font": {"color": theme.danger, "size": 11},
    }
