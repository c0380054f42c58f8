"""One run, live: the viewport, what ODR and SCR do, the losses, and the timeline."""

from collections.abc import Sequence
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from layouts import ids, words
from layouts.odr_card import odr_card, over_steps
from layouts.parts import card, fact, progress, status_chip, top_bar
from layouts.recording import TITLE
from layouts.scr_card import scr_card
from layouts.steering import log_card, steering_card

TICK_MS = 2000
LOSSES_HEIGHT = 190
# Of the charts with small panels: what `app.charts.step_panels.panels_height` says for all of them.
ODR_STEPS_HEIGHT, SCR_STEPS_HEIGHT, HEALTH_HEIGHT = 326, 226, 826
WAITING_BODY = "is-waiting"  # class of a card whose figures are not there yet
READY, WAITING = "panel", f"panel {WAITING_BODY}"


def live_page(run_id: str) -> Component:
    data: dict[str, Any] = {"data-run": run_id}  # read by the viewport's scripts
    stores = (
        *(ids.LIVE_CURSOR, ids.LIVE_NOTICE, ids.FRAME_WANTED, ids.FRAME_ANSWERED, ids.FRAME_SHOWN),
        *(ids.STEPS_BEAT, ids.STEPS_SHOWN, ids.LOSSES_SHOWN, ids.HEALTH_SHOWN),
    )
    return html.Div(
        [
            dcc.Store(id=ids.LIVE_RUN, data=run_id),
            *(dcc.Store(id=id) for id in stores),
            dcc.Interval(id=ids.LIVE_TICK, interval=TICK_MS),
            top_bar([html.H1(run_id)], id=ids.LIVE_TOP),
            html.Div(id=ids.VIEWPORT_ROOT, className="viewport-root", **data),
            html.Aside(
                [
                    html.Div(id=ids.LIVE_BANNER),
                    html.Div(id=ids.LIVE_ALARMS),
                    steering_card(run_id),
                    card("Selection", html.Div(id=ids.SELECTION_ROOT)),
                    odr_card(ODR_STEPS_HEIGHT),
                    scr_card(SCR_STEPS_HEIGHT),
                    _losses_card(),
                    _health_card(),
                    log_card(run_id),
                    _run_card(),
                ],
                className="cards",
            ),
            html.Div(id=ids.TIMELINE_ROOT, className="timeline-root"),
        ],
        className="live",
    )


def _losses_card() -> Component:
    return card(
        "Losses",
        html.Div(
            [
                _waiting("With the first logged step: the losses."),
                over_steps(ids.LOSSES, LOSSES_HEIGHT, "Losses over the steps"),
            ],
            id=ids.LOSSES_BODY,
            className=WAITING,
        ),
    )


def _health_card() -> Component:
    return card(
        "Health",
        html.Div(
            [
                _waiting(
                    "With the first logged step: whether the teacher learns, and what could "
                    "go wrong with it."
                ),
                over_steps(
                    ids.HEALTH, HEALTH_HEIGHT, "Probe, collapse, ODR, SCR and time of a step"
                ),
            ],
            id=ids.HEALTH_BODY,
            className=WAITING,
        ),
    )


def _run_card() -> Component:
    return card(
        "Run",
        html.Dl(id=ids.RUN_FACTS, className="run-facts"),
        opened=False,
    )


def _waiting(text: str) -> Component:
    return html.P(text, className="waiting quiet")


# -- contents that callbacks fill in ------------------------------------------------------------


def live_top(row: dict[str, Any]) -> list[Component]:
    """Where a run is; `row` is the API's summary."""
    if row.get("recording"):
        return [
            html.H1(TITLE, title=row["id"]),
            status_chip("recording"),
            progress(row["step"], row["total_steps"]),
            fact("recorded", words.moment(row["created"])),
            fact("took", words.duration(row["recording"]["seconds"])),
        ]
    running = row["status"] in ("starting", "running")
    facts = [
        fact("step", words.duration(row["step_s"]), "time of one optimiser step"),
        fact("device", row["device"] or words.NOTHING),
        fact("data", words.ago(row["age_s"]), "when the trainer last wrote"),
    ]
    if running:
        facts.insert(0, fact("left", words.duration(row["eta_s"]), "estimated time to the end"))
    return [
        html.H1(row["id"], title=row["recipe"] or ""),
        status_chip(row["status"]),
        progress(row["step"], row["total_steps"]),
        *facts,
    ]


def alarms(raised: Sequence[dict[str, Any]]) -> Component | None:
    """What goes wrong now and what to do about it; `raised` are the events of the alarms."""
    if not raised:
        return None
    return html.Div([_alarm(event) for event in raised], className="alarms", role="status")


def _alarm(event: dict[str, Any]) -> Component:
    title, _, rest = str(event.get("text", event["name"])).partition(": ")
    return html.Div(
        [
            html.H2([title, html.Span(f"since step {words.count(event['step'])}")]),
            html.P(rest[:1].upper() + rest[1:]),
        ],
        className="alarm",
    )


def run_facts(details: dict[str, Any]) -> list[Component]:
    """What the run was started with."""
    libraries = ", ".join(f"{name} {version}" for name, version in details["libraries"].items())
    scenes = ", ".join(scene["id"] for scene in details["scenes"])
    parent = details.get("parent")
    fork = f"{parent['run']}, step {words.count(parent['step'])}" if parent else ""
    rows = [
        ("Recipe", details["recipe"]),
        ("Forked from", fork),
        ("Created", words.moment(details["created"])),
        ("Seed", str(details["seed"])),
        ("Cell", words.number(details["cell_size"], "m")),
        ("Scenes", scenes),
        ("Libraries", libraries),
        ("Command", details["command"]),
    ]
    return [part for name, text in rows if text for part in (html.Dt(name), html.Dd(text))]
