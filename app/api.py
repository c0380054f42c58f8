"""The HTTP interface: what a run holds, as JSON and as immutable arrays.

Array files are served as they lie on disk. Their address carries the run's version, so a browser
may keep them for good; after a resume the version is another one.
"""

from typing import Any

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from app.access import Access, Rights, visitor
from app.answers import KEPT_FOR_GOOD, file_answer, json_answer
from app.runs import Runs, StoredFile
from app.thumbnails import Thumbnails
from pointins_engine.errors import RunError

MAX_STEP_DIGITS = 12


class LinkWish(BaseModel):
    """Which rights a new link gives."""

    rights: Rights = "control"


def add_api(
    server: FastAPI, runs: Runs, thumbnails: Thumbnails, access: Access, *, can_launch: bool
) -> None:
    """Put the routes and the JSON errors on `server`."""
    server.include_router(_run_routes(runs, thumbnails))
    server.include_router(_array_routes(runs))
    server.include_router(_session_routes(access, can_launch))

    @server.exception_handler(RunError)
    def unknown(_: Request, error: RunError) -> Response:
        return JSONResponse({"error": str(error)}, 404)

    @server.exception_handler(RequestValidationError)
    def malformed(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query"))
        return JSONResponse({"error": f"{where or 'body'}: {first['msg']}."}, 400)

    @server.exception_handler(HTTPException)
    def refused(_: Request, error: HTTPException) -> Response:
        return JSONResponse({"error": error.detail}, error.status_code)


def _run_routes(runs: Runs, thumbnails: Thumbnails) -> APIRouter:
    router = APIRouter(prefix="/api", tags=["runs"])

    @router.get("/runs")
    def list_runs() -> dict[str, Any]:
        """All runs, newest first, a row each."""
        rows = runs.summaries()
        return {"runs": [{**row, "thumbnail": thumbnails.url(row["id"])} for row in rows]}

    @router.get("/runs/{run}")
    def one_run(run: str) -> dict[str, Any]:
        """All about a run but its arrays: state, configuration, scenes, marks, checkpoints."""
        return {**runs.details(run), "thumbnail": thumbnails.url(run)}

    @router.get("/first-picture", summary="What the page of a run shows first")
    def first_picture(run: str) -> dict[str, Any]:
        """Version, scene and newest step; empty where there is no such run, or no scene yet."""
        try:
            picture = runs.first_picture(run)
        except RunError:
            return {}
        return dict(zip(("version", "scene", "step"), picture, strict=True)) if picture else {}

    @router.get("/runs/{run}/head")
    def head(run: str, request: Request) -> Response:
        """Version, state and newest frames: what a poll wants; with an ETag."""
        return json_answer(request, runs.head(run))

    @router.get("/runs/{run}/scenes/{scene}/frames")
    def frames(run: str, scene: str) -> dict[str, Any]:
        """Rising steps that have a frame of the scene."""
        return runs.frames(run, scene)

    @router.get("/runs/{run}/scenes/{scene}/stats/{step}")
    def stats(run: str, scene: str, step: str) -> dict[str, Any]:
        """Statistics of a frame: ODR against its prior, SCR's groups."""
        return runs.stats(run, scene, _step(step))

    @router.get("/runs/{run}/scalars")
    def scalars(run: str, keys: str = "", after: int = -1) -> dict[str, Any]:
        """Logged numbers by key, later than a step; `keys` are separated by commas."""
        series = runs.scalars(run, keys.split(",") if keys else None)
        skip = {key: sum(step <= after for step in steps) for key, (steps, _) in series.items()}
        return {
            key: {"steps": steps[skip[key] :], "values": values[skip[key] :]}
            for key, (steps, values) in series.items()
        }

    @router.get("/runs/{run}/events")
    def events(run: str, after: int = 0) -> dict[str, Any]:
        """What happened but for scalars: edits, answers, alarms, checkpoints, changes of state."""
        return runs.events(run, after)

    @router.get("/runs/{run}/thumbnail.png")
    def thumbnail(run: str) -> Response:
        """A small picture of the run's first scene."""
        return Response(
            thumbnails.png(run), media_type="image/png", headers={"Cache-Control": KEPT_FOR_GOOD}
        )

    return router


def _array_routes(runs: Runs) -> APIRouter:
    router = APIRouter(prefix="/api", tags=["arrays"])

    @router.get("/runs/{run}/scenes/{scene}")
    def scene_arrays(run: str, scene: str, request: Request, v: str = "") -> Response:
        """The points of an inspected scene, as safetensors."""
        return _file_response(request, runs.scene_file(run, scene), v)

    @router.get("/runs/{run}/scenes/{scene}/frames/{step}")
    def frame_arrays(
        run: str, scene: str, step: str, request: Request, v: str = Query("")
    ) -> Response:
        """What the teacher says of a scene at a step, as safetensors."""
        return _file_response(request, runs.frame_file(run, scene, _step(step)), v)

    return router


def _session_routes(access: Access, can_launch: bool) -> APIRouter:
    router = APIRouter(prefix="/api")

    @router.get("/session", tags=["session"])
    def session() -> dict[str, Any]:
        """Rights of whoever asks, the name their commands are signed with, what is switched on."""
        asking = visitor.get()
        assert asking is not None, "the gate lets nobody pass without rights"
        return {"rights": asking.rights, "id": asking.id, "launch": can_launch}

    @router.post("/session/link", tags=["session"])
    def new_link(wish: LinkWish | None = None) -> dict[str, str]:
        """A one-use link for a browser, with control or to look only."""
        link = access.new_link(rights="control" if wish is None else wish.rights)
        return {"url": f"http://127.0.0.1:{access.port}{link}"}

    @router.get("/{path:path}", include_in_schema=False)
    def nothing_here(path: str) -> None:
        raise HTTPException(404, "the API has no such address.")

    return router


def _step(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_STEP_DIGITS):
        raise HTTPException(400, f"a step is a whole number, got {text[:20]!r}.")
    return int(text)


def _file_response(request: Request, file: StoredFile, version: str) -> Response:
    stat = file.path.stat()
    tag = f"{file.version}-{stat.st_mtime_ns:x}-{stat.st_size:x}"
    return file_answer(request, file.path, stat, tag=tag, is_current=version == file.version)
