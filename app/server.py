"""The studio as one ASGI application: Dash pages, the API, the websocket, and the gate around them.

Importing this module loads neither torch nor a graphics library.
"""

import contextlib
import mimetypes
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from dash import Dash
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from app.access import Access
from app.api import add_api
from app.api_docs import add_api_docs
from app.callbacks import add_callbacks
from app.control_api import add_control_api
from app.launching.api import add_launch_api
from app.launching.launches import Launches
from app.launching.plan import Planner
from app.live import LiveHub, add_live
from app.modules import Modules, add_modules
from app.runs import Runs
from app.scenes.api import SceneBrowser, add_scene_api, open_browser
from app.security import Gate
from app.segmenting.routes import add_segment_api, body_rules
from app.segmenting.segmenter import Segmenter
from app.segmenting.uploads import UploadLimits
from app.thumbnails import Render, Thumbnails
from layouts.shell import all_pages, shell
from pointins_engine.errors import RunError
from pointins_engine.run_log.store import RunStore
from pointins_engine.scene_index.cache import default_cache

ASSETS = Path(__file__).resolve().parent.parent / "assets"
SEGMENTATIONS = "segmentations"  # folder beside that of the runs
OWN_PATHS = ("/api", "/ws", "/assets", "/_")  # everything else is a page
LOADED_BY_INDEX = r"\.mjs$|^theme\.js$"

INDEX = """<!DOCTYPE html>
<html lang="en" data-theme="dark" data-modules="MODULES_BASE">
<head>
{%metas%}
<title>{%title%}</title>
<link rel="icon" href="/assets/favicon.svg" type="image/svg+xml">
<script src="/assets/theme.js"></script>
{%css%}
MODULES_HEAD
</head>
<body>
{%app_entry%}
<footer>{%config%}{%scripts%}{%renderer%}</footer>
MODULES_SCRIPTS
</body>
</html>"""

mimetypes.add_type("text/javascript", ".mjs")  # a module with another type is not run


def create_app(
    store: RunStore,
    access: Access,
    *,
    render: Render | None = None,
    hub: LiveHub | None = None,
    scenes: SceneBrowser | None = None,
    segmenter: Segmenter | None = None,
    train_on: Sequence[str] = (),
    train_under: Sequence[Path] = (),
    can_launch: bool = True,
    api_docs: bool = False,
    example: Path | None = None,
) -> ASGIApp:
    """The whole studio.

    Args:
        store: The runs to show.
        access: Secrets and hosts of this start.
        render: Draws thumbnails; without it the Polyscope renderer does.
        hub: Live notices; a test may pass its own to look inside.
        scenes: Collections and priors to show; without it the simulators and the built-in priors.
        segmenter: Segmentations to show; without it those in a folder beside that of the runs.
        train_on: Scans that a launch may name, besides simulated ones.
        train_under: Folders under which it may name any.
        can_launch: Whether training may be started from the browser.
        api_docs: Whether the API describes itself at /api/docs.
        example: Folder of a recording to show besides the runs.
    """
    runs = Runs(store, example)
    hub = hub or LiveHub(runs)
    launches = Launches(runs) if can_launch else None
    thumbnails = Thumbnails(runs, render)
    scenes = scenes or open_browser((), default_cache(), runs=store.root)
    segmenter = segmenter or Segmenter(
        store.root.parent / SEGMENTATIONS, runs, scenes.collections, UploadLimits()
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        segmenter.jobs.open()
        yield
        segmenter.jobs.close()
        thumbnails.close()
        scenes.close()

    server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    add_scene_api(server, scenes)
    add_segment_api(server, segmenter)
    add_control_api(server, runs)
    add_launch_api(server, runs, Planner(runs, train_on, train_under), launches)
    if api_docs:
        add_api_docs(server)
    add_api(server, runs, thumbnails, access, can_launch=can_launch)
    add_live(server, hub)
    modules = Modules(ASSETS)
    add_modules(server, modules)
    dash = make_dash(server, modules)
    add_callbacks(dash, runs, thumbnails, scenes)
    bodies = body_rules(segmenter.max_upload_bytes())
    return Gate(_Pages(server), access, dash.csp_hashes(), bodies)


def make_dash(server: FastAPI, modules: Modules) -> Dash:
    """Dash on our own server, with everything off that talks to elsewhere or reloads code."""
    index = (
        INDEX.replace("MODULES_BASE", modules.base)
        .replace("MODULES_HEAD", modules.head())
        .replace("MODULES_SCRIPTS", modules.scripts())
    )
    dash = Dash(
        "app",
        server=server,  # type: ignore[arg-type]
        assets_folder=str(ASSETS),
        assets_ignore=LOADED_BY_INDEX,
        title="PointINS Studio",
        update_title="",
        index_string=index,
        serve_locally=True,
        enable_mcp=False,
        add_log_handler=False,
        on_error=_leave_page_as_it_is,
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    dash.layout = shell()
    dash.validation_layout = all_pages()
    return dash


def _leave_page_as_it_is(error: Exception) -> None:
    """A run or frame that went away between two calls changes nothing on the page."""
    if not isinstance(error, RunError):
        raise error


class _Pages:
    """Sends every address that is not an endpoint to Dash's index; the browser reads it there."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith(OWN_PATHS):
            scope = {**scope, "path": "/", "raw_path": b"/"}
        await self._app(scope, receive, send)
