"""Datasets on disk, told by their files."""

import os
from collections.abc import Iterator
from pathlib import Path

from pointins_engine.config import Units, UpAxis
from pointins_engine.errors import SceneError
from pointins_engine.scenes.datasets.cached import Cached
from pointins_engine.scenes.datasets.dataset import (
    ClassTable,
    Dataset,
    Fault,
    SceneEntry,
)
from pointins_engine.scenes.datasets.nuscenes import NuScenes
from pointins_engine.scenes.datasets.plain import PlainScans
from pointins_engine.scenes.datasets.pointcept import PointceptFolder
from pointins_engine.scenes.datasets.s3dis import S3DIS, PointceptS3DIS
from pointins_engine.scenes.datasets.scannet import (
    PointceptScanNet,
    PointceptScanNet200,
    ScanNet,
    ScanNet200,
)
from pointins_engine.scenes.datasets.semantic_kitti import SemanticKitti
from pointins_engine.scenes.datasets.structured3d import PointceptStructured3D, Structured3D
from pointins_engine.scenes.datasets.waymo import Waymo

__all__ = [
    "ClassTable",
    "Dataset",
    "Fault",
    "PlainScans",
    "SceneEntry",
    "open_dataset",
    "recognise",
]

LAYOUTS: tuple[type[Dataset], ...] = (  # the first that fits is taken
    Cached,
    NuScenes,
    SemanticKitti,
    Waymo,
    ScanNet,
    ScanNet200,
    S3DIS,
    Structured3D,
    PointceptScanNet,
    PointceptScanNet200,
    PointceptS3DIS,
    PointceptStructured3D,
    PointceptFolder,  # fits any folders of arrays, so it comes last
)


def recognise(root: str | Path, name: str = "") -> Dataset | None:
    """The dataset that lies in a folder, or None if it is only a folder of scans.

    The folder above or below the dataset's own does as well: below, only what lies in the given
    folder is taken (`scannet/scans/scene0000_00` is one scene of ScanNet). Folders of arrays of no
    known dataset are not looked for above: any folder may be called `train`.

    Args:
        root: Folder to look at; only names are read.
        name: The dataset that it must be. "" takes the first that fits; where the same files serve
            two datasets (ScanNet and ScanNet200), the second has to be named.

    Raises:
        SceneError: If the name is unknown or the files are not those of that dataset; says what was
            looked for.
    """
    root = Path(root).expanduser().absolute()
    kinds = [
        kind for kind in LAYOUTS if name == kind.name or (not name and not kind.only_by_name)
    ] + [kind for kind in LAYOUTS if name and kind.layout == "cached"]  # has the name inside
    for folder in _candidates(root) if root.is_dir() else ():
        is_above = not folder.is_relative_to(root)
        for kind in kinds:
            if is_above and kind is PointceptFolder:
                continue
            try:
                found = kind.recognise(folder)
            except SceneError:
                if is_above:
                    continue  # what lies above is not what was asked for
                raise
            if found is None or (name and found.name != name):
                continue
            found = found.read_split_files()
            part = found.within(root) if is_above else found
            if part is not None:
                return part
    if not name:
        return None
    looked_for = [kind.looked_for for kind in LAYOUTS if kind.name == name]
    if not looked_for:
        known = ", ".join(dict.fromkeys(k.name for k in LAYOUTS if k.layout != "cached"))
        raise SceneError(f"no dataset is called {name!r}; there are: {known}.")
    raise SceneError(f"{root} does not hold {name}; looked for {', or '.join(looked_for)}.")


def open_dataset(
    root: str | Path,
    name: str = "",
    *,
    units: Units = "auto",
    up: UpAxis = "auto",
    is_strict: bool = False,
    sample_meshes: bool = False,
) -> Dataset:
    """What lies in a folder or file: a dataset, or else plain scans.

    Args:
        root: File or folder.
        name: As in `recognise`; "scans" takes every file on its own whatever the folder is.
        units: Of plain scans; a dataset states its own.
        up: The same for the axis that points up.
        is_strict: Refuse plain scans whose unit or up axis looks wrong, instead of a note.
        sample_meshes: Of plain PLY files, take points on the faces instead of the vertices.

    Raises:
        SceneError: As `recognise`, and if nothing is there or nothing can be read.
    """
    path = Path(root).expanduser()
    if not path.exists():
        raise SceneError(
            f"{root}: no such file or folder; give a scan, a folder of scans, a dataset, "
            "sim:rooms or sim:streets."
        )
    found = None if name == PlainScans.name else recognise(path, name)
    if found is not None:
        return found
    scans = PlainScans.open(path, units, up)
    scans.is_strict, scans.sample_meshes = is_strict, sample_meshes
    return scans


def _candidates(root: Path) -> Iterator[Path]:
    """The folder, the only folder in it if there is one, and the two above."""
    yield root
    try:
        children = [path for path in root.iterdir() if path.is_dir()]
    except OSError as error:
        raise SceneError(f"{root} cannot be read: {error.strerror}.") from error
    children = [path for path in children if not path.name.startswith(".")]
    if len(children) == 1:
        yield children[0]
    yield from (path for path in list(root.parents)[:2] if os.access(path, os.R_OK | os.X_OK))
