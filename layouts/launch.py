"""The page that starts a training: a form made from a recipe, and the launches so far."""

from dash import html
from dash.development.base_component import Component

from layouts import ids
from layouts.parts import top_bar


def launch_page(folder: str) -> Component:
    return html.Div(
        [
            top_bar([html.H1("Launch"), html.Span(folder, className="quiet path", title=folder)]),
            html.Div(id=ids.LAUNCH_ROOT, className="launch-root"),
        ],
        className="launch-page",
    )
