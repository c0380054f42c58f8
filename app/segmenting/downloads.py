"""Files for other programs: made when they are first asked for, kept until the layer changes."""

import re
import subprocess
import sys
import threading
from pathlib import Path

from app.launching.machine import environment
from app.segmenting.jobs import WORKING_FOLDER
from app.segmenting.store import Found, Refused, SegmentationStore
from pointins_engine.errors import RunError
from pointins_engine.scenes.readers import clean_id
from pointins_engine.segment.files import ENDINGS

TIMEOUT_S = 600.0
MAX_IN_LINE = 4
FOLDER = "downloads"


class Downloads:
    """One file is made at a time; a few that ask for others wait."""

    def __init__(self, store: SegmentationStore) -> None:
        self._store = store
        self._lock, self._line = threading.Lock(), threading.Semaphore(MAX_IN_LINE)

    def file(self, id: str, layer: str, kind: str) -> tuple[Found, str]:
        """The file of a layer, and the name that it is saved under.

        Args:
            id: Of the segmentation.
            layer: Of it.
            kind: ply, npz, json or coco.

        Raises:
            RunError: If there is no such segmentation, layer or format, or it cannot be made.
            Refused: If too many wait already.
        """
        if kind not in ENDINGS:
            raise RunError(f"there is no format {kind[:20]!r}; there are: {', '.join(ENDINGS)}.")
        record = self._store.layer(id, layer)
        layer, stem = record["layer"], f"{record['layer']}-{record['v']}"
        title = str(self._store.record(id, "request.json").get("name") or id)
        shown = f"{clean_id(Path(title).stem)[:60]}-{layer}{ENDINGS[kind]}"
        if not self._line.acquire(blocking=False):
            raise Refused(429, "Other files are being written; try again in a moment.")
        try:
            with self._lock:
                if not (self._store.root / id / FOLDER / f"{stem}{ENDINGS[kind]}").exists():
                    self._make(id, layer, kind, stem)
        finally:
            self._line.release()
        return self._store.file(id, FOLDER, f"{stem}{ENDINGS[kind]}"), shown

    def _make(self, id: str, layer: str, kind: str, stem: str) -> None:
        folder = self._store.folder(id)
        out = folder / FOLDER
        out.mkdir(mode=0o700, exist_ok=True)
        if out.is_symlink():
            raise RunError(f"the downloads of {id} lie elsewhere; delete that link.")
        before = re.compile(rf"{layer}-[0-9a-f]+-[0-9a-f]+{re.escape(ENDINGS[kind])}")
        for old in out.iterdir():
            if before.fullmatch(old.name):  # of what the layer was before
                old.unlink(missing_ok=True)
        words = [sys.executable, "-m", "app.segmenting.export"]
        try:
            done = subprocess.run(
                [*words, str(folder), layer, kind, str(out), stem],
                cwd=WORKING_FOLDER,
                env=environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RunError(
                f"writing {layer} took longer than {TIMEOUT_S / 60:.0f} min; try it again."
            ) from None
        if done.returncode != 0:
            said = done.stderr.strip().splitlines() if done.returncode == 2 else []
            raise RunError(said[-1] if said else f"{layer} could not be written as {kind}.")
