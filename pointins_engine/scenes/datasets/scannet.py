"""ScanNet and ScanNet200: the same scans under 20 and under 200 classes.

Official files of a scan: the mesh `<id>_vh_clean_2.ply`, a segment id a vertex
(`..._vh_clean_2.0.010000.segs.json`), objects as lists of segments (`<id>.aggregation.json`), and
for all scans one table, from an object's free-text label to class ids
(`scannetv2-labels.combined.tsv`).
"""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from pointins_engine.errors import SceneError
from pointins_engine.scenes.datasets.dataset import (
    ClassTable,
    Dataset,
    Fault,
    SceneEntry,
    SplitFile,
)
from pointins_engine.scenes.datasets.mesh_normals import vertex_normals
from pointins_engine.scenes.datasets.pointcept import PointceptFolder
from pointins_engine.scenes.readers.ply import read_ply_mesh
from pointins_engine.scenes.readers.raw import to_scene
from pointins_engine.types import Scene

LICENCE = (
    "ScanNet Terms of Use: non-commercial research, signed with the authors; "
    "cite Dai et al., CVPR 2017"
)
LICENCE_200 = f"{LICENCE}, and for its 200 classes Rozenberszki et al., ECCV 2022"

# NYU40 ids and names of the 20 classes of the ScanNet benchmark, in its order.
_CLASSES_20 = {
    1: "wall", 2: "floor", 3: "cabinet", 4: "bed", 5: "chair", 6: "sofa", 7: "table", 8: "door",
    9: "window", 10: "bookshelf", 11: "picture", 12: "counter", 14: "desk", 16: "curtain",
    24: "refrigerator", 28: "shower curtain", 33: "toilet", 34: "sink", 36: "bathtub",
    39: "otherfurniture",
}  # fmt: skip
_STUFF = ("wall", "floor")  # not counted as instances, in either table

# Numbers of the rooms of the benchmark's validation split (scannetv2_val.txt); all scans of a room
# are in one split, rooms from 707 on are the test split, and the others are for training.
_VAL = frozenset((
    11, 15, 19, 25, 30, 46, 50, 63, 64, 77, 81, 84, 86, 88, 95, 100, 131, 139, 144, 146, 149, 153,
    164, 169, 187, 193, 196, 203, 207, 208, 217, 221, 222, 231, 246, 249, 251, 256, 257, 277, 278,
    300, 304, 307, 314, 316, 328, 329, 334, 338, 342, 343, 351, 353, 354, 355, 356, 357, 377, 378,
    382, 389, 406, 412, 414, 423, 426, 427, 430, 432, 435, 441, 458, 461, 462, 474, 488, 490, 494,
    496, 500, 518, 527, 535, 549, 550, 552, 553, 558, 559, 565, 568, 574, 575, 578, 580, 583, 591,
    593, 595, 598, 599, 606, 607, 608, 609, 616, 618, 621, 629, 633, 643, 644, 645, 647, 648, 651,
    652, 653, 655, 658, 660, 663, 664, 665, 670, 671, 678, 684, 685, 686, 689, 690, 693, 695, 696,
    697, 699, 700, 701, 702, 704,
))  # fmt: skip
_FIRST_TEST = 707
_ID = re.compile(r"scene(\d{4})_\d{2}")
_MESH, _SEGMENTS, _OBJECTS = (
    "_vh_clean_2.ply",
    "_vh_clean_2.0.010000.segs.json",
    ".aggregation.json",
)
_TABLE = "scannetv2-labels.combined.tsv"


class Labels(NamedTuple):
    """Index into the 20 and into the 200 classes; -1 = in none of them."""

    of_20: int
    of_200: int


@cache
def _raw_classes_200() -> tuple[tuple[int, str, str], ...]:
    """Raw id, name and frequency group of the 200 classes, in the benchmark's order."""
    found = json.loads(Path(__file__).with_name("scannet200.json").read_text("utf-8"))
    return tuple((raw_id, name, group) for raw_id, name, group in found["classes"])


@cache
def classes_20() -> ClassTable:
    names = tuple(_CLASSES_20.values())
    return ClassTable(names=names, things=frozenset(names) - set(_STUFF))


