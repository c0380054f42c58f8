"""Collections of scenes: cards or a table, ordered by how far a scene's offsets are from a prior.

Everything that a person chooses is in the address, so controls are links; only the filter is typed.
"""

from collections.abc import Sequence
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from layouts import ids, words
from layouts.parts import aria, command, top_bar

BEAT_MS = 1500


def scenes_page(collection: str, tabs: Sequence[dict[str, Any]], filter_text: str) -> Component:
    """The page of a collection; callbacks fill in what changes.

    Args:
        collection: Id of the collection that is shown.
        tabs: id, title, source, count (or None), is_simulated and href of every collection.
        filter_text: What the address says is filtered by.
    """
    return html.Div(
        [
            dcc.Store(id=ids.SCENES_COLLECTION, data=collection),
            dcc.Store(id=ids.SCENES_SHOWN),
            dcc.Store(id=ids.SCENES_HELD),
            dcc.Interval(id=ids.SCENES_BEAT, interval=BEAT_MS),
            top_bar([html.H1("Scenes"), _tabs(collection, tabs), *_hint(tabs)]),
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


def _hint(tabs: Sequence[dict[str, Any]]) -> list[Component]:
    """How to see scans of one's own, where there are none yet."""
    if any(not tab["is_simulated"] for tab in tabs):
        return []
    said = ["Your own scans: ", html.Code("pointins studio --scenes FOLDER")]
    return [html.Span(said, className="tabs-hint quiet")]


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


def nothing_yet(source: str, status: str) -> Component:
    """Before the first scene is listed; `status` of the collection's progress."""
    reasons = {
        "waiting": "Waiting for another collection to be read first.",
        "view_only": "This link looks only and starts no reading. Scenes appear here when somebody "
        "with control opens the collection.",
    }
    return html.Div(
        [
            html.Div(className="empty-picture"),
            html.H2("Nothing is read yet" if status == "view_only" else "Looking for scans"),
            html.P(
                reasons.get(
                    status, f"{source} is being listed. Scenes appear here as they are read."
                )
            ),
        ],
        className="empty",
    )


def fault_line(text: str) -> Component:
    """One sentence about something that was asked for and is not there."""
    return html.Div(html.Span(text), className="scene-progress is-fault", role="status")
