"""`pointins data convert`: any dataset or folder of scans as files that are read without parsing.

Interrupted at any moment, the same command goes on from there and ends with the same bytes: a
scene's file is written whole under another name and then renamed, scenes that are there and up to
date are passed over, and `dataset.json` comes last.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import scipy

from pointins_engine import __version__
from pointins_engine.config import Units, UpAxis
from pointins_engine.errors import PointinsError, RunError, SceneError
from pointins_engine.geometry import estimate_normals, voxelize
from pointins_engine.scenes.datasets import Dataset, SceneEntry
from pointins_engine.scenes.datasets.cached import (
    COLUMNS,
    FORMAT,
    INDEX,
    Index,
    read_fingerprint,
    read_index,
    scene_path,
    write_index,
    write_scene,
)
from pointins_engine.scenes.datasets.jobs import each
from pointins_engine.types import Scene


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How scenes are changed on the way."""

    voxel: float | None = None  # metres: keep the first point of each cube of this edge
    normals: bool = False  # estimate them, on the points that are kept, where the files hold none
    units: Units = "auto"  # of plain scans
    up: UpAxis = "auto"  # of plain scans
    sample_meshes: bool = False  # points on the faces of plain PLY files

    def __post_init__(self) -> None:
        if self.voxel is not None and not self.voxel > 0:
            raise SceneError(f"--voxel {self.voxel:g}: expected an edge in metres, > 0.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What a conversion did."""

    num_written: int
    num_passed_over: int  # there already, from the same files with the same settings
    failures: tuple[tuple[str, str], ...]  # id and reason


def convert(
    dataset: Dataset,
    out: Path,
    settings: Settings,
    *,
    splits: Sequence[str] = (),
    jobs: int = 1,
    watch: Callable[[bool], None] = lambda is_passed_over: None,
) -> Outcome:
    """Write the scenes of a dataset as files of their own, and `dataset.json` over them.

    Args:
        dataset: What to convert.
        out: Folder to write; it may hold an earlier conversion with the same settings, whose other
            splits stay.
        settings: Changes on the way.
        splits: Names of splits; none means all.
        jobs: Processes.
        watch: Told after each scene whether it was passed over.

    Raises:
        SceneError: If there is no such split, or `out` holds something else.
        RunError: If `out` cannot be written, or another process converts into it.
    """
    entries = dataset.entries_of(*splits) if splits else dataset.entries
    earlier = _earlier(dataset, out, settings)
    work = _Work(dataset=dataset, out=out, settings=settings)
    failures: dict[str, str] = {}
    num_passed_over = 0
    with _locked(out):
        _remove_unfinished(out)
        for number, result in each(work, entries, jobs):
            if isinstance(result, RunError):
                raise result
            if isinstance(result, PointinsError):
                failures[entries[number].id] = str(result)
            elif isinstance(result, Exception):
                failures[entries[number].id] = f"{type(result).__name__}: {result}"
            num_passed_over += result is True
            watch(result is True)
        _remove_unfinished(out)
        ids = _by_split(entry for entry in entries if entry.id not in failures)
        if splits and earlier is not None:
            ids = _joined(out, earlier, ids, failures)
        write_index(out, _index(dataset, ids, settings))
    return Outcome(
        num_written=len(entries) - len(failures) - num_passed_over,
        num_passed_over=num_passed_over,
        failures=tuple(sorted(failures.items())),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Work:
    """What a worker process does with one scene."""

    dataset: Dataset
    out: Path
    settings: Settings

    def __call__(self, entry: SceneEntry) -> bool:
        """Whether the scene was there already."""
        path = scene_path(self.out, entry.split, entry.id)
        try:
            fingerprint = _fingerprint(self.dataset, entry, self.settings)
            if path.is_file() and read_fingerprint(path) == fingerprint:
                return True
            scene, notes = self.dataset.read(entry)
        except OSError as error:
            raise SceneError(f"{entry.path} cannot be read: {error.strerror or error}.") from error
        write_scene(path, _changed(scene, self.settings), notes, fingerprint)
        return False


def _changed(scene: Scene, settings: Settings) -> Scene:
    if settings.voxel is not None:
        rows = np.sort(voxelize(scene.coord, settings.voxel)[1])  # in the order of the file
        columns = {name: getattr(scene, name) for name in COLUMNS}
        kept = {name: a[rows] for name, a in columns.items() if a is not None}
        scene = replace(scene, **kept)
    if settings.normals and scene.normal is None:
        scene = replace(scene, normal=estimate_normals(scene.coord))
    return scene


def _fingerprint(dataset: Dataset, entry: SceneEntry, settings: Settings) -> str:
    """Changes when a file of the scene, its classes, the settings or the reader's version do."""
    files = [(os.path.relpath(p, dataset.root), p.stat()) for p in dataset.files(entry)]
    facts = [
        *(FORMAT, __version__, dataset.name, dataset.layout, entry.id, asdict(settings)),
        dataset.classes.names,
        [(name, stat.st_size, stat.st_mtime_ns) for name, stat in files],
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _earlier(dataset: Dataset, out: Path, settings: Settings) -> Index | None:
    """The conversion that `out` holds already.

    Raises:
        SceneError: If it is of something else, or with other settings.
    """
    if out.absolute() == dataset.root.absolute():
        raise SceneError(f"--out {out} is the folder to read; choose another one.")
    if not (out / INDEX).is_file():
        return None
    earlier = read_index(out / INDEX)
    if earlier is None:
        raise SceneError(f"{out / INDEX} belongs to something else; choose another --out.")
    wanted = _index(dataset, {}, settings)
    keys = ("layout", "settings")
    if earlier.name != wanted.name or any(
        earlier.provenance.get(key) != wanted.provenance[key] for key in keys
    ):
        raise SceneError(
            f"{out} holds {earlier.title}, {_words(earlier)}; asked for is {wanted.title}, "
            f"{_words(wanted)}. Choose another --out, or remove that folder."
        )
    return earlier


def _words(index: Index) -> str:
    """The settings of a conversion as the command line has them."""
    settings = index.provenance.get("settings", {})
    kept = {name: value for name, value in settings.items() if value not in (None, False, "auto")}
    words = [f"--{name}" if value is True else f"--{name} {value}" for name, value in kept.items()]
    return " ".join(words) or "as it is"


def _index(dataset: Dataset, ids: dict[str, tuple[str, ...]], settings: Settings) -> Index:
    here = {id for split in ids.values() for id in split}
    lists = {name: tuple(i for i in listed if i in here) for name, listed in dataset.lists.items()}
    return Index(
        name=dataset.name,
        title=dataset.title,
        licence=dataset.licence,
        classes=dataset.classes,
        splits=ids,
        lists={name: listed for name, listed in lists.items() if listed},
        aliases=dataset.aliases,
        notes=dataset.notes,
        provenance={
            "source": str(dataset.root),
            "layout": dataset.layout,
            "settings": asdict(settings),
            "versions": {
                "pointins": __version__,
                "numpy": np.__version__,
                "scipy": scipy.__version__,
            },
        },
    )


def _by_split(entries: Iterator[SceneEntry]) -> dict[str, tuple[str, ...]]:
    ids: dict[str, list[str]] = {}
    for entry in entries:
        ids.setdefault(entry.split, []).append(entry.id)
    return {split: tuple(sorted(found)) for split, found in sorted(ids.items())}


def _joined(
    out: Path, earlier: Index, ids: dict[str, tuple[str, ...]], failures: dict[str, str]
) -> dict[str, tuple[str, ...]]:
    """The scenes of this run and those of an earlier one that are still there."""
    joined = {split: set(found) for split, found in ids.items()}
    for split, found in earlier.splits.items():
        kept = {i for i in found if i not in failures and scene_path(out, split, i).is_file()}
        joined[split] = joined.get(split, set()) | kept
    return {split: tuple(sorted(found)) for split, found in sorted(joined.items()) if found}


def _remove_unfinished(out: Path) -> None:
    """Take away what a killed run was writing."""
    for path in (*out.glob(".*.tmp"), *out.glob("*/.*.safetensors.*.tmp")):
        path.unlink(missing_ok=True)


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Keep the folder to this process; the lock goes with the process, however it ends."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{out} cannot be made a folder ({error.strerror}).") from error
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(out, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise RunError(f"another process converts into {out}; wait for it to end.") from error
    try:
        yield
    finally:
        os.close(handle)
