"""What joins the pages of scenes and their data. The address holds every choice; see `Query`.

Cards keep their places while somebody's hand is on them: what is read meanwhile comes after them,
and everything is put in order when the hand is gone.
"""

import hashlib
from typing import Any
from urllib.parse import quote

from dash import ClientsideFunction, Dash, Input, Output, State, no_update

from app.chart_parts import theme_of
from app.scene_api import SceneBrowser
from app.scene_collections import Collection
from app.scene_figures import cumulative_lengths, offset_shares, spark_points
from app.scene_priors import POOLED, prior_of, true_prior_of
from app.scene_rows import SORTS, VIEWS, Query
from layouts import ids, scene, scenes
from layouts.live import WAITING_BODY
from pointins_engine.errors import SceneError
from pointins_engine.scene_index.cache import SceneRow


def scenes_page(browser: SceneBrowser, place: str, search: str | None) -> Any:
    """The page at `/scenes/<place>`: a collection, or one scene of it.

    Args:
        browser: What is known of scenes.
        place: The part of the path after `/scenes/`, unquoted.
        search: The part of the address after the path.
    """
    name, _, scene_id = place.partition("/")
    collections = browser.collections.all()
    name = name or collections[0].id
    tabs = [
        {
            "id": one.id,
            "title": one.title,
            "source": one.source,
            "count": len(one.ids) or None,
            "href": _address(one),
        }
        for one in collections
    ]
    try:
        collection = browser.collections.get(name)
    except SceneError:
        return scenes.no_such_collection(name, tabs)
    browser.collections.attend(collection)
    collection.rows()
    query = Query.of(search)
    if not scene_id:
        return scenes.scenes_page(collection.id, tabs, query.text)
    if collection.ids and scene_id not in collection.ids:
        return scene.no_such_scene(scene_id, collection.title, _address(collection))
    return scene.scene_page(collection.id, scene_id)


def add_scene_callbacks(dash: Dash, browser: SceneBrowser) -> None:
    _add_collection_page(dash, browser)
    _add_scene_page(dash, browser)


def _add_collection_page(dash: Dash, browser: SceneBrowser) -> None:
    dash.clientside_callback(
        ClientsideFunction("studio", "isHeld"),
        Output(ids.SCENES_HELD, "data"),
        Input(ids.SCENES_BEAT, "n_intervals"),
    )
    dash.clientside_callback(
        ClientsideFunction("studio", "filter"),
        Output(ids.SCENES_FILTER, "value"),
        Input(ids.SCENES_FILTER, "value"),
        Input(ids.URL, "search"),
        prevent_initial_call=True,
    )

    @dash.callback(
        Output(ids.SCENES_GRID, "children"),
        Output(ids.SCENES_MENUS, "children"),
        Output(ids.SCENES_COUNT, "children"),
        Output(ids.SCENES_VIEWS, "children"),
        Output(ids.SCENES_STATUS, "children"),
        Output(ids.SCENES_SHOWN, "data"),
        Input(ids.SCENES_HELD, "data"),
        Input(ids.URL, "search"),
        State(ids.SCENES_COLLECTION, "data"),
        State(ids.SCENES_SHOWN, "data"),
    )
    def show_scenes(held: Any, search: str | None, name: str, shown: Any) -> Any:
        collection, query = browser.collections.get(name), Query.of(search)
        shown = shown if isinstance(shown, dict) else {}
        is_same_question = shown.get("search") == [name, search or ""]
        keep = shown.get("ids", []) if held and is_same_question else []
        parts = collection_parts(browser, collection, query, keep)
        keys = {part: _digest(value) for part, value in parts.items() if part != "ids"}
        before = shown.get("keys", {}) if is_same_question else {}
        memo = {"search": [name, search or ""], "ids": parts["ids"], "keys": keys}
        names = ("grid", "menus", "count", "views", "status")
        changed = [parts[part] if keys[part] != before.get(part) else no_update for part in names]
        return [*changed, no_update if shown == memo else memo]


