"""The page that takes a scan and shows the objects found in it; scripts fill both places."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from layouts import ids
from layouts.parts import top_bar


def start_page() -> Component:
    """Where a scan is dropped, and what has been segmented so far."""
    return html.Div(
        [
            top_bar([html.H1("Segment"), html.Span("objects without labels", className="quiet")]),
            html.Div(id=ids.SEGMENT_START, className="segment-start"),
        ],
        className="segment-page",
    )


def result_page(segmentation: str) -> Component:
    """What was found in one scan.

    Args:
        segmentation: Its id, looked up by the server when the page asks for it.
    """
    root: dict[str, Any] = {"data-segmentation": segmentation}  # read by scripts
    return html.Div(
        [
            top_bar([], id=ids.SEGMENT_TOP),
            html.Div(id=ids.SEGMENT_VIEW, className="viewport-root", **root),
            html.Aside(id=ids.SEGMENT_SIDE, className="cards segment-side"),
        ],
        className="live is-segment",
    )


def segment_button(collection: str, scene: str) -> Component:
    """Segments a scene of a collection and opens the result; a script carries it out."""
    data: dict[str, Any] = {"data-segment-collection": collection, "data-segment-scene": scene}
    return html.Button(
        "Segment",
        className="button segment-scene",
        title="Find the objects of this scene without its labels",
        type="button",
        **data,
    )
