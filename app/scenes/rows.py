"""Rows of a collection put in order, narrowed down and cut into pages. Plain data, no Dash."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlencode

from pointins_engine.scene_index.cache import SceneRow

PAGE_SIZE = 60
SORTS = {  # name -> what it says; the first is the one a page opens with
    "prior": "Distance to prior",
    "name": "Name",
    "points": "Points",
    "density": "Density",
    "instances": "Instances",
    "extent": "Extent",
}
VIEWS = ("grid", "table")


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """What an address asks for. Values that make no sense fall back to the default."""

    sort: str = "prior"
    ascending: bool = False
    prior: str = ""  # "" = the paper's prior for the kind of scenes
    text: str = ""
    page: int = 1
    view: str = "grid"
    at: str = ""  # the scene that was last looked at

    @classmethod
    def of(cls, search: str | None) -> "Query":
        """From the part of an address after its question mark."""
        given = {name: values[-1] for name, values in parse_qs((search or "").lstrip("?")).items()}
        sort = given.get("sort", "prior")
        order, view, page = given.get("order", ""), given.get("view", ""), given.get("page", "")
        sort = sort if sort in SORTS else "prior"
        return cls(
            sort=sort,
            ascending=order == "up" if order in ("up", "down") else sort == "name",
            prior=given.get("prior", "")[:100],
            text=given.get("q", "")[:100],
            page=max(int(page), 1) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
            view=view if view in VIEWS else "grid",
            at=given.get("at", "")[:100],
        )

    def search(self, **changes: Any) -> str:
        """The same with changes, as the end of an address; what is default is left out."""
        query = replace(self, **changes)
        plain = Query(sort=query.sort, ascending=query.sort == "name")
        parts = {
            "sort": query.sort if query.sort != "prior" else "",
            "order": ("up" if query.ascending else "down")
            if query.ascending != plain.ascending
            else "",
            "prior": query.prior,
            "q": query.text,
            "page": str(query.page) if query.page > 1 else "",
            "view": query.view if query.view != "grid" else "",
            "at": query.at,
        }
        given = {name: value for name, value in parts.items() if value}
        return f"?{urlencode(given)}" if given else ""


def arranged(
    ids: Sequence[str],
    rows: Mapping[str, SceneRow],
    distances: Mapping[str, float],
    query: Query,
    held: Sequence[str] = (),
) -> list[str]:
    """Scene ids in the order that is asked for, those without the value last.

    Args:
        ids: All scenes in the order of the source.
        rows: Rows by id, of the scenes that were read.
        distances: Metres to the chosen prior by id.
        query: Order and filter.
        held: Scenes that keep their places at the front while somebody's hand is on them.
    """
    wanted = query.text.casefold().split()
    found = [id for id in ids if all(part in _words(id, rows.get(id)) for part in wanted)]
    if query.sort == "name":
        found.sort(key=_natural, reverse=not query.ascending)
    else:
        value = {id: _value(query.sort, rows.get(id), distances.get(id)) for id in found}
        sign = 1 if query.ascending else -1
        found.sort(key=lambda id: (value[id] is None, sign * (value[id] or 0.0), id not in rows))
    if held:
        among = set(found)
        first = [id for id in held if id in among]
        found = [*first, *(id for id in found if id not in set(first))]
    return found


def page_of(ids: Sequence[str], page: int) -> tuple[list[str], int, int]:
    """Ids of a page, its number within bounds, and the number of pages."""
    pages = max(1, -(-len(ids) // PAGE_SIZE))
    page = min(max(page, 1), pages)
    return list(ids[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]), page, pages


def kind_of(rows: Mapping[str, SceneRow]) -> str:
    """indoor or outdoor, whichever most scenes are."""
    domains = [row.facts["domain"] for row in rows.values() if row.facts is not None]
    return max(("indoor", "outdoor"), key=domains.count)


def _value(sort: str, row: SceneRow | None, distance: float | None) -> float | None:
    facts = None if row is None else row.facts
    if facts is None:
        return None
    if sort == "prior":
        return distance
    if sort == "extent":
        return max(facts["extent_m"])
    key = {"points": "points", "density": "density_per_m2", "instances": "num_instances"}[sort]
    return facts[key]


def _words(id: str, row: SceneRow | None) -> str:
    """What a filter looks in: name, split and classes, and `failed` for what could not be read."""
    if row is None:
        return id.casefold()
    if row.facts is None:
        return f"{id} failed".casefold()
    return " ".join([id, row.facts["split"], *row.facts["classes"]]).casefold()


def _natural(id: str) -> tuple[Any, ...]:
    """Numbers inside names count as numbers: scan_9 comes before scan_10."""
    parts: list[Any] = []
    text = id.casefold()
    while text:
        digits = len(text) - len(text.lstrip("0123456789"))
        if digits:
            parts.append((0, int(text[:digits]), ""))
            text = text[digits:]
        else:
            size = next((k for k, letter in enumerate(text) if letter.isdigit()), len(text))
            parts.append((1, 0, text[:size]))
            text = text[size:]
    return tuple(parts)
