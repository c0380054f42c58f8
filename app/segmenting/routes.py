"""Segmentations over HTTP: send a scan, watch it, look at what was found, change it, take it away.

Routes that change something are for sessions with control: the gate sees to that.
"""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, Response

from app.access import visitor
from app.answers import file_answer, json_answer
from app.limits import RateLimit
from app.security import BodyRule
from app.segmenting.desktop import open_window, view_command
from app.segmenting.segmenter import Segmenter
from app.segmenting.store import Found, Refused
from app.segmenting.uploads import SUFFIXES
from pointins_engine.errors import ConfigError
from pointins_engine.scenes.readers import FORMATS
from pointins_engine.segment.edits import StaleEdits

STARTS_A_MINUTE = 20  # of one session
MAX_EDIT_BYTES = 64 * 1024**2  # twelve million cells
UPLOADS = "/api/segmentations/uploads"


class SceneWish(BaseModel):
    """A scene of a collection to segment."""

    collection: str = Field(max_length=200)
    scene: str = Field(max_length=200)
    settings: dict[str, Any] = Field(default_factory=dict, max_length=20)
    checkpoint: str = Field("auto", max_length=200)


class LayerWish(BaseModel):
    """Another way to find instances; without a checkpoint the network is that of the first."""

    method: str = Field(max_length=100)
    settings: dict[str, Any] = Field(default_factory=dict, max_length=20)
    checkpoint: str | None = Field(None, max_length=200)


class Answer(BaseModel):
    """What a job asked for, or what is to be different the next time."""

    units: str | None = Field(None, max_length=20)
    up: str | None = Field(None, max_length=20)
    checkpoint: str | None = Field(None, max_length=200)
    domain: str | None = Field(None, max_length=20)


class Edits(BaseModel):
    """Labels that somebody has changed by hand: base64 of int32, little endian, one a cell."""

    base: str = Field(max_length=100)
    version: int = Field(ge=0)
    labels: str
    names: dict[str, str] = Field(default_factory=dict, max_length=10_000)


class Shown(BaseModel):
    """The layer to open in a window."""

    layer: str = Field(max_length=100)


def body_rules(max_upload_bytes: int) -> Sequence[BodyRule]:
    """Addresses whose bodies may be larger than others, for the gate."""
    return (
        BodyRule("POST", UPLOADS, max_upload_bytes, "application/octet-stream"),
        BodyRule("PUT", r"/api/segmentations/[^/]+/edits", MAX_EDIT_BYTES, "application/json"),
    )


def add_segment_api(server: FastAPI, segmenter: Segmenter) -> None:
    """Put the routes on `server`; before the API's last route."""
    limit = RateLimit(STARTS_A_MINUTE, 60.0)
    server.include_router(_start_routes(segmenter, limit))
    server.include_router(_one_routes(segmenter, limit))
    server.include_router(_file_routes(segmenter))

    @server.exception_handler(Refused)
    def refused(_: Request, error: Refused) -> Response:
        return JSONResponse({"error": str(error)}, error.status)

    @server.exception_handler(StaleEdits)
    def stale(_: Request, error: StaleEdits) -> Response:
        return JSONResponse({"error": str(error), "version": error.version}, 409)

    @server.exception_handler(ConfigError)
    def impossible(_: Request, error: ConfigError) -> Response:
        return JSONResponse({"error": str(error)}, 422)


def _start_routes(segmenter: Segmenter, limit: RateLimit) -> APIRouter:
    router = APIRouter(prefix="/api/segmentations", tags=["segmenting"])

    @router.get("")
    def list_segmentations(request: Request) -> Response:
        """All segmentations, newest first, and what can be sent."""
        body = {
            "segmentations": segmenter.rows(),
            "can_upload": not segmenter.why_no_upload(),
            "why": segmenter.why_no_upload(),
            "max_upload_bytes": segmenter.max_upload_bytes(),
            "suffixes": list(SUFFIXES),
            "formats": FORMATS,
            "checkpoints": segmenter.networks.names(),
        }
        return json_answer(request, body)

    @router.post("", status_code=201)
    def segment_scene(wish: SceneWish) -> dict[str, str]:
        """Segment a scene of a collection."""
        _count(limit)
        started = (wish.collection, wish.scene, wish.settings, wish.checkpoint)
        return {"id": segmenter.start_scene(*started)}

    @router.post("/uploads", status_code=201)
    async def upload(
        request: Request,
        name: str = Query(max_length=2000),
        units: str | None = Query(None, max_length=20),
        up: str | None = Query(None, max_length=20),
        checkpoint: str = Query("auto", max_length=200),
        domain: str = Query("auto", max_length=20),
    ) -> dict[str, str]:
        """Send a scan as the raw body (application/octet-stream) and have it segmented."""
        uploads, store = segmenter.uploads, segmenter.store
        if uploads is None:
            raise Refused(403, segmenter.why_no_upload())
        _count(limit)
        length = int(request.headers.get("content-length", "0"))
        await run_in_threadpool(uploads.check, name, length, store.root)
        await run_in_threadpool(segmenter.jobs.check_line)
        chosen = {"units": units, "up": up, "checkpoint": checkpoint}
        wanted = await run_in_threadpool(
            segmenter.request, name, settings={"domain": domain}, **chosen
        )
        with uploads.place():
            folder = await run_in_threadpool(store.open_new)
            try:
                source = await uploads.receive(request.stream(), length, folder, name)
            except BaseException:
                store.drop(folder)  # at once: the request may have been cancelled
                raise
        return {"id": await run_in_threadpool(segmenter.start, folder, source, wanted)}

    return router


