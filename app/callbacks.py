"""What joins pages and data."""

from typing import Any

from dash import Dash, Input, Output, dcc, html

from app.runs import Runs
from app.thumbnails import Thumbnails
from layouts import ids
from layouts.live import live_page
from layouts.runs import runs_page


def add_callbacks(dash: Dash, runs: Runs, thumbnails: Thumbnails) -> None:
    @dash.callback(Output(ids.PAGE, "children"), Input(ids.URL, "pathname"))
    def show_page(path: str | None) -> Any:
        parts = (path or "/").strip("/").split("/")
        if parts[0] == "live" and len(parts) == 2:
            return live_page(parts[1])
        return runs_page()

    @dash.callback(Output(ids.RUNS_LIST, "children"), Input(ids.RUNS_TICK, "n_intervals"))
    def show_runs(_: int | None) -> Any:
        return [
            html.Div(dcc.Link(row["id"], href=f"/live/{row['id']}")) for row in runs.summaries()
        ]
