"""The list of runs."""

from dash import dcc, html
from dash.development.base_component import Component

from layouts import ids


def runs_page() -> Component:
    return html.Div(
        [
            dcc.Interval(id=ids.RUNS_TICK, interval=2000),
            html.Div(id=ids.RUNS_LIST),
        ]
    )
