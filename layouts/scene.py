"""One scene of a collection: its points, what the engine reads in it, and its offsets' lengths."""

from collections.abc import Sequence
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from layouts import ids, words
from layouts.parts import card, fact, graph, legend, top_bar
from layouts.scene_cards import spacing
from layouts.segment import segment_button

TICK_MS = 1500
MAX_CLASSES = 40
FIELD_WORDS = {
    "coord": "positions",
    "color": "colour",
    "normal": "normals",
    "intensity": "intensity",
    "semantic_label": "classes",
    "instance_label": "instances",
    "is_plane": "planes",
}


def scene_page(collection: str, scene: str) -> Component:
    root: dict[str, Any] = {"data-collection": collection, "data-scene": scene}  # read by scripts
    return html.Div(
        [
            dcc.Store(id=ids.SCENE_PLACE, data=[collection, scene]),
            dcc.Store(id=ids.SCENE_SHOWN),
            dcc.Interval(id=ids.SCENE_TICK, interval=TICK_MS),
            top_bar([html.H1(scene)], id=ids.SCENE_TOP),
            html.Div(id=ids.SCENE_VIEW, className="viewport-root", **root),
            html.Aside(
                [
                    html.Div(id=ids.SCENE_NOTES),
                    card(
                        "Label-free offsets against a prior",
                        html.Div(
                            [
                                html.P(
                                    "As soon as the scene is read: how far its points are from "
                                    "the centres of the clusters found without labels.",
                                    className="waiting quiet",
                                ),
                                html.Div(id=ids.SCENE_PRIORS),
                                html.Div(id=ids.SCENE_DISTANCE, className="facts"),
                                html.Div(id=ids.SCENE_LEGEND),
                                graph(ids.SCENE_SHARES, 176, "Offset lengths and the prior"),
                                graph(ids.SCENE_CUMULATIVE, 168, "Share of offsets up to a length"),
                                html.P(
                                    "The grey area between scene and prior is W₁.",
                                    className="caption",
                                ),
                            ],
                            id=ids.SCENE_OFFSETS_BODY,
                            className="is-waiting",
                        ),
                    ),
                    card("Scan", html.Dl(id=ids.SCENE_FACTS, className="run-facts scan-facts")),
                    card("Classes", html.Div(id=ids.SCENE_CLASSES)),
                ],
                className="cards",
            ),
        ],
        className="live is-scene",
    )


def no_such_scene(scene: str, collection: str, href: str) -> Component:
    return html.Div(
        [
            top_bar([html.H1("No such scene")]),
            html.Div(
                [
                    html.H2(f"{collection} has no scene called “{scene[:100]}”"),
                    html.P(dcc.Link("All its scenes", href=href)),
                ],
                className="empty is-text",
            ),
        ]
    )


# -- contents that callbacks fill in ------------------------------------------------------------


def scene_top(
    scene: str, collection: dict[str, str], steps: dict[str, str | None], facts: dict | None
) -> list[Component]:
    """Where one is: back to the collection, the scenes beside this one, and the largest facts.

    Args:
        scene: Its id.
        collection: id, title and href of the collection.
        steps: Addresses of the scenes `before` and `after` in the collection's order.
        facts: Of the scene, None while it is not read.
    """
    parts: list[Component] = [
        dcc.Link(
            [html.Span("‹", className="back-mark"), collection["title"]],
            href=collection["href"],
            className="back-link",
            title="Back to the collection",
        ),
        html.H1(scene, title=scene),
        html.Nav(
            [
                _step("Previous scene", "‹", steps["before"]),
                _step("Next scene", "›", steps["after"]),
            ],
            className="scene-steps",
        ),
        segment_button(collection["id"], scene),
    ]
    if facts is not None:
        parts += [
            fact("points", words.count(facts["points"])),
            fact("instances", words.count(facts["num_instances"])),
            fact("longest side", words.number(max(facts["extent_m"]), "m")),
        ]
    return parts


def _step(text: str, mark: str, href: str | None) -> Component:
    if href is None:
        return html.Span(mark, className="step-link is-off")
    return dcc.Link(
        [html.Span(mark), html.Span(text, className="hidden-text")],
        href=href,
        className="step-link",
        title=text,
    )


