"""The scenes over HTTP: collections, pages of scenes, and what is known and drawn of one.

Arrays and pictures carry the key of their scene in the address, so a browser may keep them for
good. A scene that is not read yet, or whose arrays have left the cache, is read next when its facts
are asked for.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from app.answers import file_answer, json_answer
from app.scenes.collections import Collection, Collections
from app.scenes.priors import DEFAULT, POOLED, Priors, distances_m, pooled, prior_of
from app.scenes.rows import Query, arranged, kind_of, page_of
from app.scenes.thumbnails import Render, SceneThumbnails
from pointins_engine.errors import SceneError
from pointins_engine.offset_prior.distance import kolmogorov_smirnov
from pointins_engine.offset_prior.record import PriorRecord
from pointins_engine.scene_index.cache import SceneRow


class SceneBrowser:
    """Everything that pages and API ask about scenes, in one place."""

    def __init__(
        self, collections: Collections, priors: Priors, thumbnails: SceneThumbnails
    ) -> None:
        self.collections = collections
        self.priors = priors
        self.thumbnails = thumbnails
        self._measured: dict[str, tuple[PriorRecord, dict[str, tuple[SceneRow, float]]]] = {}

    def close(self) -> None:
        """End the jobs and stop drawing."""
        self.collections.close()
        self.thumbnails.close()

    def prior(self, collection: Collection, name: str) -> PriorRecord:
        """The prior of that name; without one the paper's for the kind of most scenes.

        Raises:
            SceneError: If there is none of that name.
        """
        rows = collection.rows()
        if name == POOLED:
            found = pooled(list(rows.values()))
            if found is None:
                raise SceneError(f"no scene of {collection.id} has offsets to pool yet.")
            return found
        return self.priors.get(name or DEFAULT[kind_of(rows)])

    def distances(self, collection: Collection, prior: PriorRecord) -> dict[str, float]:
        """Metres to a prior by scene id; only what is new since the last call is measured."""
        last, known = self._measured.get(collection.id, (prior, {}))
        if last != prior:
            known = {}
        rows = collection.rows()
        kept = {id: known[id] for id, row in rows.items() if id in known and known[id][0] is row}
        fresh = distances_m([row for id, row in rows.items() if id not in kept], prior)
        kept |= {id: (rows[id], metres) for id, metres in fresh.items()}
        self._measured[collection.id] = (prior, kept)
        return {id: metres for id, (_, metres) in kept.items()}

    def page(self, collection: Collection, query: Query, held: list[str] | None = None) -> Any:
        """One page of a collection: order, rows, distances, and how many there are in all."""
        rows = collection.rows()
        prior = self.prior(collection, query.prior)
        distances = self.distances(collection, prior)
        ids = arranged(collection.ids, rows, distances, query, held or ())
        shown, number, pages = page_of(ids, query.page)
        return {
            "ids": shown,
            "rows": {id: rows[id] for id in shown if id in rows},
            "distances": distances,
            "prior": prior,
            "found": len(ids),
            "total": len(collection.ids),
            "page": number,
            "pages": pages,
        }

    def neighbours(self, collection: Collection, scene: str, query: Query) -> tuple[str, str]:
        """Scenes before and after one, in the order that is asked for; "" at the ends."""
        rows = collection.rows()
        distances = self.distances(collection, self.prior(collection, query.prior))
        ids = arranged(collection.ids, rows, distances, query)
        if scene not in ids:
            return "", ""
        at = ids.index(scene)
        return ids[at - 1] if at else "", ids[at + 1] if at + 1 < len(ids) else ""

    def facts(self, collection: Collection, scene: str, prior: str = "") -> dict[str, Any]:
        """What is known of one scene; asks for it to be read next where that is missing."""
        row = collection.row(scene)
        answer: dict[str, Any] = {"id": scene, "collection": collection.id, "state": "waiting"}
        if row is None:
            self.collections.attend(collection, scene=scene)
            return answer
        answer |= {"key": row.key, "facts": row.facts, "error": row.error}
        if row.error is not None:
            return answer | {"state": "failed"}
        folder = collection.folder
        if not folder.scene(row.id, row.key).is_file():
            self.collections.attend(collection, scene=scene)
            return answer
        answer |= {"state": "ready", "has_truth": folder.truth(row.id, row.key).is_file()}
        return answer | {"offsets": self.offsets(collection, row, prior)}

    def offsets(self, collection: Collection, row: SceneRow, prior: str) -> dict[str, Any] | None:
        """Label-free offset lengths of a scene and their distances to a prior."""
        own = prior_of(row)
        if own is None:
            return None
        against = self.prior(collection, prior)
        return {
            "num": row.num_lengths,
            "mean_m": own.mean(),
            "median_m": float(own.quantiles[len(own.quantiles) // 2]),
            "quantiles_m": row.lengths,
            "prior": against.name,
            "prior_mean_m": against.mean(),
            "w1_m": distances_m([row], against)[row.id],
            "ks": kolmogorov_smirnov(own, against),
        }


def open_browser(
    sources: Sequence[str],
    cache: Path,
    prior_folders: Sequence[Path] = (),
    *,
    runs: Path | None = None,
    render: Render | None = None,
) -> SceneBrowser:
    """Collections of `sources` and of the simulators, with the priors of some folders.

    Args:
        sources: Scans, folders of scans, datasets; as the command line names them.
        cache: Folder of the indexes.
        prior_folders: Where JSON files of priors lie.
        runs: Folder of runs, whose priors can be chosen too.
        render: Draws pictures; without it the Polyscope renderer does.
    """
    priors = Priors(prior_folders, runs)
    return SceneBrowser(Collections(sources, cache), priors, SceneThumbnails(render))


def add_scene_api(server: FastAPI, browser: SceneBrowser) -> None:
    """Put the routes on `server`; before the API's last route, which says that nothing is there."""
    server.include_router(_list_routes(browser))
    server.include_router(_file_routes(browser))

    @server.exception_handler(SceneError)
    def unknown(_: Request, error: SceneError) -> Response:
        return JSONResponse({"error": str(error)}, 404)


