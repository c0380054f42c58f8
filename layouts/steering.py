"""The cards of a run that steer it and tell what happened; their scripts fill them in."""

from typing import Any

from dash import html
from dash.development.base_component import Component

from layouts import ids
from layouts.parts import card


def steering_card(run_id: str) -> Component:
    """Commands to the trainer, what watching may cost, and values to change while it learns."""
    return card("Steering", _root(ids.STEERING_ROOT, run_id))


def log_card(run_id: str) -> Component:
    """Events of the run; the line at the time cursor is marked."""
    return card("Log", _root(ids.LOG_ROOT, run_id))


def _root(id: str, run_id: str) -> Component:
    data: dict[str, Any] = {"data-run": run_id}  # read by the scripts of assets/steering
    return html.Div(id=id, className=id, **data)
