"""The health card: small charts below each other, one a group of figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.chart_parts import (
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
    mark_lines,
    nice_ceiling,
    thinned,
    time_line,
)


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
    layout = base_layout(theme, margin={"l": 38, "r": 62, "t": 20, "b": 34})
    marks = [(step, "alarm") for step in alarms]
    layout |= {
        "uirevision": "health",
        "hovermode": "x",
        "xaxis": axis_style(
            theme, [0, total_steps], title="step", nticks=5, anchor=_axis_name(max(len(panels), 1))
        ),
        "shapes": [time_line(cursor or 0, theme, cursor is not None), *mark_lines(marks, theme)],
        "annotations": [],
    }
    traces: list[Figure] = []
    for number, panel in enumerate(panels, start=1):
        high = 1 - (number - 1) * height * (1 + PANEL_GAP)
        axis = _axis_name(number)
        draw = _stack if panel.is_stacked else _panel
        drawn, top, labels = draw(panel, scalars, axis, theme)
        traces += [trace | {"yaxis": axis} for trace in drawn]
        layout[f"yaxis{axis[1:]}"] = axis_style(
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
    traces = [curve_trace(series, name, colour) for series, name, colour in rows]
    known = [series for series, _, _ in rows]
    if panel.reference is not None and panel.reference in scalars:
        known.append(thinned(scalars[panel.reference]))
        dotted = curve_trace(known[-1], "without learning", theme.quiet)
        traces.append(dotted | {"line": {"width": 1, "color": theme.quiet, "dash": "dot"}})
    top = panel.top or nice_ceiling(largest_value(known))
    return traces, top, curve_labels(rows, top, axis, PANEL_LABEL_GAP)


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
            curve_trace(series, name, shade)
            | {
                "stackgroup": panel.title,
                "stackgaps": "interpolate",
                "line": {"width": 0.5, "color": shade},
                "fillcolor": faded(shade, 0.45),
            }
        )
        below = total.get(series[0][-1], 0.0)
        middle.append((([series[0][-1]], [below + last_value(series) / 2]), name, shade))
        for step, value in zip(*scalars[key], strict=True):
            total[step] = total.get(step, 0.0) + (value or 0.0)
    # A few slow steps, the first above all, may leave the axis.
    top = nice_ceiling(1.1 * float(np.quantile(list(total.values()), 0.98)))
    end = total[max(total)]
    named = [
        row
        for row, (key, *_) in zip(middle, (c for c in panel.curves if c[0] in scalars), strict=True)
        if last_value(scalars[key]) >= LABELLED_SHARE * end
    ]
    return traces, top, curve_labels(named, top, axis, PANEL_LABEL_GAP)


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
