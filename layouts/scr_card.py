"""The card of SCR: what the votes were grouped into, and what became of it since the last frame."""

from collections.abc import Mapping
from typing import Any

from dash import html
from dash.development.base_component import Component

from layouts import ids, words
from layouts.odr_card import NOT_RECORDED, over_steps, part
from layouts.parts import card, fact, graph

SEGMENTS_HEIGHT, SIZES_HEIGHT, FLOW_HEIGHT = 168, 104, 176


def scr_card(steps_height: int) -> Component:
    return card(
        "Pseudo-instances (SCR)",
        html.Div(
            [
                html.P(
                    "With the first frame: the groups that SCR cuts out of the votes.",
                    className="waiting quiet",
                ),
                html.Div(id=ids.SCR_FACTS, className="facts is-wide"),
                part(
                    "K-means segments",
                    [
                        html.P(id=ids.SCR_SEGMENTS_NOTE, className="quiet"),
                        html.Div(
                            [
                                _legend(),
                                graph(
                                    ids.SCR_SEGMENTS, SEGMENTS_HEIGHT, "Cells of K-means segments"
                                ),
                                html.P(
                                    "Above a bar: its pseudo-instances. A click isolates.",
                                    className="caption",
                                ),
                                html.Details(
                                    [html.Summary("As a table"), html.Div(id=ids.SCR_TABLE)],
                                    className="table-twin",
                                ),
                            ],
                            id=ids.SCR_SEGMENTS_BODY,
                        ),
                    ],
                ),
                part(
                    "Since the frame before",
                    [
                        html.Div(id=ids.SCR_CHANGES, className="facts"),
                        html.Div(
                            [
                                graph(ids.SCR_FLOW, FLOW_HEIGHT, "Cells that went on together"),
                                html.P("Coloured ribbons: merged or split.", className="caption"),
                            ],
                            id=ids.SCR_FLOW_BODY,
                        ),
                    ],
                ),
                part("Sizes", graph(ids.SCR_SIZES, SIZES_HEIGHT, "Sizes of pseudo-instances")),
                part(
                    "Over the steps, this scene",
                    over_steps(ids.SCR_STEPS, steps_height, "Agreement and shares over the steps"),
                ),
            ],
            id=ids.SCR_BODY,
            className="panel is-waiting",
        ),
    )


def _legend() -> Component:
    names = (("largest", "in the largest"), ("others", "in others"), ("none", "in none"))
    return html.Div(
        [html.Span([html.I(className=f"swatch swatch-{name}"), text]) for name, text in names],
        className="legend",
    )


# -- contents that callbacks fill in ------------------------------------------------------------


def scr_facts(scr: Mapping[str, Any]) -> list[Component]:
    """The figures of SCR."""
    kept = scr.get("kept_share")
    return [
        fact("instances", words.number(scr.get("components")), "pseudo-instances of this scene"),
        fact("kept", words.share(kept), "share of non-plane cells in a pseudo-instance"),
        fact(
            "discarded",
            words.share(None if kept is None else 1 - kept),
            "share of non-plane cells in none: smaller than tau_min",
        ),
        fact("largest", words.share(scr.get("largest_share")), "near 100 %: SCR does nothing"),
        fact("extent", words.number(scr.get("extent_m"), "m"), "mean diagonal of their boxes"),
    ]


def change_facts(scr: Mapping[str, Any]) -> list[Component]:
    """Merges, splits and agreement since the frame before, and agreement with the labels."""
    if "transitions" not in scr:
        return [html.P(NOT_RECORDED, className="quiet")]
    truth = scr.get("ari_truth")
    known = [] if truth is None else [_ari("truth", truth, "with the labelled objects")]
    before = scr.get("before_step")
    if before is None:
        return [html.P("This is the first frame.", className="quiet"), *known]
    return [
        fact("since step", words.count(before), "the frame before this one"),
        fact("merges", words.count(scr.get("merges")), "made of two or more from before"),
        fact("splits", words.count(scr.get("splits")), "came apart into two or more"),
        _ari("last", scr.get("ari_before"), "with the pseudo-instances of that frame"),
        *known,
    ]


def _ari(label: str, value: float | None, about: str) -> Component:
    return fact(f"ARI, {label}", words.number(value), f"adjusted Rand index {about}")


def segment_table(scr: Mapping[str, Any]) -> Component:
    """The bars as a table; the number of a segment is a button that isolates it."""
    heads = ("segment", "cells", "kept", "instances", "largest")
    rows = [
        html.Tr(
            [
                html.Th(_isolate(row["segment"]), scope="row"),
                html.Td(words.count(row["cells"])),
                html.Td(words.share(row["kept"] / row["cells"])),
                html.Td(words.count(row["components"])),
                html.Td(words.share(row["largest_share"])),
            ]
        )
        for row in sorted(scr["segments"], key=lambda row: row["segment"])
        if row["cells"]
    ]
    return html.Table(
        [html.Thead(html.Tr([html.Th(text, scope="col") for text in heads])), html.Tbody(rows)],
        className="figures",
    )


def _isolate(segment: int) -> Component:
    told: dict[str, Any] = {"data-segment": str(segment)}
    return html.Button(str(segment), type="button", title="Isolate this segment", **told)
