"""One run, live: the viewport, what ODR and SCR do, the losses, and the timeline."""

from collections.abc import Sequence
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from layouts import ids, words
from layouts.parts import card, change, command, fact, graph, legend, progress, status_chip, top_bar

TICK_MS = 2000
HEALTH_HEIGHT = 660
WAITING_BODY = "is-waiting"  # class of a card whose figures are not there yet


def live_page(run_id: str) -> Component:
    data: dict[str, Any] = {"data-run": run_id}  # read by the viewport's scripts
    stores = [
        *(ids.LIVE_CURSOR, ids.LIVE_NOTICE, ids.FRAME_SHOWN, ids.CURVES_SHOWN),
        ids.HEALTH_SHOWN,
    ]
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
                    _odr_card(),
                    _scr_card(),
                    _curves_card(),
                    _health_card(),
                    _run_card(),
                ],
                className="cards",
            ),
            html.Div(id=ids.TIMELINE_ROOT, className="timeline-root"),
        ],
        className="live",
    )


def _odr_card() -> Component:
    return card(
        "Offsets against the prior (ODR)",
        html.Div(
            [
                _waiting(
                    "With the first frame: how long the teacher's offsets are, against the "
                    "prior, before and after ODR."
                ),
                html.Div(id=ids.ODR_FACTS, className="facts"),
                legend([("prior", "prior"), ("before", "before ODR"), ("after", "after ODR")]),
                graph(ids.ODR_MAGNITUDE, 168, "Offset lengths against the prior"),
                graph(ids.ODR_DIRECTIONS, 92, "Directions of the offsets along each axis"),
                html.P(
                    "Directions, axis by axis. Dashed: all directions alike.", className="caption"
                ),
            ],
            id=ids.ODR_BODY,
            className=WAITING_BODY,
        ),
    )


def _scr_card() -> Component:
    return card(
        "Pseudo-instances (SCR)",
        html.Div(
            [
                _waiting("With the first frame: the groups that SCR cuts out of the centroids."),
                html.Div(id=ids.SCR_FACTS, className="facts"),
                graph(ids.SCR_SIZES, 104, "Sizes of the pseudo-instances"),
            ],
            id=ids.SCR_BODY,
            className=WAITING_BODY,
        ),
    )


def _curves_card() -> Component:
    return card(
        "Losses",
        html.Div(
            [
                _waiting("With the first logged step: the losses, and the distance to the prior."),
                graph(ids.CURVES, 264, "Losses and distance to the prior over the steps"),
            ],
            id=ids.CURVES_BODY,
            className=WAITING_BODY,
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
                graph(ids.HEALTH, HEALTH_HEIGHT, "Probe, collapse, ODR, SCR and time of a step"),
            ],
            id=ids.HEALTH_BODY,
            className=WAITING_BODY,
        ),
    )


def _run_card() -> Component:
    return card(
        "Run",
        [
            html.Dl(id=ids.RUN_FACTS, className="run-facts"),
            html.Pre(id=ids.RUN_LOG, className="log"),
        ],
        opened=False,
    )


def _waiting(text: str) -> Component:
    return html.P(text, className="waiting quiet")


# -- contents that callbacks fill in ------------------------------------------------------------


def live_top(row: dict[str, Any]) -> list[Component]:
    """Where a run is; `row` is the API's summary."""
    running = row["status"] in ("running", "starting")
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


def banner(row: dict[str, Any], go_on: str, log: Sequence[str]) -> Component | None:
    """What happened to a run that is not running any more, and how to go on."""
    step, total = words.count(row["step"]), words.count(row["total_steps"])
    texts = {
        "lost": ("The trainer is gone", row["detail"]),
        "failed": ("The training failed", row["detail"] or f"It ended at step {step}."),
        "stopped": ("Stopped", row["detail"] or f"Stopped at step {step} of {total}."),
    }
    if row["status"] not in texts:
        return None
    title, text = texts[row["status"]]
    tail = [html.Pre("\n".join(log), className="log")] if log else []
    return html.Div(
        [
            html.H2(title),
            html.P(text),
            *tail,
            html.P("Go on from the last checkpoint:", className="quiet"),
            command(go_on),
        ],
        className=f"banner banner-{row['status']}",
        role="status",
    )


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


def odr_facts(odr: dict[str, Any]) -> list[Component]:
    """The figures of ODR: distances to the prior before and after, and how many are near zero."""
    w1 = change(words.number(odr.get("w1_before_m")), words.number(odr.get("w1_after_m"), "m"))
    ks = change(words.number(odr.get("ks_before")), words.number(odr.get("ks_after")))
    return [
        fact("W₁ to prior", w1, "Wasserstein-1 distance of offset lengths to the prior"),
        fact("KS", ks, "Kolmogorov-Smirnov distance of offset lengths to the prior"),
        fact("under 2 cm", words.share(odr.get("zero_share")), "share of offsets near zero"),
        fact("mean", words.number(odr.get("mean_m"), "m"), "mean length before ODR"),
    ]


def scr_facts(scr: dict[str, Any]) -> list[Component]:
    """The figures of SCR."""
    return [
        fact("instances", words.number(scr.get("components")), "pseudo-instances of this scene"),
        fact("grouped", words.share(scr.get("kept_share")), "share of non-plane cells in any"),
        fact("largest", words.share(scr.get("largest_share")), "near 100 %: SCR does nothing"),
        fact("extent", words.number(scr.get("extent_m"), "m"), "mean diagonal of their boxes"),
    ]


def run_facts(details: dict[str, Any]) -> list[Component]:
    """What the run was started with."""
    libraries = ", ".join(f"{name} {version}" for name, version in details["libraries"].items())
    scenes = ", ".join(scene["id"] for scene in details["scenes"])
    rows = [
        ("Recipe", details["recipe"]),
        ("Created", words.moment(details["created"])),
        ("Seed", str(details["seed"])),
        ("Cell", words.number(details["cell_size"], "m")),
        ("Scenes", scenes),
        ("Libraries", libraries),
        ("Command", details["command"]),
    ]
    return [part for name, text in rows if text for part in (html.Dt(name), html.Dd(text))]
