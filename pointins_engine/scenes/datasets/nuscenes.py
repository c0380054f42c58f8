"""nuScenes as it is given out: tables in `v1.0-*/`, sweeps in `samples/LIDAR_TOP/`.

Source:
    Caesar et al., "nuScenes", CVPR 2020; Fong et al., "Panoptic nuScenes", RA-L 2022: 32 raw
    classes, 16 of the benchmark of which the first ten are things, scenes of the splits.
"""

import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int32

from pointins_engine.errors import SceneError
from pointins_engine.scenes.datasets import nuscenes_tables as tables
from pointins_engine.scenes.datasets.dataset import ClassTable, Dataset, Fault, SceneEntry
from pointins_engine.scenes.datasets.nuscenes_splits import split_of
from pointins_engine.scenes.readers import clean_id
from pointins_engine.scenes.readers.lidar import file_values, read_nuscenes
from pointins_engine.scenes.readers.raw import to_scene
from pointins_engine.types import Scene

_POINT_BYTES = 20
_PANOPTIC = 1000  # panoptic id = 1000 * raw class + number of the instance

# Class of the benchmark -> names of the raw classes it is merged from. The others are ignored.
_MERGED = {
    "barrier": ("movable_object.barrier",),
    "bicycle": ("vehicle.bicycle",),
    "bus": ("vehicle.bus.bendy", "vehicle.bus.rigid"),
    "car": ("vehicle.car",),
    "construction_vehicle": ("vehicle.construction",),
    "motorcycle": ("vehicle.motorcycle",),
    "pedestrian": (
        "human.pedestrian.adult",
        "human.pedestrian.child",
        "human.pedestrian.construction_worker",
        "human.pedestrian.police_officer",
    ),
    "traffic_cone": ("movable_object.trafficcone",),
    "trailer": ("vehicle.trailer",),
    "truck": ("vehicle.truck",),
    "driveable_surface": ("flat.driveable_surface",),
    "other_flat": ("flat.other",),
    "sidewalk": ("flat.sidewalk",),
    "terrain": ("flat.terrain",),
    "manmade": ("static.manmade",),
    "vegetation": ("static.vegetation",),
}
_NUM_THINGS = 10

# Raw class ids of the lidarseg labels where category.json does not carry them.
_RAW_CLASSES = (
    "noise", "animal", "human.pedestrian.adult", "human.pedestrian.child",
    "human.pedestrian.construction_worker", "human.pedestrian.personal_mobility",
    "human.pedestrian.police_officer", "human.pedestrian.stroller", "human.pedestrian.wheelchair",
    "movable_object.barrier", "movable_object.debris", "movable_object.pushable_pullable",
    "movable_object.trafficcone", "static_object.bicycle_rack", "vehicle.bicycle",
    "vehicle.bus.bendy", "vehicle.bus.rigid", "vehicle.car", "vehicle.construction",
    "vehicle.emergency.ambulance", "vehicle.emergency.police", "vehicle.motorcycle",
    "vehicle.trailer", "vehicle.truck", "flat.driveable_surface", "flat.other", "flat.sidewalk",
    "flat.terrain", "static.manmade", "static.other", "static.vegetation", "vehicle.ego",
)  # fmt: skip