def notes(state: str, error: str | None, warnings: Sequence[str]) -> list[Component]:
    """What went wrong with the scan, or what its owner should know."""
    if state == "failed":
        return [
            html.Div(
                [html.H2("This scan cannot be read"), html.P(error)],
                className="banner banner-failed",
                role="status",
            )
        ]
    return [
        html.Div([html.H2("Worth knowing"), html.P(text)], className="banner banner-note")
        for text in warnings
    ]


def without_name(text: str, scene: str) -> str:
    """A sentence about a scene without its name in front, which stands above it already."""
    rest = text.removeprefix(f"{scene}: ")
    return text if rest == text else rest[:1].upper() + rest[1:]


def offset_legend(has_truth: bool) -> Component:
    entries = [("prior", "prior"), ("before", "this scene, without labels")]
    return legend([*entries, ("truth", "its labelled objects")] if has_truth else entries)


def distance_facts(offsets: dict[str, Any]) -> list[Component]:
    return [
        fact(
            "W₁ to prior",
            words.number(offsets["w1_m"], "m"),
            "Wasserstein-1 distance of its offset lengths to the prior",
        ),
        fact(
            "KS",
            words.number(offsets["ks"]),
            "Kolmogorov-Smirnov distance of its offset lengths to the prior",
        ),
        fact("mean", words.number(offsets["mean_m"], "m"), "mean offset length of this scene"),
        fact("prior's mean", words.number(offsets["prior_mean_m"], "m")),
    ]


def scan_facts(facts: dict[str, Any], dataset: str = "", licence: str = "") -> list[Component]:
    """What the engine reads in the scan, as `pointins scenes show` says it.

    Args:
        facts: Of its row.
        dataset: Name and layout of the dataset that it is from; "" of a plain scan.
        licence: Terms of that dataset.
    """
    x, y, z = (words.number(value) for value in facts["extent_m"])
    dropped = f", {facts['dropped']:,} left out: no position" if facts["dropped"] else ""
    plane = "floor, walls, ceiling" if facts["domain"] == "indoor" else "ground"
    labelled = facts["num_instances"]
    holds = [FIELD_WORDS[name] if name in FIELD_WORDS else name for name in facts["fields"]]
    rows: list[tuple[str, str | None]] = [
        ("Dataset", f"{dataset}, {facts['split']}" if facts["split"] else dataset),
        ("Source", facts["source"]),
        ("Points", f"{facts['points']:,}{dropped}"),
        ("Holds", ", ".join(holds)),
        ("Extent", f"{x} × {y} × {z} m"),
        ("Density", f"{words.number(facts['density_per_m2'])} points/m² of its plan"),
        ("Spacing", f"{spacing(facts['spacing_m'])} to the nearest point"),
        ("Up axis", facts["up_axis"]),
        ("Planes", f"{words.share(facts['plane_share'])} of the points: {plane}"),
        ("Taken as", f"{facts['domain']}, cells of {words.number(facts['cell_size_m'], 'm')}"),
        ("Instances", None if labelled is None else words.count(labelled)),
        (
            "Origin",
            ", ".join(f"{value:,.0f}" for value in facts["origin_m"]) + " m subtracted"
            if any(facts["origin_m"])
            else None,
        ),
        ("Read in", words.duration(facts["read_s"])),
        ("Licence", licence),
    ]
    return [part for name, text in rows if text for part in (html.Dt(name), html.Dd(text))]


def class_list(facts: dict[str, Any]) -> Component:
    """Classes with their share of the points, the largest first."""
    classes = sorted(facts["classes"].items(), key=lambda item: -item[1]["points"])
    if not classes:
        return html.P("This scan holds no labels.", className="quiet")
    rows = [
        _class_row(name, found["points"], found["instances"], facts["points"])
        for name, found in classes[:MAX_CLASSES]
    ]
    if facts["unlabelled"]:
        rows.append(_class_row("no class", facts["unlabelled"], None, facts["points"]))
    return html.Table(
        [
            html.Thead(
                html.Tr([html.Th("Class"), html.Th(""), html.Th("Points"), html.Th("Instances")])
            ),
            html.Tbody(rows),
        ],
        className="class-table",
    )


def _class_row(name: str, points: int, instances: int | None, total: int) -> Component:
    share = points / max(total, 1)
    return html.Tr(
        [
            html.Td(name),
            html.Td(
                html.Span(className="class-bar", style={"width": f"{max(100 * share, 0.5):.1f}%"})
            ),
            html.Td(words.count(points)),
            html.Td(words.count(instances) if instances else words.NOTHING),
        ]
    )
