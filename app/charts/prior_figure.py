"""Priors as a page of its own: densities, shares below a length, directions and a table.

`python -m app.charts.prior_figure --out FILE.html PRIOR ...`; `pointins prior show --plot` starts
it. The page holds all it needs and follows the reader's light or dark setting.
"""

import argparse
import html
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from app.charts.parts import (
    FONT,
    THEMES,
    Figure,
    Theme,
    axis_style,
    base_layout,
    line_shape,
    nice_ceiling,
    table_shares,
)
from pointins_engine.errors import PointinsError
from pointins_engine.offset_prior.record import PriorRecord
from pointins_engine.offset_prior.summary import LEVELS, fitted, metres, origin
from pointins_engine.prior_commands import named_priors
from pointins_engine.run_log.files import write_bytes

SHORTEST_M, LONGEST_M = 0.01, 20.0  # ends of the length axes
NUM_BINS = 66  # six a doubling
NUM_DIRECTION_BINS = 20
HUES = ("prior", "before", "after", "student", "semantic", "danger")
DIRECTION_AXES = ("x3", "x4", "x5")
DASHES = ("solid", "dash", "dot", "dashdot")
TICKS = {0.01: "1 cm", 0.03: "3 cm", 0.1: "10 cm", 0.3: "30 cm", 1: "1 m", 3: "3 m", 10: "10 m"}
EXIT_BAD_INPUT = 2


def prior_figure(priors: Mapping[str, PriorRecord], theme: Theme) -> Figure:
    """Three rows: share of the offsets at each length, share below it, axes of the direction."""
    edges = np.geomspace(SHORTEST_M, LONGEST_M, NUM_BINS + 1)
    middles = np.sqrt(edges[1:] * edges[:-1])
    doublings = np.log2(edges[1] / edges[0])
    has_directions = any(record.direction for record in priors.values())
    low = 0.31 if has_directions else 0.0
    half = (1 - low) / 2
    layout = base_layout(theme, margin={"l": 64, "r": 16, "t": 56, "b": 44})
    traces: list[Figure] = []
    top = 0.0
    for number, (name, record) in enumerate(priors.items()):
        line = _line(number, theme)
        density = record.mass(edges) / doublings
        top = max(top, float(density.max()))
        label = html.escape(name)
        hover = f"{label}: %{{y:.1%}} a doubling at %{{x:.2~f}} m<extra></extra>"
        traces.append(_curve(middles, density, label, line, hover, "y2") | {"showlegend": True})
        hover = f"{label}: %{{y:.1%}} below %{{x:.2~f}} m<extra></extra>"
        traces.append(_curve(edges, record.cdf(edges), label, line, hover, "y"))
        for axis, table in enumerate(record.direction):
            traces.append(_direction(table, label, line, axis))
    length = axis_style(
        theme,
        [float(np.log10(SHORTEST_M)), float(np.log10(LONGEST_M))],
        type="log",
        tickvals=list(TICKS),
        ticktext=list(TICKS.values()),
    )
    layout |= {
        "xaxis": length | {"anchor": "y", "title": {"text": "offset length", "standoff": 6}},
        "xaxis2": length | {"anchor": "y2", "matches": "x"},
        "yaxis": axis_style(
            theme, [0, 1.02], grid=True, nticks=5, tickformat=".0%", domain=[low, low + half - 0.07]
        ),
        "yaxis2": axis_style(
            theme,
            [0, nice_ceiling(1.05 * top)],
            grid=True,
            nticks=5,
            tickformat=".0%",
            domain=[low + half + 0.04, 1],
        ),
        "annotations": [
            _title("share of the offsets per doubling of the length", 1.0, theme),
            _title("share of the offsets that are shorter", low + half - 0.07, theme),
        ],
        "shapes": [],
        "showlegend": True,
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1.04,
            "yanchor": "bottom",
            "font": {"size": 12, "color": theme.text},
            "itemclick": False,
            "itemdoubleclick": False,
        },
    }
    if has_directions:
        highest = max(max(trace["y"]) for trace in traces if trace["xaxis"] in DIRECTION_AXES)
        _add_direction_axes(layout, theme, nice_ceiling(highest))
    return {"data": traces, "layout": layout}