def collection_parts(
    browser: SceneBrowser, collection: Collection, query: Query, keep: list[str]
) -> dict[str, Any]:
    """Components of a collection's page by the place where they stand, and the ids on it."""
    fault = ""
    try:
        page = browser.page(collection, query, keep)
    except SceneError as error:  # the prior of the address is not there any more
        fault = str(error)
        query = Query.of(query.search(prior=""))
        page = browser.page(collection, query, keep)
    progress = browser.collections.progress(collection)
    rows: dict[str, SceneRow] = page["rows"]
    ready = [row for row in rows.values() if row.error is None]
    pictures = browser.thumbnails.ask(collection, ready)
    spark = spark_points(page["prior"])
    cards = [
        _card(collection, id, rows.get(id), page["distances"].get(id), spark, pictures, query)
        for id in page["ids"]
    ]
    pager = scenes.pager(
        page["page"],
        page["pages"],
        {
            "before": _address(collection, query, page=page["page"] - 1, at="")
            if page["page"] > 1
            else None,
            "after": _address(collection, query, page=page["page"] + 1, at="")
            if page["page"] < page["pages"]
            else None,
        },
    )
    if not page["total"]:
        content: Any = scenes.nothing_yet(collection.source, progress["status"] == "waiting")
        content = None if progress["status"] == "failed" else content
    elif not cards:
        content = scenes.nothing_found(query.text, _address(collection, query, text="", page=1))
    elif query.view == "table":
        content = scenes.table(cards, _heads(collection, query), pager)
    else:
        content = scenes.grid(cards, pager)
    all_rows = collection.rows().values()
    failed = sum(row.error is not None for row in all_rows)
    show_failed = None if query.text == "failed" else _address(collection, query, text="failed")
    status = scenes.status(progress, failed, show_failed)
    if fault:
        status = scenes.fault_line(fault)
    return {
        "ids": page["ids"],
        "grid": content,
        "menus": _menus(browser, collection, query, page["prior"].name),
        "count": scenes.count_line(page["found"], page["total"]) if page["total"] else "",
        "views": scenes.view_links(
            query.view, {view: _address(collection, query, view=view) for view in VIEWS}
        ),
        "status": status,
    }


def _card(
    collection: Collection,
    id: str,
    row: SceneRow | None,
    distance: float | None,
    spark: list[float],
    pictures: dict[str, bool | None],
    query: Query,
) -> dict[str, Any]:
    card: dict[str, Any] = {
        "id": id,
        "href": _address(collection, query, scene=id, at=""),
        "state": "waiting" if row is None else "failed" if row.error else "ready",
        "facts": None if row is None else row.facts,
        "error": None if row is None else row.error,
        "w1_m": distance,
        "is_at": id == query.at,
        "picture": None,
        "own": None,
        "prior": spark,
    }
    if row is not None and row.error is None:
        address = f"/api/collections/{quote(collection.id)}/scenes/{quote(id)}/thumbnail.png"
        has_picture = pictures[id]
        card["picture"] = f"{address}?v={row.key}" if has_picture else has_picture
        own = prior_of(row)
        card["own"] = None if own is None else spark_points(own)
    return card


def _menus(browser: SceneBrowser, collection: Collection, query: Query, prior: str) -> list[Any]:
    key = query.search(at="")
    sorts = [
        {
            "text": text,
            "href": _address(collection, query, sort=sort, ascending=sort == "name", page=1, at=""),
            "here": sort == query.sort,
        }
        for sort, text in SORTS.items()
    ]
    return [
        scenes.menu("Prior", prior, prior_entries(browser, collection, query, prior), key),
        scenes.menu("Sort by", SORTS[query.sort], sorts, key),
        scenes.order_link(
            query.ascending, _address(collection, query, ascending=not query.ascending, at="")
        ),
    ]


def prior_entries(
    browser: SceneBrowser, collection: Collection, query: Query, current: str, scene_id: str = ""
) -> list[dict[str, Any]]:
    """The priors that can be chosen on a page, as entries of a menu."""

    def entry(name: str, detail: str, usable: bool) -> dict[str, Any]:
        href = _address(collection, query, scene=scene_id, prior=name, page=1, at="")
        return {
            "text": name,
            "detail": detail,
            "href": href if usable else None,
            "here": name == current,
        }

    entries = [
        entry(
            choice.name,
            choice.fault if choice.record is None else choice.record.describe(),
            choice.record is not None,
        )
        for choice in browser.priors.choices()
    ]
    has_offsets = any(row.lengths is not None for row in collection.rows().values())
    detail = "all scenes of this collection together"
    return [*entries, entry(POOLED, detail, has_offsets)]


