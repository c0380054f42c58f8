"""S3DIS: rooms of six areas of office buildings, 13 classes, every object an instance.

Official files: `Area_k/<room>/Annotations/<class>_<n>.txt`, one object a file and one point a line,
`x y z r g b`. What `Area_k/<room>/<room>.txt` holds is the same points without labels.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from pointins_engine.errors import SceneError
from pointins_engine.scenes.datasets.dataset import ClassTable, Dataset, Fault, SceneEntry
from pointins_engine.scenes.datasets.pointcept import PointceptFolder
from pointins_engine.scenes.readers import clean_id
from pointins_engine.scenes.readers.decimals import read_table
from pointins_engine.scenes.readers.raw import RawScan, to_scene
from pointins_engine.types import Scene

LICENCE = (
    "S3DIS terms: research and education only, after a request form (Stanford); "
    "cite Armeni et al., CVPR 2016"
)
_NAMES = (
    "ceiling", "floor", "wall", "beam", "column", "window", "door", "table", "chair", "sofa",
    "bookcase", "board", "clutter",
)  # fmt: skip
CLASSES = ClassTable(names=_NAMES, things=frozenset(_NAMES))
_AREA = re.compile(r"Area_[1-6]")
_AREAS = tuple(f"Area_{k}" for k in range(1, 7))
_ALIASES = {"train": tuple(a for a in _AREAS if a != "Area_5"), "val": ("Area_5",)}
_WIDTH = 6  # values a line
_SHOWN = 3  # broken lines whose number is told


class S3DIS(Dataset):
    """Stanford3dDataset v1.2 as it is downloaded. The splits are its areas."""

    name = "s3dis"
    title = "S3DIS, official layout (Stanford3dDataset v1.2)"
    layout = "official"
    licence = LICENCE
    looked_for = "Area_<k>/<room>/Annotations/<class>_<n>.txt"
    aliases = _ALIASES

    @classmethod
    def recognise(cls, root: Path) -> Dataset | None:
        rooms = list(_rooms(root))
        if not any((room / "Annotations").is_dir() for _, room in rooms):
            return None
        entries = [
            SceneEntry(id=clean_id(f"{area}_{room.name}"), split=area, path=room)
            for area, room in rooms
            if _has_points(room)
        ]
        return cls(root, tuple(entries), CLASSES)

    @np.errstate(all="ignore")  # what a damaged file makes of its numbers is no warning
    def read(self, entry: SceneEntry) -> tuple[Scene, list[str]]:
        notes: list[str] = []
        files = _objects(entry.path)
        has_labels = bool(files)
        if not has_labels:
            files = [entry.path / f"{entry.path.name}.txt"]
        tables, semantic, instance = [], [], []
        for number, path in enumerate(files):
            table, found = read_points(path)
            notes += found
            name = path.stem.split("_")[0]
            if has_labels and name not in _NAMES:
                notes.append(f"{path.name}: {name!r} is none of the 13 classes; taken as clutter.")
                name = "clutter"
            tables.append(table)
            semantic.append(np.full(len(table), _NAMES.index(name) if has_labels else -1, np.int32))
            instance.append(np.full(len(table), number, np.int32))
        table = np.concatenate(tables)
        raw = RawScan(
            coord=table[:, :3],
            color=np.clip(table[:, 3:], 0, 255).astype(np.uint8),
            semantic=np.concatenate(semantic) if has_labels else None,
            instance=np.concatenate(instance) if has_labels else None,
            class_names=_NAMES if has_labels else None,
            metres_per_unit=1.0,
            up="z",
        )
        scene, more = to_scene(raw, entry.path, id=entry.id)
        return scene, [*notes, *more]

    def files(self, entry: SceneEntry) -> tuple[Path, ...]:
        own = entry.path / f"{entry.path.name}.txt"
        return tuple(_objects(entry.path)) or ((own,) if own.is_file() else ())

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        for _, room in _rooms(self.root):
            if not _has_points(room):
                yield Fault(
                    path=room,
                    text=f"neither Annotations/*.txt nor {room.name}.txt.",
                    fix="Unpack the room again, or remove the folder; it is passed over.",
                )
            elif not _objects(room):
                yield Fault(
                    path=room / "Annotations",
                    text="no <class>_<n>.txt, so the room has no labels.",
                    fix="Unpack the room again to evaluate on it; pre-training needs no labels.",
                )


class PointceptS3DIS(PointceptFolder):
    """S3DIS as Pointcept prepares it."""

    name = "s3dis"
    title = "S3DIS, Pointcept layout"
    licence = LICENCE
    looked_for = "Area_<k>/<room>/coord.npy"
    levels = (_AREA.pattern, r".+")
    split_in_id = True
    segments = ("segment",)
    table = CLASSES
    aliases = _ALIASES


def read_points(path: Path) -> tuple[Float64[np.ndarray, "n 6"], list[str]]:
    """Rows `x y z r g b` of an S3DIS text file, and what was left out of it.

    The release holds a few lines that are broken and a few that stand there twice in a row; both
    are left out and counted.

    Raises:
        SceneError: If no line holds a point.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SceneError(f"{path} cannot be read: {error.strerror}; unpack it again.") from error
    broken: tuple[int, ...] = ()
    try:
        table = read_table(data, 0, _WIDTH, path)
    except SceneError:
        table = np.zeros((0, _WIDTH))
    if not len(table) or not np.isfinite(table).all():
        table, broken = _line_by_line(data)
    notes = []
    if len(broken):
        numbers = ", ".join(f"{number:,}" for number in broken[:_SHOWN])
        more = f" and {len(broken) - _SHOWN:,} more" if len(broken) > _SHOWN else ""
        notes.append(f"{path}: line {numbers}{more} left out, no `x y z r g b`.")
    if not len(table):
        raise SceneError(f"{path}: no line holds `x y z r g b`; unpack it again.")
    again = np.r_[False, (table[1:] == table[:-1]).all(axis=1)]
    if again.any():
        notes.append(f"{path}: {again.sum():,} lines repeat the line before and were left out.")
    return table[~again], notes


def _line_by_line(data: bytes) -> tuple[np.ndarray, tuple[int, ...]]:
    """Rows of the lines that hold six finite numbers, and the numbers of the others, from 1."""
    rows, broken = [], []
    for number, line in enumerate(data.split(b"\n"), start=1):
        words = line.split()
        if not words:
            continue
        try:
            row = [float(word) for word in words]
        except ValueError:
            row = []
        if len(row) == _WIDTH and np.isfinite(row).all():
            rows.append(row)
        else:
            broken.append(number)
    return np.array(rows, np.float64).reshape(-1, _WIDTH), tuple(broken)


def _rooms(root: Path) -> Iterator[tuple[str, Path]]:
    for area in _AREAS:
        if (root / area).is_dir():
            for room in sorted((root / area).iterdir()):
                if room.is_dir() and not room.name.startswith("."):
                    yield area, room


def _objects(room: Path) -> list[Path]:
    """Annotation files in a fixed order: their place is the id of the instance."""
    found = (room / "Annotations").glob("*_*.txt")
    return sorted(path for path in found if not path.name.startswith("."))


def _has_points(room: Path) -> bool:
    return bool(_objects(room)) or (room / f"{room.name}.txt").is_file()
