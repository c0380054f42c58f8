"""What joins the pages of scenes and their data. The address holds every choice; see `Query`.

Cards keep their places while somebody's hand is on them: what is read meanwhile comes after them,
and everything is put in order when the hand is gone.
"""

import hashlib
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, no_update

from app.charts.parts import theme_of
from app.charts.scene_figures import cumulative_lengths, offset_shares
from app.scenes.api import SceneBrowser
from app.scenes.collections import Collection
from app.scenes.parts import address, collection_parts, prior_entries
from app.scenes.priors import prior_of, true_prior_of
from app.scenes.rows import Query
from layouts import ids, scene, scenes
from layouts.live import WAITING_BODY
from pointins_engine.errors import SceneError


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
            "is_simulated": one.is_simulated,
            "href": address(one),
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
        return scene.no_such_scene(scene_id, collection.title, address(collection))
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
                "id": collection.id,
                "title": collection.title,
                "href": address(collection, query, at=place[1]),
            },
            {
                "before": address(collection, query, scene=before, at="") if before else None,
                "after": address(collection, query, scene=after, at="") if after else None,
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


def _digest(part: Any) -> str:
    return hashlib.sha256(repr(part).encode()).hexdigest()[:16]
