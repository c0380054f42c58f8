"""Collections of scenes as the pages and the API see them, and the jobs that index them.

A collection is one source that was named at the start, or a simulator. Its index is made by a
child process when somebody first looks at it, and kept in the cache. Ids are looked up among what
exists; nothing a request says becomes a path.
"""

import contextlib
import re
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.access import only_looks
from pointins_engine.errors import SceneError
from pointins_engine.scene_index.cache import CollectionFolder, SceneRow

SIMULATED = {"sim:rooms": "Simulated rooms", "sim:streets": "Simulated streets"}
MAX_JOBS = 2  # child processes at a time; further collections wait for their turn
END_S = 1.0  # a job that has not ended by then is killed
LOOK_AGAIN_S = 10.0  # a finished job is not repeated sooner
_NOT_AN_ID = re.compile(r"[^A-Za-z0-9._-]+")


class Collection:
    """One source of scenes with its index, which is read again as it grows."""

    def __init__(self, id: str, source: str, cache: Path) -> None:
        self.id = id
        self.source = source
        self.title = SIMULATED.get(source) or Path(source).expanduser().name or source
        self.folder = CollectionFolder.of(cache, source)
        self.layout = ""  # name and layout of a dataset
        self.licence = ""
        self.ids: list[str] = []
        self.keys: dict[str, str] = {}
        self._rows: dict[str, SceneRow] = {}
        self._stamps: tuple[Any, Any] = (None, None)
        self._read_to = 0
        self._lock = threading.Lock()

    @property
    def is_simulated(self) -> bool:
        return self.source in SIMULATED

    def rows(self) -> dict[str, SceneRow]:
        """Current rows by scene id; what is not there is not read yet."""
        with self._lock:
            self._refresh()
            return {id: self._rows[id] for id in self.ids if id in self._rows}

    def row(self, scene: str) -> SceneRow | None:
        """A scene's row, None while it is not read.

        Raises:
            SceneError: If the collection has no such scene.
        """
        rows = self.rows()
        if scene not in self.keys:
            raise SceneError(f"collection {self.id} has no scene called {scene[:100]!r}.")
        return rows.get(scene)

    def _refresh(self) -> None:
        listed, rows = _stamp(self.folder.collection), _stamp(self.folder.rows)
        if listed != self._stamps[0]:
            record = self.folder.read_collection()
            self.ids = [str(id) for id in record.get("ids", [])]
            self.layout = str(record.get("title", ""))
            self.licence = str(record.get("licence", ""))
            self.keys = {id: str(record.get("keys", {}).get(id)) for id in self.ids}
            self._rows = {}
            self._read_to = 0
        if rows != self._stamps[1] or self._read_to == 0:
            if self._stamps[1] is None or rows is None or rows[0] != self._stamps[1][0]:
                self._rows, self._read_to = {}, 0  # another file: the job has written it anew
            fresh, self._read_to = self.folder.read_rows(self._read_to)
            for row in fresh:
                if self.keys.get(row.id) == row.key:
                    self._rows[row.id] = row
        self._stamps = (listed, rows)