def _list_routes(browser: SceneBrowser) -> APIRouter:
    router = APIRouter(prefix="/api", tags=["scenes"])
    collections = browser.collections

    @router.get("/collections")
    def list_collections(request: Request) -> Response:
        """Collections of scenes, and how far each is read."""
        rows = [
            {
                "id": one.id,
                "title": one.title,
                "simulated": one.is_simulated,
                "scenes": len(one.ids),
                "progress": collections.progress(one),
            }
            for one in collections.all()
        ]
        return json_answer(request, {"collections": rows})

    @router.get("/priors")
    def list_priors(request: Request) -> Response:
        """Priors of offset lengths that scenes can be held against."""
        rows = [
            {
                "name": choice.name,
                "describe": "" if choice.record is None else choice.record.describe(),
                "fault": choice.fault,
            }
            for choice in browser.priors.choices()
        ]
        return json_answer(request, {"priors": rows})

    @router.get("/collections/{collection}/scenes")
    def list_scenes(collection: str, request: Request) -> Response:
        """A page of a collection; filter, order and prior as in the page's address."""
        found = collections.get(collection)
        collections.attend(found)
        page = browser.page(found, Query.of(request.url.query))
        scenes = []
        for id in page["ids"]:
            row = page["rows"].get(id)
            scenes.append(
                {
                    "id": id,
                    "state": "waiting" if row is None else "failed" if row.error else "ready",
                    "key": None if row is None else row.key,
                    "facts": None if row is None else row.facts,
                    "error": None if row is None else row.error,
                    "w1_m": page["distances"].get(id),
                }
            )
        body = {name: page[name] for name in ("found", "total", "page", "pages")}
        body |= {"prior": page["prior"].name, "progress": collections.progress(found)}
        return json_answer(request, body | {"scenes": scenes})

    @router.get("/collections/{collection}/scenes/{scene}/facts")
    def facts(collection: str, scene: str, request: Request, prior: str = "") -> Response:
        """What is known of a scene; asks for it to be read where that is missing."""
        return json_answer(request, browser.facts(collections.get(collection), scene, prior))

    return router


def _file_routes(browser: SceneBrowser) -> APIRouter:
    router = APIRouter(prefix="/api", tags=["scenes"])

    def ready(collection: str, scene: str) -> tuple[Collection, SceneRow]:
        found = browser.collections.get(collection)
        row = found.row(scene)
        if row is None or row.error is not None:
            why = "it is not read yet" if row is None else row.error
            raise SceneError(f"there are no arrays of {scene}: {why}")
        return found, row

    @router.get("/collections/{collection}/scenes/{scene}/arrays")
    def arrays(collection: str, scene: str, request: Request, v: str = "") -> Response:
        """The points of a scene, as safetensors."""
        found, row = ready(collection, scene)
        return _file(request, found.folder.scene(row.id, row.key), row.key, v)

    @router.get("/collections/{collection}/scenes/{scene}/truth")
    def truth(collection: str, scene: str, request: Request, v: str = "") -> Response:
        """True instances and their centroids, as safetensors."""
        found, row = ready(collection, scene)
        return _file(request, found.folder.truth(row.id, row.key), row.key, v)

    @router.get("/collections/{collection}/scenes/{scene}/thumbnail.png")
    def thumbnail(collection: str, scene: str, request: Request, v: str = "") -> Response:
        """A small picture of a scene."""
        found, row = ready(collection, scene)
        browser.thumbnails.ask(found, [row])
        path = browser.thumbnails.path(found, row)
        return _file(request, path, row.key, v, "image/png")

    return router


def _file(
    request: Request, path: Path, key: str, version: str, kind: str = "application/octet-stream"
) -> Response:
    try:
        stat = path.stat()
    except OSError:
        raise HTTPException(
            404, f"{path.name} has left the cache; it is made again when the facts are asked for."
        ) from None
    tag = f"{key}-{stat.st_size:x}"
    return file_answer(request, path, stat, tag=tag, is_current=version == key, kind=kind)
