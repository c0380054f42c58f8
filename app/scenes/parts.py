"""What a page of scenes shows, made of rows: cards, menus, counts, and addresses between pages."""

from typing import Any
from urllib.parse import quote

from app.charts.scene_figures import spark_points
from app.scenes.api import SceneBrowser
from app.scenes.collections import Collection
from app.scenes.priors import POOLED, prior_of
from app.scenes.rows import SORTS, VIEWS, Query
from layouts import scene_cards, scenes
from pointins_engine.errors import SceneError
from pointins_engine.scene_index.cache import SceneRow


def address(
    collection: Collection, query: Query | None = None, scene: str = "", **changes: Any
) -> str:
    """Where a collection is shown, or a scene of it, with a query and changes to it."""
    path = f"/scenes/{quote(collection.id, safe='')}"
    path = f"{path}/{quote(scene, safe='')}" if scene else path
    return path if query is None else path + query.search(**changes)


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
    if progress["status"] == "waiting":  # for its turn; maybe it has come
        browser.collections.attend(collection)
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
            "before": address(collection, query, page=page["page"] - 1, at="")
            if page["page"] > 1
            else None,
            "after": address(collection, query, page=page["page"] + 1, at="")
            if page["page"] < page["pages"]
            else None,
        },
    )
    if not page["total"]:
        content: Any = scenes.nothing_yet(collection.source, progress["status"])
        content = None if progress["status"] == "failed" else content
    elif not cards:
        content = scenes.nothing_found(query.text, address(collection, query, text="", page=1))
    elif query.view == "table":
        content = scene_cards.table(cards, _heads(collection, query), pager)
    else:
        content = scene_cards.grid(cards, pager)
    all_rows = collection.rows().values()
    failed = sum(row.error is not None for row in all_rows)
    show_failed = None if query.text == "failed" else address(collection, query, text="failed")
    status = scenes.status(progress, failed, show_failed)
    if fault:
        status = scenes.fault_line(fault)
    return {
        "ids": page["ids"],
        "grid": content,
        "menus": _menus(browser, collection, query, page["prior"].name),
        "count": scenes.count_line(page["found"], page["total"]) if page["total"] else "",
        "views": scenes.view_links(
            query.view, {view: address(collection, query, view=view) for view in VIEWS}
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
        "href": address(collection, query, scene=id, at=""),
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
        picture = f"/api/collections/{quote(collection.id)}/scenes/{quote(id)}/thumbnail.png"
        has_picture = pictures[id]
        card["picture"] = f"{picture}?v={row.key}" if has_picture else has_picture
        own = prior_of(row)
        card["own"] = None if own is None else spark_points(own)
    return card


def _menus(browser: SceneBrowser, collection: Collection, query: Query, prior: str) -> list[Any]:
    key = query.search(at="")
    sorts = [
        {
            "text": text,
            "href": address(collection, query, sort=sort, ascending=sort == "name", page=1, at=""),
            "here": sort == query.sort,
        }
        for sort, text in SORTS.items()
    ]
    return [
        scenes.menu("Prior", prior, prior_entries(browser, collection, query, prior), key),
        scenes.menu("Sort by", SORTS[query.sort], sorts, key),
        scenes.order_link(
            query.ascending, address(collection, query, ascending=not query.ascending, at="")
        ),
    ]


def prior_entries(
    browser: SceneBrowser, collection: Collection, query: Query, current: str, scene_id: str = ""
) -> list[dict[str, Any]]:
    """The priors that can be chosen on a page, as entries of a menu."""

    def entry(name: str, detail: str, usable: bool) -> dict[str, Any]:
        href = address(collection, query, scene=scene_id, prior=name, page=1, at="")
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
            "href": address(collection, query, sort=sort, ascending=ascending, page=1, at=""),
            "state": ("up" if query.ascending else "down") if is_here else "",
        }
    return heads
