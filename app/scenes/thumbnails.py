"""Small pictures of scenes, drawn once and kept in the cache beside the arrays.

What is looked at is drawn first.
"""

import importlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from app.scenes.collections import Collection
from pointins_engine.errors import SceneError
from pointins_engine.run_log.files import write_bytes
from pointins_engine.scene_index.cache import SceneRow

SIZE = (480, 300)  # pixels

Render = Callable[[Path], bytes]


class SceneThumbnails:
    """Pictures on clear ground, so that one suits both themes. A page never waits for one."""

    def __init__(self, render: Render | None = None) -> None:
        self._render = render or _render_with_polyscope
        self._lock = threading.Condition()
        self._wanted: list[tuple[Collection, SceneRow]] = []
        self._reasons: dict[Path, str] = {}
        self._closed = False
        self._worker: threading.Thread | None = None

    def ask(self, collection: Collection, rows: Sequence[SceneRow]) -> dict[str, bool | None]:
        """Which rows have a picture: True, None while it is being drawn, False if it cannot be.

        What is missing is drawn in this order, before anything that was asked for earlier.
        """
        state: dict[str, bool | None] = {}
        missing = []
        for row in rows:
            path = collection.folder.picture(row.id, row.key)
            state[row.id] = True if path.is_file() else False if path in self._reasons else None
            if state[row.id] is None:
                missing.append((collection, row))
        with self._lock:
            if missing and not self._closed:
                self._wanted = missing
                self._lock.notify()
                if self._worker is None:
                    self._worker = threading.Thread(target=self._work, daemon=True)
                    self._worker.start()
        return state

    def path(self, collection: Collection, row: SceneRow) -> Path:
        """The picture's file.

        Raises:
            SceneError: If there is none; says why when that is known.
        """
        path = collection.folder.picture(row.id, row.key)
        if not path.is_file():
            why = self._reasons.get(path, "it has not been drawn yet")
            raise SceneError(f"there is no picture of {row.id}: {why}.")
        return path

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._wanted = []
            self._lock.notify()

    def _work(self) -> None:
        while True:
            with self._lock:
                while not self._wanted and not self._closed:
                    self._lock.wait()
                if self._closed:
                    return
                collection, row = self._wanted.pop(0)
            path = collection.folder.picture(row.id, row.key)
            if path.is_file() or path in self._reasons:
                continue
            try:
                png = self._render(collection.folder.scene(row.id, row.key))
                path.parent.mkdir(parents=True, exist_ok=True)
                write_bytes(path, png)
            except Exception as error:  # whatever a driver does, the list must not suffer
                self._reasons[path] = str(error).rstrip(".") or type(error).__name__


def _render_with_polyscope(scene: Path) -> bytes:
    renderer = importlib.import_module(
        "app.pictures.renderer"
    )  # Polyscope loads when it is first needed
    width, height = SIZE
    return renderer.render_scene_png(scene, None, width=width, height=height, transparent=True)
