"""Small components that several pages use."""

from collections.abc import Sequence
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from layouts import words

GRAPH_CONFIG: Any = {
    "displayModeBar": False,
    "displaylogo": False,
    "showSendToCloud": False,
    "showTips": False,
    "responsive": True,
}


def aria(**attributes: str) -> dict[str, Any]:
    """`aria-*` attributes as arguments of a component."""
    return {f"aria-{name}": value for name, value in attributes.items()}


def status_chip(status: str) -> Component:
    text = words.STATUS_WORDS.get(status, status)
    return html.Span(text, className=f"chip chip-{status}")


def progress(step: int | None, total: int | None) -> Component:
    """A bar and its figures; the share is also said to a screen reader."""
    done = min(step / total, 1.0) if step is not None and total else 0.0
    return html.Div(
        [
            html.Div(
                html.Div(className="bar-done", style={"width": f"{100 * done:.2f}%"}),
                className="bar",
                role="progressbar",
                **aria(valuenow=f"{100 * done:.0f}", valuemax="100"),
            ),
            html.Span(
                [html.B(words.count(step)), f" / {words.count(total)}"], className="bar-text"
            ),
        ],
        className="progress",
    )


def fact(label: str, value: Any, title: str = "") -> Component:
    """A value with its name in small letters."""
    return html.Div(
        [html.Span(label, className="fact-label"), html.Span(value, className="fact-value")],
        className="fact",
        title=title,
    )


def change(before: str, after: str) -> list[Any]:
    """`before → after` in the colours of teacher offsets before and after ODR."""
    return [
        html.Span(before, className="is-before"),
        html.Span(" → ", className="quiet"),
        html.Span(after, className="is-after"),
    ]


def legend(entries: Sequence[tuple[str, str]]) -> Component:
    """Names with the colour that they have everywhere; `entries` are (quantity, name)."""
    return html.Div(
        [
            html.Span([html.I(className=f"swatch swatch-{quantity}"), name])
            for quantity, name in entries
        ],
        className="legend",
    )


def card(title: str, children: Any, *, note: str = "", opened: bool = True) -> Component:
    """A panel that folds; `note` stands at the right of its title."""
    return html.Details(
        [
            html.Summary([html.H2(title), html.Span(note, className="quiet")]),
            html.Div(children, className="card-body"),
        ],
        open=opened,
        className="card",
    )


def graph(id: str, height: int, label: str) -> Component:
    """A chart in SVG, empty until a callback fills it; `height` in pixels."""
    return html.Div(
        dcc.Graph(id=id, config=GRAPH_CONFIG, responsive=True, style={"height": "100%"}),
        className="chart",
        style={"height": f"{height}px"},
        role="img",
        **aria(label=label),
    )


def command(text: str) -> Component:
    """A command to copy."""
    return html.Div(
        [html.Code(text), dcc.Clipboard(content=text, title="Copy", className="copy")],
        className="command",
    )


def top_bar(children: Any, id: str | None = None) -> Component:
    named: dict[str, Any] = {"id": id} if id else {}
    return html.Header(children, className="top-bar", **named)
