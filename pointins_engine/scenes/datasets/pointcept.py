"""Pointcept's layout: `<split>/<scene>/{coord,color,normal,strength,segment,instance}.npy`.

Every array but coord may be missing; a missing label array leaves the scene unlabelled. The names
of splits and scenes tell which dataset was prepared; its module subclasses `PointceptFolder`.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np

from pointins_engine.errors import SceneError
from pointins_engine.scenes.datasets.dataset import (
    ClassTable,
    Dataset,
    Fault,
    SceneEntry,
    unique_entries,
)
from pointins_engine.scenes.datasets.mesh_normals import fill_normals
from pointins_engine.scenes.readers import clean_id
from pointins_engine.scenes.readers.arrays import parse_npy
from pointins_engine.scenes.readers.raw import RawScan, to_scene
from pointins_engine.types import Scene

_TRIED = 5  # folders that are looked into before a layout is given up


class PointceptFolder(Dataset):
    """Folders of arrays whose dataset is not known; classes are numbers, or from `classes.json`.

    Attributes:
        levels: Patterns of folder names from the root down: the split, then the scene; with a third
            level an id joins scene and room.
        split_in_id: Whether an id starts with its split, where scenes of two share their names.
        segments: Array names of the classes; the first that is there is read.
        table: Class names of a known dataset.
    """

    name = "pointcept"
    title = "Pointcept folders of an unknown dataset"
    layout = "pointcept"
    licence = "not known: that of the dataset which was prepared"
    looked_for = "<train|val|test>/<scene>/coord.npy"
    levels: ClassVar[tuple[str, ...]] = (r"(train|val|test)(ing|idation|val)?([_-].*)?", r".+")
    split_in_id: ClassVar[bool] = False
    segments: ClassVar[tuple[str, ...]] = ("segment", "segment20", "segment200")
    table: ClassVar[ClassTable | None] = None

    @classmethod
    def recognise(cls, root: Path) -> Dataset | None:
        folders = list(_folders(root, cls.levels))
        if not any(_has_coord(folder) for _, folder in folders[:_TRIED]):
            return None
        entries = [
            SceneEntry(
                id=clean_id("_".join(names if cls.split_in_id else names[1:])),
                split=names[0],
                path=folder,
            )
            for names, folder in folders
            if _has_coord(folder)
        ]
        classes = cls.table or ClassTable(names=_own_classes(root))
        return cls(root, unique_entries(entries), classes)

    def read(self, entry: SceneEntry) -> tuple[Scene, list[str]]:
        return read_folder(entry.path, entry.id, self.classes, self.segments)

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        for _, folder in _folders(self.root, self.levels):
            if not _has_coord(folder):
                yield Fault(
                    path=folder,
                    text="no coord.npy.",
                    fix="Prepare the scene again, or remove the folder; it is passed over.",
                )
        for split in sorted({entry.split for entry in self.entries}):
            pickled = sum(1 for _ in (self.root / split).glob("*.pth"))
            if pickled:
                yield Fault(
                    path=self.root / split,
                    text=f"{pickled:,} .pth files, which are pickles and never opened.",
                    fix="Prepare them again with Pointcept 1.5.2 or newer, which writes .npy.",
                )


@np.errstate(all="ignore")  # what a damaged file makes of its numbers is no warning
def read_folder(
    path: Path, id: str, classes: ClassTable, segments: tuple[str, ...] = ("segment",)
) -> tuple[Scene, list[str]]:
    """One scene of .npy arrays, in metres and z up as the layout has it.

    Args:
        path: Folder with coord.npy.
        id: Id of the scene.
        classes: Names behind the labels; without names they become class_0, class_1, ...
        segments: Array names of the classes; the first that is there is read.

    Raises:
        SceneError: If an array is damaged, has the wrong shape, or holds a class that the table
            does not have.
    """
    files = {file.stem: file for file in path.glob("*.npy")}
    if "coord" not in files:
        raise SceneError(f"{path}: no coord.npy; prepare the scene again, or remove the folder.")
    segment = next((name for name in segments if name in files), None)
    strength = "strength" if "strength" in files else "intensity"

    def column(name: str | None, width: int | None = None) -> np.ndarray | None:
        if name is None or name not in files:
            return None
        array = load_array(files[name])
        if width is None and array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != (1 if width is None else 2) or (width and array.shape[1] != width):
            expected = "(points,) or (points, 1)" if width is None else f"(points, {width})"
            raise SceneError(
                f"{files[name]}: shape {array.shape}, expected {expected}; prepare it again."
            )
        return array

    coord, normal = column("coord", 3), column("normal", 3)
    assert coord is not None, "coord is among the files"
    if normal is not None and len(normal) == len(coord):
        normal = fill_normals(coord, normal)
    label = _known(column(segment), classes.names, files.get(segment or ""))
    names = classes.names
    if label is not None and not names:
        names = tuple(f"class_{k}" for k in range(int(label.max()) + 1))
    raw = RawScan(
        coord=coord,
        color=column("color", 3),
        normal=normal,
        intensity=column(strength),
        semantic=label,
        instance=_known(column("instance"), (), None),
        class_names=names if label is not None else None,
        metres_per_unit=1.0,
        up="z",
    )
    scene, notes = to_scene(raw, path, id=id)
    others = sorted(name for name in files if name.startswith("segment"))
    if segment is None and others:
        notes.append(
            f"{path.name}: no {segments[0]}.npy, so no classes; {others[0]}.npy is of another "
            "table."
        )
    return scene, notes


def load_array(path: Path) -> np.ndarray:
    """An .npy file; nothing is unpickled, and nothing is held that the file does not hold.

    Raises:
        SceneError: If it is no array of numbers, or shorter than its header promises.
    """
    try:
        return parse_npy(path.read_bytes(), str(path))
    except OSError as error:
        raise SceneError(f"{path} cannot be read: {error.strerror}.") from error


def _known(
    label: np.ndarray | None, names: tuple[str, ...], path: Path | None
) -> np.ndarray | None:
    """Labels with -1 for whatever is below 0; None if no point has one."""
    if label is None or not (label >= 0).any():
        return None
    label = np.where(label >= 0, label, -1).astype(np.int32)
    if names and label.max() >= len(names):
        raise SceneError(
            f"{path} holds class {label.max()}, but this dataset has the {len(names)} classes "
            f"0..{len(names) - 1}. If it is another dataset, name it with --scene.dataset "
            "(pointcept takes any classes)."
        )
    return label


def _has_coord(folder: Path) -> bool:
    return (folder / "coord.npy").is_file()


def _folders(
    root: Path, levels: tuple[str, ...], names: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Path]]:
    """Folders at the end of the levels, with the names on the way, sorted."""
    if not levels:
        yield names, root
        return
    for folder in sorted(root.iterdir()):
        if not folder.name.startswith(".") and re.fullmatch(levels[0], folder.name):
            if folder.is_dir():
                yield from _folders(folder, levels[1:], (*names, folder.name))


def _own_classes(root: Path) -> tuple[str, ...]:
    """Names in the root's `classes.json`: a list, or an object of index -> name."""
    try:
        found = json.loads((root / "classes.json").read_text("utf-8"))
        if isinstance(found, dict):
            by_index = {int(index): str(name) for index, name in found.items()}
            return tuple(by_index.get(k, f"class_{k}") for k in range(max(by_index) + 1))
        return tuple(str(name) for name in found)
    except FileNotFoundError:
        return ()
    except (ValueError, TypeError, UnicodeDecodeError) as error:
        raise SceneError(
            f"{root / 'classes.json'}: expected a JSON list of class names, or an object of index "
            f"-> name ({error})."
        ) from error
