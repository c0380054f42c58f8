"""What is on every page: the rail, the theme switch, and the place where a page stands."""

from dash import dcc, html
from dash.development.base_component import Component

from layouts import ids, live, runs
from layouts.parts import aria


def shell() -> Component:
    return html.Div(
        [
            dcc.Location(id=ids.URL, refresh=False),
            dcc.Store(id=ids.THEME),
            html.Nav(
                [
                    html.Span(className="rail-mark", title="PointINS Studio"),
                    _rail_link("Runs", ids.RAIL_RUNS, "/"),
                    _rail_link("Live", ids.RAIL_LIVE, "/live"),
                ],
                className="rail",
                **aria(label="Pages"),
            ),
            html.Button(
                html.Span("Dark or light", className="hidden-text"),
                id=ids.THEME_TOGGLE,
                className="theme-toggle",
                title="Dark or light",
            ),
            html.Main(id=ids.PAGE, className="page"),
        ],
        className="shell",
    )


def rail_classes(page: str) -> tuple[str, str]:
    """Classes of the links to the runs and live pages while `page` is shown."""
    marks = {name: " is-here" if name == page else "" for name in ("runs", "live")}
    return f"rail-link rail-runs{marks['runs']}", f"rail-link rail-live{marks['live']}"


def all_pages() -> Component:
    """Every component that a callback may name, for Dash to check the callbacks against."""
    return html.Div([shell(), runs.runs_page("runs"), live.live_page("run")])


def _rail_link(text: str, id: str, href: str) -> Component:
    name = text.lower()
    return dcc.Link(
        [html.Span(className=f"rail-icon icon-{name}"), html.Span(text)],
        id=id,
        href=href,
        className=f"rail-link rail-{name}",
    )