def _one_routes(segmenter: Segmenter, limit: RateLimit) -> APIRouter:
    router = APIRouter(prefix="/api/segmentations/{id}", tags=["segmenting"])

    @router.get("")
    def one_segmentation(id: str, request: Request) -> Response:
        """All about a segmentation but its arrays: progress, layers, methods, edits."""
        return json_answer(request, segmenter.facts(id))

    @router.delete("")
    def delete(id: str) -> dict[str, str]:
        """Delete a segmentation and the scan that was sent for it; its job is ended."""
        segmenter.delete(id)
        return {"deleted": id}

    @router.post("/layers", status_code=202)
    def add_layer(id: str, wish: LayerWish) -> dict[str, Any]:
        """Find instances in another way; a layer that is there already is not made again."""
        _count(limit)
        layer, made = segmenter.add_layer(id, wish.method, wish.settings, wish.checkpoint)
        return {"layer": layer, "made": made}

    @router.post("/retry", status_code=202)
    def retry(id: str, answer: Answer) -> dict[str, str]:
        """Do it again after a question or a failure, with other values where some are given."""
        _count(limit)
        segmenter.retry(id, answer.model_dump())
        return {"status": segmenter.jobs.progress(id)["status"]}

    @router.post("/cancel", status_code=202)
    def cancel(id: str) -> dict[str, str]:
        """Take it out of the line, or stop its job; layers that are made stay."""
        segmenter.cancel(id)
        return {"status": segmenter.jobs.progress(id)["status"]}

    @router.put("/edits")
    def save_edits(id: str, edits: Edits) -> dict[str, Any]:
        """Keep labels that were changed by hand; refused if they build on an older version."""
        layer = segmenter.save_edits(id, edits.base, edits.version, edits.labels, edits.names)
        return {"version": layer.get("version"), "layer": layer}

    @router.delete("/edits")
    def delete_edits(id: str) -> dict[str, str]:
        """Go back to what was found."""
        segmenter.store.folder(id)
        segmenter.delete_edits(id)
        return {"deleted": id}

    @router.post("/polyscope")
    def polyscope(id: str, shown: Shown, request: Request) -> dict[str, Any]:
        """Open a layer in a window on the studio's machine, or say the command that does."""
        _count(limit)
        found, _ = segmenter.downloads.file(id, shown.layer, "ply")
        why = open_window(found.path, "" if request.client is None else request.client.host)
        return {"opened": not why, "command": view_command(found.path), "why": why}

    return router


def _file_routes(segmenter: Segmenter) -> APIRouter:
    router = APIRouter(prefix="/api/segmentations/{id}", tags=["segmenting"])
    store = segmenter.store

    @router.get("/scene")
    def scene(id: str, request: Request, v: str = "") -> Response:
        """The points that are drawn, as safetensors."""
        return _kept(request, store.file(id, "scene.safetensors"), v)

    @router.get("/layers/{layer}/frame")
    def frame(id: str, layer: str, request: Request, v: str = "") -> Response:
        """What one layer found in the cells, as safetensors."""
        name = store.layer(id, layer)["layer"]
        return _kept(request, store.file(id, "layers", f"{name}.safetensors"), v)

    @router.get("/layers/{layer}/download/{kind}")
    def download(id: str, layer: str, kind: str) -> Response:
        """A layer as a file for other programs: ply, npz, json or coco; made when first asked."""
        found, name = segmenter.downloads.file(id, layer, kind)
        return FileResponse(
            found.path,
            media_type="application/octet-stream",
            filename=name,
            stat_result=found.stat,
        )

    return router


def _kept(request: Request, found: Found, version: str) -> Response:
    is_current = version == found.version
    return file_answer(request, found.path, found.stat, tag=found.version, is_current=is_current)


def _count(limit: RateLimit) -> None:
    asking = visitor.get()
    if not limit.allows("" if asking is None else asking.id):
        raise HTTPException(429, f"At most {STARTS_A_MINUTE} starts a minute, please.")
