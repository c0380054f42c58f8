"""The card of ODR: lengths and directions of the teacher's offsets against the prior."""

from collections.abc import Mapping
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from layouts import ids, words
from layouts.parts import card, change, fact, graph

VIEWS = {"density": "Density", "cdf": "CDF", "qq": "QQ", "map": "Map"}
ROWS = (
    ("prior", "prior", ""),
    ("before", "before ODR", "teacher's offsets as the head gives them"),
    ("after", "after ODR", "the same, mapped onto the prior"),
    ("student", "student", "the student's offsets of the same cells"),
)
NOT_RECORDED = "Not recorded by this run."
DIRECTIONS_NOTE = {
    False: "Axis by axis. Dashed: all directions alike.",
    True: "Axis by axis. Dashed: the directions that the prior was measured with.",
}
LENGTHS_HEIGHT, SPHERE_HEIGHT, AXES_HEIGHT = 204, 158, 92


def odr_card(steps_height: int) -> Component:
    return card(
        "Offsets against the prior (ODR)",
        html.Div(
            [
                html.P(
                    "With the first frame: how long the teacher's offsets are, against the "
                    "prior, before and after ODR.",
                    className="waiting quiet",
                ),
                html.Div(
                    [
                        html.Div(id=ids.ODR_FACTS),
                        html.Div(id=ids.ODR_SELECTION, className="odr-selection"),  # by scripts
                        html.P(id=ids.ODR_COLLAPSE, className="collapse-state"),
                    ],
                    className="is-wide",
                ),
                part(
                    "Lengths",
                    [
                        dcc.RadioItems(
                            id=ids.ODR_VIEW,
                            options=[{"value": k, "label": v} for k, v in VIEWS.items()],
                            value="density",
                            className="tabs",
                        ),
                        graph(ids.ODR_LENGTHS, LENGTHS_HEIGHT, "Offset lengths against the prior"),
                        html.Div(id=ids.ODR_BRUSH, className="odr-brush"),  # filled by scripts
                    ],
                ),
                part(
                    "Directions",
                    [
                        html.Div(id=ids.ODR_UNIFORMITY, className="facts"),
                        html.Div(
                            graph(ids.ODR_SPHERE, SPHERE_HEIGHT, "Where the offsets point"),
                            id=ids.ODR_SPHERE_BODY,
                        ),
                        graph(ids.ODR_DIRECTIONS, AXES_HEIGHT, "Directions along each axis"),
                        html.P(id=ids.ODR_DIRECTIONS_NOTE, className="caption"),
                    ],
                ),
                part(
                    "Over the steps, this scene",
                    over_steps(ids.ODR_STEPS, steps_height, "Distances to the prior"),
                    is_wide=True,
                ),
            ],
            id=ids.ODR_BODY,
            className="panel is-waiting",
        ),
    )


def part(title: str, children: Any, *, is_wide: bool = False) -> Component:
    """A section of a card that folds; in a wide card two stand side by side, unless `is_wide`."""
    return html.Details(
        [html.Summary(html.H3(title)), html.Div(children)],
        open=True,
        className="panel-part is-wide" if is_wide else "panel-part",
    )


def over_steps(id: str, height: int, label: str) -> Component:
    """A chart over the steps: its first shape is the time cursor, and a click moves that."""
    return html.Div(graph(id, height, label), className="over-steps")


# -- contents that callbacks fill in ------------------------------------------------------------


def odr_table(odr: Mapping[str, Any], prior_mean_m: float | None) -> Component:
    """Distances to the prior, and the mean length; its row heads are the charts' legend."""
    heads = ("", "W₁ to prior", "KS", "mean", "under 2 cm")
    body = [html.Tr([_head(*row), *_figures(row[0], odr, prior_mean_m)]) for row in ROWS]
    return html.Table(
        [html.Thead(html.Tr([html.Th(text, scope="col") for text in heads])), html.Tbody(body)],
        className="figures",
    )


def _head(name: str, label: str, about: str) -> Component:
    swatch = html.I(className=f"swatch swatch-{name}")
    return html.Th([swatch, label], scope="row", title=about)


def _figures(name: str, odr: Mapping[str, Any], prior_mean_m: float | None) -> list[Component]:
    if name == "prior":
        return [html.Td(), html.Td(), html.Td(words.number(prior_mean_m, "m")), html.Td()]
    w1 = odr.get(f"w1_{name}_m")
    if w1 is None:
        return [html.Td(NOT_RECORDED, colSpan=4, className="quiet")]
    mean = odr.get("mean_m" if name == "before" else f"mean_{name}_m")
    zero = odr.get("zero_share") if name == "before" else None
    return [
        html.Td(words.number(w1, "m")),
        html.Td(words.number(odr.get(f"ks_{name}"))),
        html.Td("" if mean is None else words.number(mean, "m")),
        html.Td("" if zero is None else words.share(zero)),
    ]


def collapse_state(zero_share: float | None, limit: float, is_raised: bool) -> tuple[str, str]:
    """What the share of offsets near zero means, and a class for it.

    Args:
        zero_share: Of the frame, before ODR.
        limit: Share from which the trainer raises an alarm.
        is_raised: Whether that alarm is raised now.
    """
    if zero_share is None:
        return NOT_RECORDED, "collapse-state quiet"
    bound = f"{words.share(limit)} raise the alarm"
    if zero_share >= limit or is_raised:
        now = "The alarm is raised" if is_raised else "The alarm is not raised yet"
        text = f"Offsets collapse: {words.share(zero_share)} are under 2 cm. {now}; {bound}."
        return text, "collapse-state is-raised"
    return f"No collapse: {words.share(zero_share)} under 2 cm; {bound}.", "collapse-state quiet"


def uniformity_facts(odr: Mapping[str, Any], uneven: tuple[float, float] | None) -> list[Component]:
    """How far directions are from all alike; `uneven` is chi-squared over n, before and after."""
    if uneven is None:
        return [html.P(NOT_RECORDED, className="quiet")]
    resultant = (odr.get("resultant_before"), odr.get("resultant_after"))
    return [
        _change("mean resultant length", resultant, "0: no direction is preferred, 1: all alike"),
        _change("χ² / n", uneven, "0: every bin of the sphere has its share"),
    ]


def _change(label: str, pair: tuple[float | None, float | None], title: str) -> Component:
    return fact(label, change(*(words.number(value) for value in pair)), title)