class NuScenes(Dataset):
    """Keyframes of the 32-beam roof LiDAR, with classes (lidarseg) and instances (panoptic).

    Classes are those of the lidarseg files; instances are the panoptic ones of the things, by the
    ids of the files, which are the same over a scene. Without panoptic files there are no
    instances, and with them alone they give the classes too.
    """

    name = "nuscenes"
    title = "nuScenes, official layout"
    layout = "official"
    looked_for = "v1.0-*/sample_data.json and samples/LIDAR_TOP/*.pcd.bin"
    licence = (
        "CC BY-NC-SA 4.0 and Motional's terms: non-commercial; "
        "cite Caesar et al., CVPR 2020 and Fong et al., RA-L 2022"
    )

    def __init__(
        self,
        root: Path,
        frames: dict[str, tuple[Path, tables.Keyframe]],
        entries: tuple[SceneEntry, ...],
        notes: tuple[str, ...] = (),
    ) -> None:
        super().__init__(root, entries, benchmark_classes(), notes)
        self._frames = frames  # by scene id: folder of the tables, keyframe
        self._num_listed = len(frames)
        self._lookups: dict[Path, Int32[np.ndarray, " raw"]] = {}
        self._poses: dict[str, Float64[np.ndarray, "4 4"]] = {}

    @classmethod
    def recognise(cls, root: Path) -> Dataset | None:
        root, folders = _table_folders(root)
        if not folders:
            return None
        folder = root / "samples" / "LIDAR_TOP"
        present = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        frames: dict[str, tuple[Path, tables.Keyframe]] = {}
        entries, unknown = [], 0
        for version in folders:
            for frame in tables.keyframes(version):
                path = root / frame.filename
                id = clean_id(f"{frame.scene}_{frame.number:03}")
                if id in frames:
                    continue
                frames[id] = (version, frame)
                if path.parent != folder or path.name not in present:
                    continue
                split = split_of(frame.scene, is_mini=version.name.endswith("mini"))
                if split is None:
                    unknown += 1
                    split = "test" if "test" in version.name else "train"
                entries.append(SceneEntry(id=id, split=split, path=path))
        notes = ()
        if unknown:
            notes = (
                f"{unknown:,} keyframes are of scenes that no split of nuScenes names; the name of "
                "their table folder decided: test, or else train.",
            )
        return cls(root, frames, tuple(entries), notes)

    def read(self, entry: SceneEntry) -> tuple[Scene, list[str]]:
        raw = read_nuscenes(entry.path)
        lidarseg, panoptic = self._label_files(entry)
        semantic = instance = None
        if lidarseg.is_file():
            raw_class = _lidarseg(lidarseg, len(raw.coord))
            semantic = self._lookup(entry)[raw_class]
        if panoptic.is_file():
            value = _panoptic(panoptic, len(raw.coord))
            own = self._lookup(entry)[np.minimum(value // _PANOPTIC, 255)]
            semantic = own if semantic is None else semantic
            is_thing = (value % _PANOPTIC > 0) & (own >= 0) & (own < _NUM_THINGS)
            instance = np.where(is_thing, value, -1).astype(np.int32)
        names = None if semantic is None else self.classes.names
        raw = replace(raw, semantic=semantic, instance=instance, class_names=names)
        return to_scene(raw, entry.path, id=entry.id)

    def files(self, entry: SceneEntry) -> tuple[Path, ...]:
        labels = (path for path in self._label_files(entry) if path.is_file())
        return tuple(sorted((entry.path, *labels)))

    def group_of(self, entry: SceneEntry) -> str:
        return self._frames[entry.id][1].scene

    def pose(self, entry: SceneEntry) -> Float64[np.ndarray, "4 4"]:
        """Matrix from the sweep's frame to the frame of the city's map, metres.

        Raises:
            SceneError: If ego_pose.json or calibrated_sensor.json is damaged or lacks the sweep.
        """
        if not self._poses:
            self._poses = dict(self._all_poses())
        if entry.id not in self._poses:
            version, _ = self._frames[entry.id]
            raise SceneError(
                f"{version}: ego_pose.json and calibrated_sensor.json hold no pose of {entry.id}; "
                "unpack the tables of one version again."
            )
        return self._poses[entry.id]

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        lacking = self._num_listed - len(self.entries)
        if lacking:
            yield Fault(
                path=self.root / "samples" / "LIDAR_TOP",
                text=f"{lacking:,} of {self._num_listed:,} keyframes of the tables are not there",
                fix="Get the other archives of the sweeps, or train on what is there.",
            )
        for entry in self.entries:
            label = self._label_files(entry)[0]
            if not (label.is_file() and entry.path.is_file()):
                continue
            size = entry.path.stat().st_size
            if label.stat().st_size * _POINT_BYTES != size:
                yield Fault(
                    path=label,
                    text=f"{label.stat().st_size:,} labels for {size / _POINT_BYTES:,.10g} points",
                    fix="Unpack the labels of this version again.",
                )

    def _label_files(self, entry: SceneEntry) -> tuple[Path, Path]:
        version, frame = self._frames[entry.id]
        return (
            self.root / "lidarseg" / version.name / f"{frame.token}_lidarseg.bin",
            self.root / "panoptic" / version.name / f"{frame.token}_panoptic.npz",
        )

    def _lookup(self, entry: SceneEntry) -> Int32[np.ndarray, " raw"]:
        """Class of each raw id, -1 = ignored."""
        version, _ = self._frames[entry.id]
        if version not in self._lookups:
            self._lookups[version] = class_lookup(tables.class_ids(version))
        return self._lookups[version]

    def _all_poses(self) -> Iterator[tuple[str, Float64[np.ndarray, "4 4"]]]:
        for version in sorted({version for version, _ in self._frames.values()}):
            frames = {id: frame for id, (where, frame) in self._frames.items() if where == version}
            egos = {frame.ego_pose for frame in frames.values()}
            sensors = {frame.sensor for frame in frames.values()}
            ego = tables.transforms(version / "ego_pose.json", egos)
            sensor = tables.transforms(version / "calibrated_sensor.json", sensors)
            for id, frame in frames.items():
                if frame.ego_pose in ego and frame.sensor in sensor:
                    yield id, ego[frame.ego_pose] @ sensor[frame.sensor]


def benchmark_classes() -> ClassTable:
    """The 16 classes of the benchmark; the first ten are things."""
    names = tuple(_MERGED)
    return ClassTable(names=names, things=frozenset(names[:_NUM_THINGS]))


def class_lookup(named: Mapping[int, str] | None = None) -> Int32[np.ndarray, " raw"]:
    """Class of the benchmark of each raw id 0..255, -1 = ignored.

    Args:
        named: Names of the raw ids; those of the published tables without.
    """
    merged = {raw: index for index, raws in enumerate(_MERGED.values()) for raw in raws}
    lookup = np.full(256, -1, np.int32)
    for raw_id, name in (named or dict(enumerate(_RAW_CLASSES))).items():
        if 0 <= raw_id < 256:
            lookup[raw_id] = merged.get(name, -1)
    return lookup


def _table_folders(root: Path) -> tuple[Path, list[Path]]:
    """The root of the sweeps and the version folders to read.

    A version folder may be named itself; of several the mini set is left out, as it is a part of
    the full one. Pointcept keeps the official files in `raw/`.

    Raises:
        SceneError: If there are pickles of Pointcept's preprocessing and no tables.
    """
    if root.name.startswith("v1.0-") and _has_tables(root):
        return root.parent, [root]
    for home in (root, root / "raw"):
        found = sorted(path for path in home.glob("v1.0-*") if _has_tables(path))
        if found:
            full = [path for path in found if not path.name.endswith("mini")]
            return home, full or found
    if any(root.glob("info/nuscenes_infos_*.pkl")):
        raise SceneError(
            f"{root / 'info'} lists the sweeps in pickles, which can run any code when they are "
            "opened and are never read here. The tables of nuScenes hold the same: unpack its "
            f"metadata so that {root / 'raw'} holds v1.0-trainval/ beside samples/."
        )
    return root, []


def _has_tables(folder: Path) -> bool:
    return all((folder / name).is_file() for name in tables.NEEDED)


def _lidarseg(path: Path, num: int) -> np.ndarray:
    value = file_values(path, "u1")
    if len(value) != num:
        raise _other_length(path, len(value), num)
    return value


def _panoptic(path: Path, num: int) -> np.ndarray:
    """The array `data` of an npz archive; nothing is unpickled, nothing larger is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo("data.npy")
            if info.file_size > 4 * num + 1024:  # bytes: two a point, and a header
                raise _other_length(path, info.file_size // 2, num)
            value = np.lib.format.read_array(io.BytesIO(archive.read(info)), allow_pickle=False)
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise SceneError(
            f"{path}: expected an .npz file with one array `data` ({error}); unpack it again."
        ) from error
    if value.ndim != 1 or value.dtype.kind not in "ui" or len(value) != num:
        raise _other_length(path, len(value) if value.ndim else 0, num)
    return value.astype(np.int64)


def _other_length(path: Path, found: int, num: int) -> SceneError:
    return SceneError(
        f"{path}: {found:,} labels for the {num:,} points of its sweep; "
        "unpack the labels of this version again."
    )
