"""SemanticKITTI as it is given out: `sequences/NN/{velodyne,labels,poses.txt,calib.txt}`.

Source:
    Behley et al., "SemanticKITTI", ICCV 2019, and the dataset's own configuration file: 19 classes,
    of which the first eight are things; sequences 00-07, 09 and 10 train, 08 val, 11-21 test.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from pointins_engine.errors import SceneError
from pointins_engine.scenes.datasets.dataset import ClassTable, Dataset, Fault, SceneEntry
from pointins_engine.scenes.readers import clean_id
from pointins_engine.scenes.readers.lidar import label_file, label_table, read_kitti
from pointins_engine.scenes.readers.raw import to_scene
from pointins_engine.types import Scene

_SPLIT = {
    **{f"{k:02}": "train" for k in (*range(8), 9, 10)},
    "08": "val",
    **{f"{k:02}": "test" for k in range(11, 22)},
}
_KITTI_POINT, _KITTI_LABEL = 16, 4  # bytes


class SemanticKitti(Dataset):
    """Sweeps of 64 beams with classes and with instances that keep their id over a sequence.

    A dataset that borrows the layout brings a `classes.json` beside `sequences/`; SemanticKITTI's
    split means nothing there, so its labelled sequences are "train" and the others "test".
    """

    name = "semantic_kitti"
    title = "SemanticKITTI, official layout"
    layout = "official"
    looked_for = "sequences/NN/velodyne/*.bin"
    licence = (
        "labels CC BY-NC-SA 4.0, scans CC BY-NC-SA 3.0 (KITTI); "
        "cite Behley et al., ICCV 2019 and Geiger et al., CVPR 2012"
    )

    @classmethod
    def recognise(cls, root: Path) -> Dataset | None:
        found = sorted(path for path in root.glob("sequences/*/velodyne") if path.is_dir())
        if not found:
            return None
        table = label_table(root)
        things = frozenset(table.names[: table.num_things])
        is_borrowed = (root / "classes.json").is_file()
        entries = [entry for path in found for entry in _sweeps(path, is_borrowed)]
        dataset = cls(root, tuple(entries), ClassTable(names=table.names, things=things))
        if is_borrowed:
            dataset.title = "sweeps in SemanticKITTI's layout, with classes of their own"
            dataset.licence = "not known: that of the dataset which borrows the layout"
        return dataset

    def read(self, entry: SceneEntry) -> tuple[Scene, list[str]]:
        return to_scene(read_kitti(entry.path), entry.path, id=entry.id)

    def files(self, entry: SceneEntry) -> tuple[Path, ...]:
        label = label_file(entry.path)
        return (label, entry.path) if label.is_file() else (entry.path,)

    def group_of(self, entry: SceneEntry) -> str:
        return entry.path.parent.parent.name

    def pose(self, entry: SceneEntry) -> Float64[np.ndarray, "4 4"] | None:
        """Matrix from the sweep's frame to the frame of the first sweep of its sequence, metres.

        The files hold poses of the left camera; `Tr` of calib.txt takes LiDAR points to it, so the
        matrix is inv(Tr) P Tr. None where the sequence has no poses.

        Raises:
            SceneError: If poses.txt or calib.txt is damaged, or has no line for this sweep.
        """
        sequence = entry.path.parent.parent
        if not (sequence / "poses.txt").is_file() or not (sequence / "calib.txt").is_file():
            return None
        poses, frame = _poses(sequence), entry.path.stem
        if not frame.isdigit() or int(frame) >= len(poses):
            raise SceneError(
                f"{sequence / 'poses.txt'}: {len(poses):,} poses, none for sweep {frame}; take "
                "the file that belongs to this sequence."
            )
        return poses[int(frame)]

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        for folder in sorted({entry.path.parent for entry in self.entries}):
            labels = folder.parent / "labels"
            sweeps = {path.stem: path for path in sorted(folder.glob("*.bin")) if path.is_file()}
            marked = {p.stem: p for p in sorted(labels.glob("*.label")) if p.is_file()}
            for stem in sorted(marked.keys() - sweeps.keys()):
                yield Fault(
                    path=marked[stem],
                    text="labels of a sweep that is not there",
                    fix=f"Put {stem}.bin into {folder}, or remove the labels.",
                )
            lacking = sorted(sweeps.keys() - marked.keys())
            if marked and lacking:
                yield Fault(
                    path=labels,
                    text=f"{len(lacking):,} of {len(sweeps):,} sweeps have no labels, "
                    f"the first is {lacking[0]}; they are read as unlabelled",
                    fix="Unpack the dataset's label archive again.",
                )
            for stem in sorted(marked.keys() & sweeps.keys()):
                num = sweeps[stem].stat().st_size / _KITTI_POINT
                num_labels = marked[stem].stat().st_size / _KITTI_LABEL
                if num != num_labels:
                    yield Fault(
                        path=marked[stem],
                        text=f"{num_labels:,.10g} labels for {num:,.10g} points",
                        fix="Unpack both files of this sweep again.",
                    )


def _sweeps(folder: Path, is_borrowed: bool) -> list[SceneEntry]:
    sequence = folder.parent
    if is_borrowed:
        split = "train" if (sequence / "labels").is_dir() else "test"
    else:
        split = _SPLIT.get(sequence.name, "train")
    return [
        SceneEntry(id=clean_id(f"{sequence.name}_{path.stem}"), split=split, path=path)
        for path in sorted(folder.glob("*.bin"))
    ]


@lru_cache(maxsize=64)
def _poses(sequence: Path) -> Float64[np.ndarray, "f 4 4"]:
    """LiDAR poses of all sweeps of a sequence."""
    lines = (sequence / "calib.txt").read_text(errors="replace").splitlines()
    row = next((line[3:] for line in lines if line.startswith("Tr:")), None)
    if row is None:
        raise SceneError(
            f"{sequence / 'calib.txt'}: no line `Tr:`, which takes LiDAR points to the camera; "
            "take calib.txt of KITTI's odometry calibration archive."
        )
    to_camera = _matrices([row], sequence / "calib.txt")[0]
    rows = (sequence / "poses.txt").read_text(errors="replace").split("\n")
    poses = _matrices([row for row in rows if row.strip()], sequence / "poses.txt")
    return np.linalg.inv(to_camera) @ poses @ to_camera


def _matrices(rows: list[str], path: Path) -> Float64[np.ndarray, "f 4 4"]:
    """Rows of twelve numbers, the upper 3x4 of a matrix each."""
    try:
        table = np.array([row.split() for row in rows], np.float64)
    except ValueError as error:
        raise SceneError(f"{path}: expected twelve numbers a line ({error}).") from error
    if table.ndim != 2 or table.shape[1] != 12 or not np.isfinite(table).all():
        raise SceneError(f"{path}: expected twelve finite numbers a line, got {table.shape}.")
    matrix = np.tile(np.eye(4), (len(table), 1, 1))
    matrix[:, :3] = table.reshape(-1, 3, 4)
    return matrix
