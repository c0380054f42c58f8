"""What stands over the steps: losses of the training; ODR and SCR on the scene that is drawn."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.charts.parts import (
    PHASES,
    Figure,
    Series,
    Theme,
    axis_style,
    base_layout,
    curve_labels,
    curve_trace,
    largest_value,
    mark_lines,
    nice_ceiling,
    thinned,
    time_line,
)
from app.charts.step_panels import Panel

LOSSES = (
    ("loss/total", "total", "text"),
    ("loss/semantic", "semantic", "semantic"),
    ("loss/offset", "offset", "student"),
)
LOSS_KEYS = tuple(key for key, _, _ in LOSSES)
ODR_PANELS = (
    Panel(
        title="W₁ to the prior",
        unit="m",
        curves=(
            ("odr.w1_before_m", "before", "before"),
            ("odr.w1_student_m", "student", "student"),
            ("odr.w1_after_m", "after", "after"),
        ),
        alarms=("odr_misses",),
    ),
    Panel(
        title="KS distance",
        top=1,
        curves=(
            ("odr.ks_before", "before", "before"),
            ("odr.ks_student", "student", "student"),
            ("odr.ks_after", "after", "after"),
        ),
    ),
    Panel(
        title="Offsets under 2 cm",
        top=1,
        curves=(("odr.zero_share", "share", "before"),),
        alarms=("zero_offsets",),
    ),
)
SCR_PANELS = (
    Panel(
        title="Adjusted Rand index to the last frame, to the truth",
        top=1,
        curves=(
            ("scr.ari_before", "last frame", "target"),
            ("scr.ari_truth", "truth", "truth"),
        ),
    ),
    Panel(
        title="Shares of cells",
        top=1,
        curves=(("scr.kept_share", "grouped", "target"), ("scr.largest_share", "largest", "text")),
        alarms=("scr_inert", "scr_empty"),
    ),
)


def frame_series(stats: Iterable[Mapping[str, Any]], keys: Sequence[str]) -> dict[str, Series]:
    """Figures of a scene's frames by step, `part.name` a key; what no frame has is left out."""
    rows = list(stats)
    found: dict[str, Series] = {}
    for key in keys:
        part, _, name = key.partition(".")
        values = [(row["step"], (row.get(part) or {}).get(name)) for row in rows]
        if any(value is not None for _, value in values):
            found[key] = [step for step, _ in values], [value for _, value in values]
    return found


def losses(
    scalars: Mapping[str, Series],
    marks: Sequence[tuple[int, str]],
    *,
    total_steps: int,
    cursor: int | None,
    theme: Theme,
) -> Figure:
    """Losses over the steps.

    Args:
        scalars: Steps and values by key.
        marks: Steps with a kind: those of `chart_parts.mark_lines`, or `checkpoint`.
        total_steps: End of the step axis.
        cursor: Step that the viewport shows; the first shape, moved by the browser from then on.
        theme: Colours.
    """
    known = [
        (thinned(scalars[key]), name, getattr(theme, colour))
        for key, name, colour in LOSSES
        if key in scalars
    ]
    traces = [curve_trace(series, name, colour) for series, name, colour in known]
    top = nice_ceiling(largest_value(series for series, _, _ in known))
    layout = base_layout(theme, margin={"l": 42, "r": 62, "t": 8, "b": 34})
    layout |= {
        "uirevision": "losses",
        "hovermode": "x",
        "xaxis": axis_style(theme, [0, total_steps], title="step", nticks=5),
        "yaxis": axis_style(theme, [0, top], grid=True, nticks=4),
        "shapes": [time_line(cursor or 0, theme, cursor is not None), *mark_lines(marks, theme)],
        "annotations": [*curve_labels(known, top, "y"), *_phase_labels(marks, theme)],
    }
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
