"""Collections of scenes: cards or a table, ordered by how far a scene's offsets are from a prior.

Everything that a person chooses is in the address, so controls are links; only the filter is typed.
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from dash import dcc, html
from dash.development.base_component import Component

from layouts import ids, words
from layouts.parts import aria, command, top_bar

BEAT_MS = 1500
CARD_STATES = {"waiting": "unread", "failed": "failed", "ready": "ready"}  # parts of class names
SPARK_SIZE = (200, 44)  # of a card's small chart, in its own units


def scenes_page(collection: str, tabs: Sequence[dict[str, Any]], filter_text: str) -> Component:
    """The page of a collection; callbacks fill in what changes.

    Args:
        collection: Id of the collection that is shown.
        tabs: id, title, count (or None) and href of every collection.
        filter_text: What the address says is filtered by.
    """
    return html.Div(
        [
            dcc.Store(id=ids.SCENES_COLLECTION, data=collection),
            dcc.Store(id=ids.SCENES_SHOWN),
            dcc.Store(id=ids.SCENES_HELD),
            dcc.Interval(id=ids.SCENES_BEAT, interval=BEAT_MS),
            top_bar([html.H1("Scenes"), _tabs(collection, tabs)]),
            html.Div(
                [
                    html.Div(id=ids.SCENES_MENUS, className="scene-menus"),
                    dcc.Input(
                        id=ids.SCENES_FILTER,
                        type="text",
                        value=filter_text,
                        debounce=0.3,  # type: ignore[arg-type]  # seconds; the stub says bool
                        placeholder="Filter by name, class, split",
                        className="scene-filter",
                        maxLength=100,
                    ),
                    html.Div(id=ids.SCENES_COUNT, className="scene-count", role="status"),
                    html.Div(id=ids.SCENES_VIEWS, className="scene-views"),
                ],
                className="scene-controls",
            ),
            html.Div(id=ids.SCENES_STATUS),
            html.Div(id=ids.SCENES_GRID, className="scene-scroll"),
        ],
        className="scenes-page",
    )


def no_such_collection(name: str, tabs: Sequence[dict[str, Any]]) -> Component:
    links = [html.Li(dcc.Link(tab["title"], href=tab["href"])) for tab in tabs]
    return html.Div(
        [
            top_bar([html.H1("No such collection")]),
            html.Div(
                [
                    html.H2(f"No collection is called “{name[:100]}”"),
                    html.P("There are:"),
                    html.Ul(links),
                    html.P("A folder of scans becomes one when the studio is started with it:"),
                    command("pointins studio --scenes FOLDER"),
                ],
                className="empty is-text",
            ),
        ]
    )


def _tabs(collection: str, tabs: Sequence[dict[str, Any]]) -> Component:
    return html.Nav(
        [
            dcc.Link(
                [
                    html.Span(tab["title"]),
                    html.Span(
                        "" if tab["count"] is None else words.count(tab["count"]),
                        className="tab-count",
                    ),
                ],
                href=tab["href"],
                className=f"tab{' is-here' if tab['id'] == collection else ''}",
                title=tab["source"],
            )
            for tab in tabs
        ],
        className="tabs",
        **aria(label="Collections"),
    )


# -- contents that callbacks fill in ------------------------------------------------------------


def menu(label: str, current: str, entries: Sequence[dict[str, Any]], key: str) -> Component:
    """A list that unfolds; every entry is a link. It folds again when `key` changes.

    Args:
        label: What is chosen.
        current: The choice, in words.
        entries: text, detail, href and here (bool) of each; without href it cannot be chosen.
        key: Something that changes when a choice was made.
    """
    items = []
    for entry in entries:
        said = [
            html.Span(entry["text"], className="menu-text"),
            html.Span(entry.get("detail", ""), className="menu-detail"),
        ]
        if entry["href"] is None:
            items.append(html.Span(said, className="menu-item is-off"))
            continue
        mark: dict[str, Any] = {"className": f"menu-item{' is-here' if entry['here'] else ''}"}
        items.append(dcc.Link(said, href=entry["href"], **mark))
    return html.Details(
        [
            html.Summary(
                [html.Span(label, className="menu-label"), html.Span(current, className="menu-now")]
            ),
            html.Div(items, className="menu-list"),
        ],
        className="menu",
        key=f"{label} {key}",
    )


def order_link(ascending: bool, href: str) -> Component:
    said = "smallest first" if ascending else "largest first"
    return dcc.Link(
        html.Span(f"Order: {said}. Turn round", className="hidden-text"),
        href=href,
        className=f"order-link{' is-up' if ascending else ''}",
        title=f"{said[0].upper()}{said[1:]}; click to turn round",
    )


def view_links(view: str, hrefs: dict[str, str]) -> list[Component]:
    return [
        dcc.Link(
            html.Span(name.capitalize(), className="hidden-text"),
            href=href,
            className=f"view-link view-{name}{' is-here' if name == view else ''}",
            title={"grid": "Cards", "table": "Table"}[name],
        )
        for name, href in hrefs.items()
    ]


def count_line(found: int, total: int) -> str:
    scenes = "scene" if total == 1 else "scenes"
    if found == total:
        return f"{words.count(total)} {scenes}"
    return f"{words.count(found)} of {words.count(total)} {scenes}"


def status(progress: dict[str, Any], failed: int, first_failed: str | None) -> Component | None:
    """How far the reading is, or what went wrong with it; nothing when all is well."""
    state, done, total = progress["status"], progress["done"], progress["total"]
    if state == "failed":
        return _notice("This collection cannot be opened", progress["detail"])
    if state == "lost":
        return _notice("Reading stopped", progress["detail"])
    if state == "running" and total and done < total:
        share = done / total
        left = progress["eta_s"]
        rest = "" if left is None else f", about {words.duration(left)} left"
        return html.Div(
            [
                html.Div(
                    html.Div(className="bar-done", style={"width": f"{100 * share:.1f}%"}),
                    className="bar",
                    role="progressbar",
                    **aria(
                        valuenow=f"{100 * share:.0f}", valuemax="100", label="Scenes that are read"
                    ),
                ),
                html.Span(
                    [html.B(words.count(done)), f" of {words.count(total)} read{rest}"],
                    className="bar-text",
                ),
                html.Span(progress["now"], className="quiet path"),
            ],
            className="scene-progress",
        )
    if state == "running" and not total:
        return html.Div(
            html.Span("Looking for scans …", className="quiet"), className="scene-progress"
        )
    if failed:
        noun = "scan" if failed == 1 else "scans"
        link = [" ", dcc.Link("Show", href=first_failed)] if first_failed else []
        return html.Div(
            html.Span([f"{words.count(failed)} {noun} could not be read.", *link]),
            className="scene-progress is-fault",
        )
    return None


def _notice(title: str, text: str) -> Component:
    return html.Div([html.H2(title), html.P(text)], className="banner banner-failed", role="status")


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


def pager(page: int, pages: int, hrefs: dict[str, str | None]) -> Component | None:
    """Links to the page before and after; nothing where there is only one."""
    if pages < 2:
        return None
    return html.Nav(
        [
            _page_link("‹ Previous", hrefs["before"]),
            html.Span(f"page {page:,} of {pages:,}", className="quiet"),
            _page_link("Next ›", hrefs["after"]),
        ],
        className="pager",
        **aria(label="Pages"),
    )


def _page_link(text: str, href: str | None) -> Component:
    if href is None:
        return html.Span(text, className="page-link is-off")
    return dcc.Link(text, href=href, className="page-link")


def nothing_found(text: str, clear: str) -> Component:
    return html.Div(
        [
            html.H2(f"Nothing matches “{text}”"),
            html.P(
                "A filter looks in names, classes and splits; “failed” finds the scans that cannot "
                "be read."
            ),
            html.P(dcc.Link("Show all scenes", href=clear)),
        ],
        className="empty is-text",
    )


def nothing_yet(source: str, is_waiting: bool) -> Component:
    """Before the first scene is listed."""
    return html.Div(
        [
            html.Div(className="empty-picture"),
            html.H2("Looking for scans"),
            html.P(
                "Waiting for another collection to be read first."
                if is_waiting
                else f"{source} is being listed. Scenes appear here as they are read."
            ),
        ],
        className="empty",
    )


def spacing(metres: float) -> str:
    return words.number(1000 * metres, "mm")


def _short(count: int) -> str:
    if count < 10_000:
        return f"{count:,}"
    return f"{count / 1000:,.0f} k" if count < 1_000_000 else f"{count / 1_000_000:.1f} M"


def fault_line(text: str) -> Component:
    """One sentence about something that was asked for and is not there."""
    return html.Div(html.Span(text), className="scene-progress is-fault", role="status")
