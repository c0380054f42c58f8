"""Small pictures of runs, drawn in the background and kept in memory.

A page never waits for one: `url` names a picture only when it is there, and asks for it otherwise.
"""

import importlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from app.runs import Runs
from pointins_engine.errors import RunError

SIZE = (480, 300)  # pixels
REDRAW_S = 20.0  # a live run gets a new picture this often at most
MAX_PICTURES = 200

Render = Callable[[Path, Path | None], bytes]


@dataclass(frozen=True, slots=True)
class _Picture:
    version: str
    step: int | None
    png: bytes
    drawn_at: float  # time.monotonic


class Thumbnails:
    """Pictures by run. `render` draws one; without it the studio's own renderer is used."""

    def __init__(self, runs: Runs, render: Render | None = None) -> None:
        self._runs = runs
        self._render = render or _render_with_polyscope
        self._lock = threading.Lock()
        self._pictures: dict[str, _Picture] = {}
        self._asked: set[str] = set()
        self._reasons: dict[str, str] = {}
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="thumbnails")

    def url(self, run_id: str) -> str | None:
        """Address of the run's picture, or None while there is none; starts drawing when due."""
        try:
            newest = self._runs.first_picture(run_id)
        except RunError:
            return None
        if newest is None:
            return None
        version, scene, step = newest
        with self._lock:
            picture = self._pictures.get(run_id)
            fresh = picture and (picture.version, picture.step) == (version, step)
            recent = picture and time.monotonic() - picture.drawn_at < REDRAW_S
            if not fresh and not recent and run_id not in self._asked | set(self._reasons):
                self._asked.add(run_id)
                self._worker.submit(self._draw, run_id, scene, step, version)
        if picture is None:
            return None
        shown = "" if picture.step is None else f"&step={picture.step}"
        return f"/api/runs/{run_id}/thumbnail.png?v={picture.version}{shown}"

    def png(self, run_id: str) -> bytes:
        """The picture itself.

        Raises:
            RunError: If there is none; says why when that is known.
        """
        picture = self._pictures.get(run_id)
        if picture is None:
            why = self._reasons.get(run_id, "it has not been drawn yet")
            raise RunError(f"there is no picture of run {run_id!r}: {why}.")
        return picture.png

    def close(self) -> None:
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _draw(self, run_id: str, scene: str, step: int | None, version: str) -> None:
        try:
            scene_path = self._runs.scene_file(run_id, scene).path
            frame = None if step is None else self._runs.frame_file(run_id, scene, step).path
            picture = _Picture(version, step, self._render(scene_path, frame), time.monotonic())
            with self._lock:
                self._pictures.pop(run_id, None)
                self._pictures[run_id] = picture
                while len(self._pictures) > MAX_PICTURES:
                    del self._pictures[next(iter(self._pictures))]
        except Exception as error:  # whatever a driver does, the run list must not suffer
            self._reasons[run_id] = str(error).rstrip(".") or type(error).__name__
        finally:
            with self._lock:
                self._asked.discard(run_id)


def _render_with_polyscope(scene: Path, frame: Path | None) -> bytes:
    renderer = importlib.import_module(
        "app.pictures.renderer"
    )  # Polyscope loads when it is first needed
    width, height = SIZE
    return renderer.render_scene_png(scene, frame, width=width, height=height)