@cache
def classes_200() -> ClassTable:
    rows = _raw_classes_200()
    names = tuple(name for _, name, _ in rows)
    groups = {
        group: frozenset(name for _, name, of in rows if of == group)
        for group in ("head", "common", "tail")
    }
    return ClassTable(names=names, things=frozenset(names) - set(_STUFF), groups=groups)


def instance_classes(table: Literal[20, 200]) -> dict[int, str]:
    """Raw class id -> name of the classes whose instances a benchmark counts, in its order."""
    rows = _CLASSES_20.items() if table == 20 else ((i, n) for i, n, _ in _raw_classes_200())
    return {raw_id: name for raw_id, name in rows if name not in _STUFF}


class ScanNet(Dataset):
    """ScanNet as it is downloaded, with the 20 classes of its benchmark."""

    name = "scannet"
    title = "ScanNet, official layout"
    layout = "official"
    licence = LICENCE
    looked_for = f"scans/<scene>/<scene>{_MESH}"
    which: Literal["of_20", "of_200"] = "of_20"

    @classmethod
    def recognise(cls, root: Path) -> Dataset | None:
        entries = [
            SceneEntry(id=folder.name, split=official_split(folder.name), path=folder)
            for folder in _scene_folders(root)
            if (folder / f"{folder.name}{_MESH}").is_file()
        ]
        classes = classes_20() if cls.which == "of_20" else classes_200()
        return cls(root, tuple(entries), classes) if entries else None

    @np.errstate(all="ignore")  # what a damaged file makes of its numbers is no warning
    def read(self, entry: SceneEntry) -> tuple[Scene, list[str]]:
        mesh_path = self._file(entry, _MESH)
        raw, triangles = read_ply_mesh(mesh_path)
        if raw.normal is None and len(triangles):
            raw = replace(raw, normal=vertex_normals(raw.coord, triangles))
        semantic, instance, notes = self._labels(entry, len(raw.coord))
        raw = replace(
            raw,
            semantic=semantic,
            instance=instance,
            class_names=self.classes.names if semantic is not None else None,
            metres_per_unit=1.0,
            up="z",
        )
        scene, more = to_scene(raw, mesh_path, id=entry.id)
        return scene, [*notes, *more]

    def files(self, entry: SceneEntry) -> tuple[Path, ...]:
        table = self._table_path()
        own = [self._file(entry, ending) for ending in (_OBJECTS, _SEGMENTS, _MESH)]
        return tuple(path for path in (*own, *([table] if table else [])) if path.is_file())

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        for folder in _scene_folders(self.root):
            if not (folder / f"{folder.name}{_MESH}").is_file():
                yield Fault(
                    path=folder,
                    text=f"no {folder.name}{_MESH}.",
                    fix="Download the scan again, or remove the folder; it is passed over.",
                )
        labelled = [e for e in self.entries if e.split != "test"]
        if labelled and self._table_path() is None:
            yield Fault(
                path=self.root / _TABLE,
                text="missing, so that no label can be turned into a class.",
                fix=f"Put {_TABLE}, which comes with the download, into this folder.",
            )
        for entry in labelled:
            missing = [
                entry.id + ending
                for ending in (_SEGMENTS, _OBJECTS)
                if not self._file(entry, ending).is_file()
            ]
            if missing:
                yield Fault(
                    path=entry.path,
                    text=f"no {' and no '.join(missing)}: a `{entry.split}` scan without labels.",
                    fix="Download the files to evaluate on the scan; pre-training needs no labels.",
                )

    def _split_files(self) -> Iterator[SplitFile]:
        yield from super()._split_files()
        for path in sorted(self.root.glob("scannetv2_*.txt")):
            yield SplitFile(name=path.stem.removeprefix("scannetv2_"), path=path)

    def _file(self, entry: SceneEntry, ending: str) -> Path:
        return entry.path / f"{entry.path.name}{ending}"

    def _table_path(self) -> Path | None:
        places = (self.root / _TABLE, self.root.parent / _TABLE)
        return next((path for path in places if path.is_file()), None)

    def _labels(
        self, entry: SceneEntry, num: int
    ) -> tuple[np.ndarray | None, np.ndarray | None, list[str]]:
        """Class index and instance of each vertex, None where the scan has no labels."""
        objects, table = self._file(entry, _OBJECTS), self._table_path()
        if not objects.is_file():
            return None, None, []
        if table is None:
            return None, None, [f"{_TABLE} is not in {self.root}; no scan has classes without it."]
        segments_path = self._file(entry, _SEGMENTS)
        if not segments_path.is_file():
            raise SceneError(
                f"{segments_path}: missing, though {objects.name} needs it; download it, or remove "
                f"{objects.name} to read the scan without labels."
            )
        listed = _listed(segments_path, "segIndices")
        if len(listed) != num or not all(
            type(segment) is int and abs(segment) < 1 << 62 for segment in listed
        ):
            raise SceneError(
                f"{segments_path}: {len(listed):,} segment ids for the {num:,} vertices of "
                f"{entry.id}{_MESH}, expected a whole number each; both must come from the same "
                "download."
            )
        classes = _label_table(table)
        semantic, instance = np.full(num, -1, np.int32), np.full(num, -1, np.int32)
        places, inverse = np.unique(np.array(listed, np.int64), return_inverse=True)
        for group in _listed(objects, "segGroups"):
            try:
                wanted, label = np.asarray(group["segments"], np.int64), str(group["label"])
                number = int(group["id"])
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                raise SceneError(
                    f"{objects}: a group without id, label and a list of segments ({error}); "
                    "download the file again."
                ) from error
            inside = np.isin(places, wanted)[inverse]
            known = classes.get(label)
            semantic[inside] = -1 if known is None else getattr(known, self.which)
            instance[inside] = number
        return semantic, instance, []


