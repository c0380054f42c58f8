"""Scenes of a collection as cards and as rows of a table, each with its offsets over the prior."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from dash import dcc, html
from dash.development.base_component import Component

from layouts import words
from layouts.parts import aria

CARD_STATES = {"waiting": "unread", "failed": "failed", "ready": "ready"}  # parts of class names
SPARK_SIZE = (200, 44)  # of a card's small chart, in its own units


def grid(cards: Sequence[dict[str, Any]], pager: Component | None) -> list[Any]:
    """Cards in the order given; `cards` as `card` takes them."""
    return [html.Div([card(one) for one in cards], className="scene-grid"), pager]


def card(scene: dict[str, Any]) -> Component:
    """One scene: picture, name, facts, and its offsets over the prior.

    Args:
        scene: id, href, state (waiting, failed, ready), picture (address, None or False), facts,
            error, w1_m, own and prior (points of small curves), is_at (was looked at last).
    """
    state, at = scene["state"], " is-at" if scene["is_at"] else ""
    body: list[Any] = [html.B(scene["id"], className="scene-name", title=scene["id"])]
    if state == "ready":
        facts = scene["facts"]
        body.append(html.Span(_size_line(facts), className="scene-size quiet"))
        if scene["w1_m"] is None:
            body.append(html.Span("no free-standing clusters found", className="scene-none quiet"))
        else:
            body += [_spark(scene["own"], scene["prior"]), _distance(scene["w1_m"])]
    elif state == "waiting":
        body.append(html.Span("not read yet", className="scene-size quiet"))
    return dcc.Link(
        [_picture(scene), html.Span(body, className="scene-body")],
        href=scene["href"],
        className=f"scene-card is-{CARD_STATES[state]}{at}",
    )


def _size_line(facts: dict[str, Any]) -> str:
    parts = [f"{_short(facts['points'])} points"]
    if facts["num_instances"]:
        parts.append(f"{facts['num_instances']:,} instances")
    longest = max(facts["extent_m"])
    parts.append(f"{longest:.1f} m" if longest < 10 else f"{longest:,.0f} m")
    return " · ".join(parts)


def _distance(w1_m: float) -> Component:
    return html.Span(
        [html.Span("W₁ ", className="quiet"), html.B(f"{w1_m:.2f} m")],
        className="scene-w1",
        title="Wasserstein-1 distance of its label-free offset lengths to the prior",
    )


def _picture(scene: dict[str, Any]) -> Component:
    if scene["state"] == "failed":
        return html.Span(
            [html.B("Cannot be read"), html.Span(scene["error"])],
            className="scene-picture is-fault",
            title=scene["error"],
        )
    if scene["state"] == "waiting":
        return html.Span(className="scene-picture is-unread")
    if scene["picture"] is None:
        return html.Span(className="scene-picture is-drawn-soon")
    if scene["picture"] is False:
        return html.Span(
            html.Span("No picture on this machine", className="quiet"),
            className="scene-picture is-fault",
        )
    return html.Span(html.Img(src=scene["picture"], alt=""), className="scene-picture")


def _spark(own: Sequence[float] | None, prior: Sequence[float]) -> Component:
    """Distribution function of the offsets as a line, over that of the prior as an area."""
    layers = [html.I(className="spark-prior", style=_mask(prior, is_area=True))]
    if own is not None:
        layers.append(html.I(className="spark-own", style=_mask(own, is_area=False)))
    return html.Span(layers, className="scene-spark", **aria(hidden="true"))


def _mask(shares: Sequence[float], *, is_area: bool) -> dict[str, str]:
    width, height = SPARK_SIZE
    points = " ".join(
        f"{width * k / (len(shares) - 1):.1f},{height - 1 - (height - 3) * share:.1f}"
        for k, share in enumerate(shares)
    )
    if is_area:
        shape = f'<polygon points="0,{height} {points} {width},{height}"/>'
    else:
        shape = (
            f'<polyline points="{points}" fill="none" stroke="#000" stroke-width="2" '
            'stroke-linejoin="round" vector-effect="non-scaling-stroke"/>'
        )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'preserveAspectRatio="none">{shape}</svg>'
    )
    return {"maskImage": f'url("data:image/svg+xml,{quote(svg)}")'}


TABLE_HEADS = (
    ("", None),
    ("Scene", "name"),
    ("W₁ to prior", "prior"),
    ("Offsets", None),
    ("Points", "points"),
    ("Density", "density"),
    ("Spacing", None),
    ("Instances", "instances"),
    ("Extent", "extent"),
)


def table(
    scenes: Sequence[dict[str, Any]],
    heads: dict[str, dict[str, Any]],
    pager: Component | None,
) -> list[Any]:
    """The same scenes as rows; heads that can be sorted by are links.

    Args:
        scenes: As `card` takes them.
        heads: href and state ("up", "down" or "") by the name of a sort.
        pager: Links to other pages.
    """
    cells = []
    for text, sort in TABLE_HEADS:
        if sort is None:
            cells.append(html.Th(text))
            continue
        state = heads[sort]["state"]
        spoken = {"up": "ascending", "down": "descending", "": "none"}[state]
        cells.append(
            html.Th(
                dcc.Link(
                    text, href=heads[sort]["href"], className=f"head-link is-{state or 'off'}"
                ),
                **aria(sort=spoken),
            )
        )
    rows = [_table_row(scene) for scene in scenes]
    return [
        html.Table([html.Thead(html.Tr(cells)), html.Tbody(rows)], className="scene-table"),
        pager,
    ]


def _table_row(scene: dict[str, Any]) -> Component:
    at = " is-at" if scene["is_at"] else ""
    name = dcc.Link(scene["id"], href=scene["href"], className="scene-link")
    if scene["state"] != "ready":
        text = scene["error"] if scene["state"] == "failed" else "not read yet"
        return html.Tr(
            [
                html.Td(_picture(scene | {"state": "waiting"})),
                html.Td(name),
                html.Td(text, colSpan=len(TABLE_HEADS) - 2, className="quiet reason"),
            ],
            className=f"is-{CARD_STATES[scene['state']]}{at}",
        )
    facts = scene["facts"]
    x, y, z = (words.number(value) for value in facts["extent_m"])
    instances, w1_m = facts["num_instances"], scene["w1_m"]
    return html.Tr(
        [
            html.Td(_picture(scene)),
            html.Td(name),
            html.Td(words.NOTHING if w1_m is None else html.B(f"{w1_m:.2f} m")),
            html.Td(_spark(scene["own"], scene["prior"])),
            html.Td(words.count(facts["points"])),
            html.Td(f"{words.number(facts['density_per_m2'])} /m²"),
            html.Td(spacing(facts["spacing_m"])),
            html.Td(words.NOTHING if instances is None else words.count(instances)),
            html.Td(f"{x} × {y} × {z} m"),
        ],
        className=f"is-ready{at}",
    )


def spacing(metres: float) -> str:
    return words.number(1000 * metres, "mm")


def _short(count: int) -> str:
    if count < 10_000:
        return f"{count:,}"
    return f"{count / 1000:,.0f} k" if count < 1_000_000 else f"{count / 1_000_000:.1f} M"
