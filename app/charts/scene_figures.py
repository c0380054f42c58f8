"""Charts of a scene's offset lengths over a prior. Pure functions to Plotly figures, as `figures`.

The same colours as everywhere: the prior in its own, what is measured in that of teacher offsets
before ODR, because that is what ODR would move onto the prior.
"""

import numpy as np

from app.charts.parts import Figure, Theme, axis_style, base_layout, faded, nice_ceiling, outline
from pointins_engine.offset_prior.record import PriorRecord

SHORTEST, LONGEST = 0.01, 20.0  # metres: ends of the axis of lengths
_BINS = 36
_TICKS = {0.1: "10 cm", 1.0: "1 m", 10.0: "10 m"}
_WIDE = 3  # bars that the first one is as wide as, so that it can be named
_CURVE_POINTS = 240
_ENDS = np.array([0.995, 0.98])  # levels of scene and prior that a curve goes to at least


def offset_shares(
    own: PriorRecord, prior: PriorRecord, theme: Theme, true: PriorRecord | None = None
) -> Figure:
    """Share of the offsets by length, on an axis where equal steps are equal factors.

    What is shorter than 1 cm is the first, wide bar.

    Args:
        own: Of the scene, found without labels.
        prior: What it is held against.
        theme: Colours.
        true: Of its labelled objects, where there are any.
    """
    edges = _edges()
    drawn = np.log10(edges[1:])
    drawn = np.concatenate([[drawn[0] - _WIDE * (drawn[1] - drawn[0])], drawn])
    rows = [(prior, "prior", theme.prior, 0.22)]
    rows += [] if true is None else [(true, "labelled objects", theme.truth, 0.0)]
    rows.append((own, "this scene", theme.before, 0.0))
    shares = [_shares(record, edges) for record, *_ in rows]
    top = nice_ceiling(1.05 * float(max(share.max() for share in shares)))
    lengths = ["under 1 cm", *(_length(value) for value in edges[1:])]
    layout = base_layout(theme, margin={"l": 38, "r": 8, "t": 6, "b": 34})
    layout |= {
        "uirevision": "shares",
        "xaxis": axis_style(
            theme,
            [float(drawn[0]), float(drawn[-1])],
            title="offset length",
            tickvals=[float(drawn[:2].mean()), *(float(np.log10(value)) for value in _TICKS)],
            ticktext=["< 1 cm", *_TICKS.values()],
        ),
        "yaxis": axis_style(theme, [0, top], grid=True, nticks=4, tickformat=".0%"),
    }
    lines = [
        outline(drawn.tolist(), share.tolist(), colour, label, fill=fill)
        | {
            "customdata": lengths,
            "hovertemplate": f"{label}: %{{y:.1%}} from %{{customdata}}<extra></extra>",
        }
        for share, (_, label, colour, fill) in zip(shares, rows, strict=True)
    ]
    return {"data": lines, "layout": layout}


def cumulative_lengths(
    own: PriorRecord, prior: PriorRecord, theme: Theme, true: PriorRecord | None = None
) -> Figure:
    """Share of offsets up to a length. The area between prior and scene is W1, in metres."""
    end = nice_ceiling(float(max(own.quantile(_ENDS)[0], prior.quantile(_ENDS)[1])))
    length = end * np.linspace(0, 1, _CURVE_POINTS) ** 2  # finer where most offsets are
    rows = [(prior, "prior", theme.prior), (own, "this scene", theme.before)]
    rows += [] if true is None else [(true, "labelled objects", theme.truth)]
    traces: list[Figure] = []
    for record, name, colour in rows:
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": length.round(5).tolist(),
                "y": record.cdf(length).round(5).tolist(),
                "line": {"width": 1.5, "color": colour},
                "name": name,
                "hovertemplate": f"{name}: %{{y:.0%}} up to %{{x:.2f}} m<extra></extra>",
            }
        )
    traces[1] |= {"fill": "tonexty", "fillcolor": faded(theme.text, 0.1)}
    layout = base_layout(theme, margin={"l": 38, "r": 8, "t": 6, "b": 34})
    layout |= {
        "uirevision": "cumulative",
        "xaxis": axis_style(theme, [0, end], title="up to this offset length (m)", nticks=6),
        "yaxis": axis_style(theme, [0, 1.02], grid=True, nticks=4, tickformat=".0%"),
    }
    return {"data": traces, "layout": layout}


def spark_points(record: PriorRecord, num: int = 40) -> list[float]:
    """Distribution function at lengths from 1 cm to 20 m in equal factors, for small pictures."""
    return record.cdf(np.geomspace(SHORTEST, LONGEST, num)).round(4).tolist()


def _edges() -> np.ndarray:
    return np.concatenate([[0.0], np.geomspace(SHORTEST, LONGEST, _BINS + 1)])


def _shares(record: PriorRecord, edges: np.ndarray) -> np.ndarray:
    below = record.cdf(edges)
    below[0] = 0.0  # all that is shorter than the first tick
    return np.diff(below)


def _length(metres: float) -> str:
    return f"{100 * metres:.0f} cm" if metres < 1 else f"{metres:.1f} m"