def _heads(collection: Collection, query: Query) -> dict[str, dict[str, Any]]:
    heads = {}
    for sort in SORTS:
        is_here = sort == query.sort
        ascending = not query.ascending if is_here else sort == "name"
        heads[sort] = {
            "href": _address(collection, query, sort=sort, ascending=ascending, page=1, at=""),
            "state": ("up" if query.ascending else "down") if is_here else "",
        }
    return heads


def _add_scene_page(dash: Dash, browser: SceneBrowser) -> None:
    @dash.callback(
        Output(ids.SCENE_TOP, "children"),
        Output(ids.SCENE_NOTES, "children"),
        Output(ids.SCENE_PRIORS, "children"),
        Output(ids.SCENE_DISTANCE, "children"),
        Output(ids.SCENE_LEGEND, "children"),
        Output(ids.SCENE_SHARES, "figure"),
        Output(ids.SCENE_CUMULATIVE, "figure"),
        Output(ids.SCENE_OFFSETS_BODY, "className"),
        Output(ids.SCENE_FACTS, "children"),
        Output(ids.SCENE_CLASSES, "children"),
        Output(ids.SCENE_SHOWN, "data"),
        Input(ids.SCENE_TICK, "n_intervals"),
        Input(ids.URL, "search"),
        Input(ids.THEME, "data"),
        State(ids.SCENE_PLACE, "data"),
        State(ids.SCENE_SHOWN, "data"),
    )
    def show_scene(_: Any, search: str | None, theme: str | None, place: Any, shown: Any) -> Any:
        collection, query = browser.collections.get(place[0]), Query.of(search)
        try:
            found = browser.facts(collection, place[1], query.prior)
        except SceneError:
            if not collection.ids:  # not listed yet
                return [no_update] * 11
            query = Query.of(query.search(prior=""))
            found = browser.facts(collection, place[1])
        key = [found["state"], found.get("key"), search, theme]
        if key == shown:
            return [no_update] * 11
        before, after = browser.neighbours(collection, place[1], query)
        facts = found.get("facts")
        top = scene.scene_top(
            place[1],
            {
                "title": collection.title,
                "href": _address(collection, query, at=place[1]),
            },
            {
                "before": _address(collection, query, scene=before, at="") if before else None,
                "after": _address(collection, query, scene=after, at="") if after else None,
            },
            facts,
        )
        notes = scene.notes(
            found["state"],
            found.get("error"),
            []
            if facts is None
            else [scene.without_name(text, place[1]) for text in facts["warnings"]],
        )
        scan = [
            [] if facts is None else scene.scan_facts(facts, collection.layout, collection.licence),
            [] if facts is None else scene.class_list(facts),
        ]
        panel = _offset_panel(browser, collection, found, query, theme)
        return [top, notes, *panel, *scan, key]


def _offset_panel(
    browser: SceneBrowser, collection: Collection, found: Any, query: Query, theme: str | None
) -> list[Any]:
    offsets = found.get("offsets")
    row = collection.row(found["id"])
    own = None if row is None else prior_of(row)
    if row is None or own is None or offsets is None:
        return [[], [], [], no_update, no_update, WAITING_BODY]
    prior = browser.prior(collection, query.prior)
    entries = prior_entries(browser, collection, query, prior.name, found["id"])
    colours, true = theme_of(theme), true_prior_of(row)
    return [
        scenes.menu("Prior", prior.name, entries, query.search()),
        scene.distance_facts(offsets),
        scene.offset_legend(true is not None),
        offset_shares(own, prior, colours, true),
        cumulative_lengths(own, prior, colours, true),
        "",
    ]


def _address(
    collection: Collection, query: Query | None = None, scene: str = "", **changes: Any
) -> str:
    path = f"/scenes/{quote(collection.id, safe='')}"
    path = f"{path}/{quote(scene, safe='')}" if scene else path
    return path if query is None else path + query.search(**changes)


def _digest(part: Any) -> str:
    return hashlib.sha256(repr(part).encode()).hexdigest()[:16]