def _line(number: int, theme: Theme) -> dict[str, object]:
    hue = getattr(theme, HUES[number % len(HUES)])
    return {"color": hue, "width": 2, "dash": DASHES[(number // len(HUES)) % len(DASHES)]}


def _curve(
    x: np.ndarray, y: np.ndarray, name: str, line: dict[str, object], hover: str, axis: str
) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x.round(5).tolist(),
        "y": y.round(5).tolist(),
        "name": name,
        "line": line,
        "hovertemplate": hover,
        "xaxis": axis.replace("y", "x"),
        "yaxis": axis,
        "showlegend": False,
    }


def _direction(table: Sequence[float], name: str, line: dict[str, object], axis: int) -> Figure:
    """Density of a direction's component over that of uniform directions."""
    sides = np.linspace(-1, 1, NUM_DIRECTION_BINS + 1)
    density = np.array(table_shares(table, sides.tolist())) * NUM_DIRECTION_BINS
    hover = f"{name}: %{{y:.2f}} times uniform at %{{x:.2f}}<extra></extra>"
    return _curve(sides, np.r_[density, density[-1]], name, line, hover, f"y{axis + 3}") | {
        "line": {**line, "shape": "hv", "width": 1.5}
    }


def _add_direction_axes(layout: Figure, theme: Theme, top: float) -> None:
    layout["annotations"].append(
        _title("components of the direction, against uniform directions", 0.19, theme)
    )
    for axis, name in enumerate("xyz"):
        place = f"{axis + 3}"
        layout[f"xaxis{place}"] = axis_style(
            theme,
            [-1, 1],
            title=f"along {name}",
            tickvals=[-1, 0, 1],
            domain=[0.35 * axis, 0.35 * axis + 0.3],
            anchor=f"y{place}",
        )
        layout[f"yaxis{place}"] = axis_style(
            theme, [0, top], grid=True, nticks=4, domain=[0, 0.19], anchor=f"x{place}"
        )
        layout["shapes"].append(
            line_shape(theme.quiet, x=(-1, 1), y=(1, 1), xref=f"x{place}", yref=f"y{place}")
        )


def _title(text: str, high: float, theme: Theme) -> Figure:
    return {
        "xref": "paper",
        "x": 0,
        "yref": "paper",
        "y": high,
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 4,
        "showarrow": False,
        "text": text,
        "font": {"color": theme.text, "size": 12},
    }


def page(priors: Mapping[str, PriorRecord]) -> str:
    """A page that holds the figure in both themes, the table and Plotly itself."""
    from plotly.offline import get_plotlyjs

    figures = {name: prior_figure(priors, theme) for name, theme in THEMES.items()}
    # "<" cannot end the script early, whatever a prior is called.
    data = json.dumps(figures, allow_nan=False).replace("<", "\\u003c")
    styles = "".join(_style(name, theme, len(priors)) for name, theme in THEMES.items())
    height = 860 if any(record.direction for record in priors.values()) else 620
    return _PAGE.format(
        styles=styles,
        height=height,
        table=_table(priors),
        names=html.escape(", ".join(priors)),
        plotly=get_plotlyjs(),
        data=data,
        font=FONT,
    )


def _style(name: str, theme: Theme, count: int) -> str:
    swatches = "".join(
        f".swatch{number}{{color:{_line(number, theme)['color']}}}" for number in range(count)
    )
    return (
        f"@media(prefers-color-scheme:{name}){{body{{background:{theme.panel};color:{theme.text}}}"
        f"td,th{{border-color:{theme.line}}}.quiet{{color:{theme.quiet}}}{swatches}}}"
    )


def _table(priors: Mapping[str, PriorRecord]) -> str:
    levels = [level for level in LEVELS if level != 0.5]
    head = ["prior", "mean", "median", *(f"{level:.0%}" for level in levels), "below 10 cm", "from"]
    rows = []
    for number, (name, record) in enumerate(priors.items()):
        lengths = [record.mean(), *record.quantile(np.array([0.5, *levels]))]
        cells = [f"{metres(float(length))} m" for length in lengths]
        cells.append(f"{float(record.cdf(np.array([0.1]))[0]):.0%}")
        fits = "".join(f"<br>fit: {html.escape(fitted(fit))}" for fit in record.provenance.fits)
        about = f"{html.escape(record.describe())}; {html.escape(origin(record.provenance))}{fits}"
        mark = f'<span class="swatch{number}" aria-hidden="true">━━</span> '
        numbers = "".join(f"<td>{cell}</td>" for cell in cells)
        row = (
            f'<th scope="row">{mark}{html.escape(name)}</th>{numbers}<td class="quiet">{about}</td>'
        )
        rows.append(f"<tr>{row}</tr>")
    names = "".join(f'<th scope="col">{name}</th>' for name in head)
    return f"<table><thead><tr>{names}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Priors: {names}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>
body{{font:14px/1.45 {font};margin:24px auto;max-width:1100px;padding:0 16px}}
h1{{font-size:18px;font-weight:600;margin:0 0 12px}}
#figure{{height:{height}px}}
table{{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums;margin-top:16px}}
td,th{{text-align:right;padding:5px 8px;border-bottom:1px solid;vertical-align:top;font-weight:400;
white-space:nowrap}}
th:first-child,td:last-child,thead th:last-child{{text-align:left}}
td:last-child{{white-space:normal}}
{styles}
</style></head><body>
<h1>Priors of offset lengths</h1>
<div id="figure" role="img" aria-label="Distributions of offset lengths; the table has the numbers">
</div>
{table}
<script>{plotly}</script>
<script>
const figures = {data};
const dark = window.matchMedia("(prefers-color-scheme: dark)");
function draw() {{
  const figure = figures[dark.matches ? "dark" : "light"];
  Plotly.react("figure", figure.data, figure.layout, {{responsive: true, displayModeBar: false}});
}}
dark.addEventListener("change", draw);
draw();
</script></body></html>
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page; 2 if a prior cannot be read or the page not be written."""
    parser = argparse.ArgumentParser(prog="python -m app.charts.prior_figure", allow_abbrev=False)
    parser.add_argument("priors", nargs="+", metavar="PRIOR")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.html")
    args = parser.parse_args(argv)
    try:
        write_bytes(args.out, page(named_priors(args.priors)).encode())
    except PointinsError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    print(f"The figure is in {args.out}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
