"""The list of runs, and what stands there while there is none."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from dash import dcc, html
from dash.development.base_component import Component

from layouts import ids, words
from layouts.parts import aria, command, progress, status_chip, top_bar
from layouts.recording import example_line, welcome
from layouts.states import ALIVE

TICK_MS = 2000


def runs_page(folder: str) -> Component:
    return html.Div(
        [
            top_bar([html.H1("Runs"), html.Span(folder, className="quiet path", title=folder)]),
            dcc.Interval(id=ids.RUNS_TICK, interval=TICK_MS),
            dcc.Store(id=ids.RUNS_SHOWN),
            html.Div(id=ids.RUNS_LIST, className="runs"),
        ],
        className="runs-page",
    )


def run_list(
    rows: Sequence[dict[str, Any]], example: dict[str, Any] | None, first: str
) -> Component:
    """One row a run, or what a new user sees.

    Args:
        rows: The API's summaries, in the order to show.
        example: Of the recorded example; None where there is none.
        first: The command that starts a run.
    """
    if not rows:
        return no_runs(first) if example is None else welcome(example, first)
    table = _table(rows)
    return table if example is None else html.Div([table, example_line(example)])


def _table(rows: Sequence[dict[str, Any]]) -> Component:
    heads = ("", "Run", "State", "Progress", "Left", "Loss", "Created")
    return html.Div(
        [
            html.Div([html.Span(head) for head in heads], className="run-row run-heads"),
            *(_run_row(row) for row in rows),
        ],
        className="run-table",
    )


def no_runs(example: str) -> Component:
    """What stands there instead of runs; `example` is the command that starts one."""
    return html.Div(
        [
            html.Div(className="empty-picture"),
            html.H2("No runs yet"),
            html.P(
                "A run is a folder that a training writes while it learns: where the teacher "
                "puts the centroid of every point, how ODR and SCR correct it, the losses. "
                "Start one and it appears here by itself."
            ),
            command(example),
            html.P(
                "Simulated rooms, two CPU cores, no GPU: the first frame comes within a minute.",
                className="quiet",
            ),
            html.P(["Or ", dcc.Link("fill in a form", href="/launch"), " that starts it."]),
        ],
        className="empty",
    )


def nothing_live(example: str) -> Component:
    """The live page of a folder without runs."""
    return html.Div([top_bar([html.H1("Live")]), html.Div(no_runs(example), className="runs")])


def no_such_page() -> Component:
    return html.Div(
        [
            top_bar([html.H1("No such page")]),
            html.Div(
                [html.H2("There is nothing at this address"), dcc.Link("All runs", href="/")],
                className="empty is-text",
            ),
        ]
    )


def no_such_run(run_id: str, others: Sequence[str]) -> Component:
    """The page of an address that names no run; says which there are, and looks again."""
    links = [html.Li(dcc.Link(other, href=live_address(other))) for other in others]
    known = (
        [html.P("There are:"), html.Ul(links)]
        if links
        else [html.P(["There are no runs yet. ", dcc.Link("How to start one", href="/")])]
    )
    return html.Div(
        [
            top_bar([html.H1("No such run")]),
            html.Div(
                [
                    html.H2(f"No run is called “{run_id[:100]}”"),
                    *known,
                    html.P("If it is about to start, this page shows it then.", className="quiet"),
                ],
                className="empty is-text",
            ),
            dcc.Interval(id=ids.AWAITED_TICK, interval=TICK_MS),
            dcc.Store(id=ids.AWAITED_RUN, data=run_id),
        ]
    )


def damaged_run(run_id: str, reason: str) -> Component:
    """The page of a run folder that cannot be read."""
    return html.Div(
        [
            top_bar([html.H1(run_id), status_chip("damaged")]),
            html.Div(
                [
                    html.H2("This run folder cannot be read"),
                    html.P(reason),
                    html.P(["The other runs are not affected. ", dcc.Link("All runs", href="/")]),
                ],
                className="empty is-text",
            ),
        ]
    )


def live_address(run_id: str) -> str:
    return f"/live/{quote(run_id, safe='')}"


def _run_row(row: dict[str, Any]) -> Component:
    running = row["status"] in ALIVE
    damaged = row["status"] == "damaged"
    name = [html.B(row["id"]), html.Span(row["recipe"] or "", className="quiet")]
    cells = [
        _thumbnail(row["thumbnail"]),
        html.Span(name, className="run-name"),
        html.Span(status_chip(row["status"])),
    ]
    if damaged:
        cells.append(html.Span(row["detail"], className="run-reason quiet"))
    else:
        left = words.duration(row["eta_s"]) if running else words.NOTHING
        cells += [
            progress(row["step"], row["total_steps"]),
            html.Span(left, className="figure"),
            html.Span([_sparkline(row["spark"]), html.Span(words.number(row["loss"]))]),
            html.Span(words.moment(row["created"]), className="quiet"),
        ]
    return dcc.Link(
        cells, href=live_address(row["id"]), className=f"run-row{' is-damaged' * damaged}"
    )


def _thumbnail(url: str | None) -> Component:
    if url is None:
        return html.Span(className="thumbnail is-empty")
    return html.Img(src=url, alt="", className="thumbnail")


def _sparkline(values: Sequence[float], width: int = 96, height: int = 26) -> Component:
    """The losses as a line in the text colour: an SVG used as a mask."""
    if len(values) < 2:
        return html.Span(className="spark is-empty")
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    points = " ".join(
        f"{1 + (width - 2) * i / (len(values) - 1):.1f},"
        f"{height - 2 - (height - 4) * (value - low) / span:.1f}"
        for i, value in enumerate(values)
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
        f'<polyline points="{points}" fill="none" stroke="#000" stroke-width="1.5" '
        'stroke-linejoin="round"/></svg>'
    )
    return html.Span(
        className="spark",
        style={"maskImage": f'url("data:image/svg+xml,{quote(svg)}")'},
        **aria(hidden="true"),
    )