class Collections:
    """All collections of a studio. `attend` starts the job of one that somebody looks at."""

    def __init__(self, sources: Sequence[str], cache: Path) -> None:
        self.cache = cache
        self._known: dict[str, Collection] = {}
        for source in (*sources, *(name for name in SIMULATED if name not in sources)):
            id = self._free_id(source)
            self._known[id] = Collection(id, source, cache)
        self._jobs: dict[str, subprocess.Popen[str]] = {}
        self._ended: dict[str, float] = {}
        self._lock = threading.Lock()

    def all(self) -> list[Collection]:
        """Those that were named at the start, then the simulators."""
        return list(self._known.values())

    def get(self, id: str) -> Collection:
        """A collection by its id.

        Raises:
            SceneError: If there is none.
        """
        if id not in self._known:
            raise SceneError(
                f"no collection is called {id[:100]!r}; there are: {', '.join(self._known)}."
            )
        return self._known[id]

    def attend(self, collection: Collection, *, scene: str = "") -> None:
        """See that the index is made; `scene` is waited for and comes next.

        Args:
            collection: What somebody looks at.
            scene: A scene whose row or arrays are missing.

        Who may only look starts nothing.
        """
        if only_looks():
            return
        with self._lock:
            job = self._running(collection.id)
            if job is not None:
                if scene and job.stdin is not None:
                    with contextlib.suppress(OSError):  # it is just ending
                        job.stdin.write(f"{scene}\n")
                        job.stdin.flush()
                return
            since = time.monotonic() - self._ended.get(collection.id, -LOOK_AGAIN_S)
            if since < LOOK_AGAIN_S and not scene:
                return
            if sum(self._running(id) is not None for id in list(self._jobs)) < MAX_JOBS:
                self._jobs[collection.id] = self._start(collection, scene)

    def progress(self, collection: Collection) -> dict[str, Any]:
        """status, done, total, now, eta_s and detail of the collection's index.

        Status is `waiting` (for its turn), `view_only` (for somebody with control to open it),
        `running`, `finished`, `failed` (the source cannot be
        listed), or `lost` (the process ended in the middle).
        """
        said = collection.folder.read_progress()
        with self._lock:
            job = self._jobs.get(collection.id)
            is_running = self._running(collection.id) is not None
        if job is None or said.get("pid") != job.pid:
            said = {}  # of an earlier job
        status = said.get("status", "running" if is_running else "lost")
        if job is None:
            status = "view_only" if only_looks() else "waiting"
        elif not is_running and status not in ("finished", "failed"):
            status = "lost"
        detail = str(said.get("detail", ""))
        if status == "lost" and job is not None:
            detail = _last_words(said.get("now"), job.returncode)
        rows = collection.rows()
        return {
            "status": status,
            "done": said.get("done", len(rows)) if status == "running" else len(rows),
            "total": len(collection.ids),
            "now": said.get("now", ""),
            "eta_s": said.get("eta_s") if status == "running" else None,
            "detail": detail,
        }

    def close(self) -> None:
        """End the jobs; what they have made stays."""
        with self._lock:
            for job in self._jobs.values():
                if job.poll() is None:
                    job.terminate()
            for job in self._jobs.values():
                try:
                    job.wait(timeout=END_S)
                except subprocess.TimeoutExpired:  # in the middle of a long computation
                    job.kill()
                    job.wait()
                if job.stdin is not None:
                    with contextlib.suppress(OSError):
                        job.stdin.close()

    def _start(self, collection: Collection, scene: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "pointins_engine.scene_index", collection.source]
        only = ["--only", scene] if scene and collection.row(scene) is not None else []
        return subprocess.Popen(
            [*command, "--cache", str(self.cache), "--attended", *only],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )

    def _running(self, id: str) -> "subprocess.Popen[str] | None":
        job = self._jobs.get(id)
        if job is None:
            return None
        if job.poll() is None:
            return job
        self._ended.setdefault(id, time.monotonic())
        if job.stdin is not None and not job.stdin.closed:
            self._ended[id] = time.monotonic()
            with contextlib.suppress(OSError):
                job.stdin.close()
        return None

    def _free_id(self, source: str) -> str:
        name = source.replace("sim:", "sim-") if source in SIMULATED else Path(source).name
        base = _NOT_AN_ID.sub("-", name).strip("-.")[:60] or "scans"
        id, count = base, 1
        while id in self._known:
            count += 1
            id = f"{base}-{count}"
        return id


def _last_words(scene: object, status: int | None) -> str:
    where = f" while it read {scene}" if scene else ""
    return (
        f"The process that reads the scans ended with status {status}{where}. What was read is "
        "kept; reload the page to go on."
    )


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