class ScanNet200(ScanNet):
    """The same files under 200 classes."""

    name = "scannet200"
    title = "ScanNet200, official layout"
    licence = LICENCE_200
    only_by_name = True
    which = "of_200"


class PointceptScanNet(PointceptFolder):
    """ScanNet as Pointcept prepares it, with segment20."""

    name = "scannet"
    title = "ScanNet, Pointcept layout"
    licence = LICENCE
    looked_for = "<train|val|test>/scene0000_00/coord.npy"
    levels = (r"train|val|test", _ID.pattern)
    segments = ("segment20", "segment")
    table = classes_20()


class PointceptScanNet200(PointceptScanNet):
    """The same folders with segment200."""

    name = "scannet200"
    title = "ScanNet200, Pointcept layout"
    licence = LICENCE_200
    only_by_name = True
    segments = ("segment200",)
    table = classes_200()


def official_split(id: str) -> str:
    """The benchmark's split of a scan, from its name alone: 1,201, 312 and 100 scans.

    Source: the lists scannetv2_{train,val,test}.txt of the ScanNet benchmark.
    """
    match = _ID.fullmatch(id)
    room = int(match[1]) if match else 0
    return "val" if room in _VAL else "test" if room >= _FIRST_TEST else "train"


def _scene_folders(root: Path) -> Iterator[Path]:
    for place in (root, root / "scans", root / "scans_test"):
        if place.is_dir():
            yield from sorted(p for p in place.iterdir() if _ID.fullmatch(p.name) and p.is_dir())


def _listed(path: Path, key: str) -> list[Any]:
    """A list in a JSON object."""
    try:
        found = json.loads(path.read_bytes())[key]
        if isinstance(found, list):
            return found
        raise TypeError(f"{key} is no list")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SceneError(
            f"{path}: expected a JSON object with the list `{key}` ({error}); download it again."
        ) from error


@cache
def _label_table(path: Path) -> dict[str, Labels]:
    """Free-text label -> class indices."""
    of_20 = {raw_id: index for index, raw_id in enumerate(_CLASSES_20)}
    of_200 = {raw_id: index for index, (raw_id, _, _) in enumerate(_raw_classes_200())}
    table: dict[str, Labels] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                labels = Labels(of_20.get(int(row["nyu40id"]), -1), of_200.get(int(row["id"]), -1))
                table.setdefault(row["raw_category"], labels)
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise SceneError(
            f"{path}: expected columns id, raw_category and nyu40id, parted by tabs ({error}); "
            "download it again."
        ) from error
    return table
