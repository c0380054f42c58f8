"""One run, live: the viewport, what ODR and SCR do, the losses, and the timeline."""

from dash import dcc, html
from dash.development.base_component import Component

from layouts import ids


def live_page(run_id: str) -> Component:
    return html.Div(
        [
            dcc.Store(id=ids.LIVE_RUN, data=run_id),
            dcc.Store(id=ids.LIVE_CURSOR),
            dcc.Store(id=ids.LIVE_NOTICE),
            html.Div(id=ids.VIEWPORT_ROOT, className="viewport-root", **{"data-run": run_id}),
            html.Div(className="cards"),
            html.Div(id=ids.TIMELINE_ROOT, className="timeline-root"),
        ],
        className="live",
    )
