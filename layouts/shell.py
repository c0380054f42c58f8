"""What is on every page: the rail, the theme switch, and the place where a page stands."""

from dash import dcc, html
from dash.development.base_component import Component

from layouts import ids, live, runs


def shell() -> Component:
    return html.Div(
        [
            dcc.Location(id=ids.URL, refresh="callback-nav"),
            dcc.Store(id=ids.THEME),
            _rail(),
            html.Button(id=ids.THEME_TOGGLE, className="theme-toggle", title="Dark or light"),
            html.Main(id=ids.PAGE, className="page"),
        ],
        className="shell",
    )


def all_pages() -> Component:
    """Every component that a callback may name, for Dash to check the callbacks against."""
    return html.Div([shell(), runs.runs_page(), live.live_page("run")])


def _rail() -> Component:
    return html.Nav(
        [
            html.Span(className="rail-mark", title="PointINS Studio"),
            dcc.Link("Runs", id=ids.RAIL_RUNS, href="/", className="rail-link rail-runs"),
            dcc.Link("Live", id=ids.RAIL_LIVE, href="/live", className="rail-link rail-live"),
        ],
        className="rail",
    )
