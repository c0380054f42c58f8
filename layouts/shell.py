"""What is on every page: the rail, the theme switch, and the place where a page stands."""

from dash import dcc, html
from dash.development.base_component import Component

from layouts import ids, launch, live, runs, scene, scenes, segment
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
                    _rail_link("Scenes", ids.RAIL_SCENES, "/scenes"),
                    _rail_link("Segment", ids.RAIL_SEGMENT, "/segment"),
                    _rail_link("Launch", ids.RAIL_LAUNCH, "/launch"),
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


def rail_classes(page: str) -> tuple[str, ...]:
    """Classes of the rail's links, in its order, while `page` is shown."""
    return tuple(
        f"rail-link rail-{name}{' is-here' if name == page else ''}"
        for name in ("runs", "live", "scenes", "segment", "launch")
    )


def all_pages() -> Component:
    """Every component that a callback may name, for Dash to check the callbacks against."""
    return html.Div(
        [
            shell(),
            runs.runs_page("runs"),
            runs.no_such_run("run", []),
            live.live_page("run"),
            launch.launch_page("runs"),
            scenes.scenes_page("scans", [], ""),
            scene.scene_page("scans", "scan"),
            segment.start_page(),
            segment.result_page("scan"),
        ]
    )


def _rail_link(text: str, id: str, href: str) -> Component:
    name = text.lower()
    return dcc.Link(
        [html.Span(className=f"rail-icon icon-{name}"), html.Span(text)],
        id=id,
        href=href,
        className=f"rail-link rail-{name}",
    )
