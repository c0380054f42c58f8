"""What the index of a collection of scenes leaves on disk, for whoever shows the scenes.

A collection has one folder, named after its source. Rows are appended as scenes are read, arrays
are whole or not there; everything can be deleted and is made again. NumPy only, no torch.

    collection.json                     source, layout, ids of all scenes in order
    rows.jsonl                          one line a scene: facts, offset lengths, or what was wrong
    progress.json                       how far the job is
    arrays/<scene>.<key>.safetensors    points to draw, as an inspected scene of a run folder
    arrays/<scene>.<key>.truth.safetensors   true centroids and classes, as a frame of a run folder
    pictures/<scene>.<key>.png          small picture

The key of a scene changes with its files and with the way scenes are indexed, so what was made of
an older file is never shown.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pointins_engine import __version__
from pointins_engine.errors import RunError
from pointins_engine.run_log.files import append_line, read_json, read_lines, write_bytes

INDEX_VERSION = 1  # part of every key: raise it when rows or arrays change their meaning
NUM_LEVELS = 257  # quantiles of offset lengths at evenly spaced levels from 0 to 1
CACHE_BYTES = 4 << 30  # arrays and pictures kept, over all collections; rows always stay
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class SceneRow:
    """One scene of a collection: what was found in it, or why it could not be read."""

    id: str
    key: str
    facts: dict[str, Any] | None = None  # `scenes.report.describe` and what the index adds
    lengths: tuple[float, ...] | None = None  # metres: label-free offset lengths, quantiles
    num_lengths: int = 0
    true_lengths: tuple[float, ...] | None = None  # metres: of labelled objects, for comparison
    error: str | None = None  # what was wrong and what to do about it

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "SceneRow":
        """A row from a line of the file; raises KeyError, TypeError or ValueError if it is none."""
        if not isinstance(record.get("facts"), dict) and not isinstance(record.get("error"), str):
            raise ValueError("a row has facts or an error")
        return cls(
            id=str(record["id"]),
            key=str(record["key"]),
            facts=record.get("facts"),
            lengths=_table(record.get("lengths")),
            num_lengths=int(record.get("num_lengths", 0)),
            true_lengths=_table(record.get("true_lengths")),
            error=record.get("error"),
        )


class CollectionFolder:
    """Paths of one collection's index, and how its rows are read and written."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.collection = root / "collection.json"
        self.rows = root / "rows.jsonl"
        self.progress = root / "progress.json"
        self.arrays = root / "arrays"
        self.pictures = root / "pictures"

    @classmethod
    def of(cls, cache: Path, source: str) -> "CollectionFolder":
        """The folder of a source below the cache; the same source has the same folder."""
        where = source if source.startswith("sim:") else str(Path(source).expanduser().resolve())
        name = _NOT_A_NAME.sub("-", where.rpartition("/")[2])[:40] or "scans"
        return cls(cache / f"{name}-{_digest(where)}")

    def scene(self, id: str, key: str) -> Path:
        return self.arrays / f"{id}.{key}.safetensors"

    def truth(self, id: str, key: str) -> Path:
        return self.arrays / f"{id}.{key}.truth.safetensors"

    def picture(self, id: str, key: str) -> Path:
        return self.pictures / f"{id}.{key}.png"

    def read_collection(self) -> dict[str, Any]:
        """What the collection is; empty before the first job has listed it, or if it is damaged."""
        try:
            record = read_json(self.collection)
        except RunError:
            return {}
        return record if isinstance(record.get("ids"), list) else {}

    def read_progress(self) -> dict[str, Any]:
        try:
            return read_json(self.progress)
        except RunError:
            return {}

    def read_rows(self, start: int = 0) -> tuple[list[SceneRow], int]:
        """Rows from byte `start` on, and the byte after the last whole one; damage is left out."""
        records, end = read_lines(self.rows, start)
        rows = []
        for record in records:
            try:
                rows.append(SceneRow.from_json(record))
            except (KeyError, TypeError, ValueError):
                continue
        return rows, end

    def append(self, row: SceneRow) -> None:
        append_line(self.rows, asdict(row))

    def rewrite_rows(self, rows: Iterable[SceneRow]) -> None:
        """Leave these rows only: what is superseded, torn or gone from the source is dropped."""
        lines = (json.dumps(asdict(row), allow_nan=False, separators=(",", ":")) for row in rows)
        write_bytes(self.rows, "".join(f"{line}\n" for line in lines).encode())


def default_cache() -> Path:
    """`pointins/scenes` in the user's cache folder (XDG base directory specification)."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(given) if given.startswith("/") else Path.home() / ".cache"
    return base / "pointins" / "scenes"


def scene_key(source: str, paths: Sequence[Path]) -> str:
    """Fingerprint of the files that a scene is read from: names, sizes and times of writing.

    Args:
        source: The collection's source and the scene's id in it.
        paths: Files of the scene, or of the simulator; those that do not exist count as absent.
    """
    parts = [f"{__version__} {INDEX_VERSION}", source]
    for path in paths:
        try:
            stat = path.stat()
        except OSError:
            continue
        parts.append(f"{path.name} {stat.st_size} {stat.st_mtime_ns}")
    return _digest("\n".join(parts))


def prune(cache: Path, limit_bytes: int, spared: Sequence[Path] = ()) -> int:
    """Delete arrays and pictures, the longest unused first, until `limit_bytes` are left.

    Folders that no index wrote are never touched. Returns the bytes deleted.

    Args:
        cache: Folder of all collections.
        limit_bytes: What may stay.
        spared: Files that stay whatever happens.
    """
    files = []
    for record in cache.glob("*/collection.json"):
        for part in ("arrays", "pictures"):
            for path in (record.parent / part).glob("*.*"):
                stat = path.stat()
                files.append((max(stat.st_atime, stat.st_mtime), stat.st_size, path))
    total = sum(size for _, size, _ in files)
    keep, deleted = set(spared), 0
    for _, size, path in sorted(files):
        if total - deleted <= limit_bytes:
            break
        if path not in keep:
            path.unlink(missing_ok=True)
            deleted += size
    return deleted


def _table(values: Any) -> tuple[float, ...] | None:
    if values is None:
        return None
    table = np.asarray(values, np.float64)
    if table.shape != (NUM_LEVELS,) or not np.isfinite(table).all() or (np.diff(table) < 0).any():
        raise ValueError("quantiles are no rising table")
    return tuple(table.tolist())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
