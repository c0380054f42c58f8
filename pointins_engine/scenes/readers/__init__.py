"""Readers of scans: one function opens every format, each format has a file of its own."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from pointins_engine.config import Units, UpAxis
from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers.arrays import read_array_folder, read_npy, read_npz
from pointins_engine.scenes.readers.e57 import read_e57
from pointins_engine.scenes.readers.las import read_las
from pointins_engine.scenes.readers.lidar import read_kitti, read_nuscenes
from pointins_engine.scenes.readers.mesh import ENDINGS as MESH_ENDINGS
from pointins_engine.scenes.readers.mesh import read_mesh, sample_ply
from pointins_engine.scenes.readers.pcd import read_pcd
from pointins_engine.scenes.readers.ply import read_ply
from pointins_engine.scenes.readers.raw import RawScan, to_scene
from pointins_engine.scenes.readers.text import ENDINGS as TEXT_ENDINGS
from pointins_engine.scenes.readers.text import looks_like_points, read_text
from pointins_engine.types import Scene

_READERS: dict[str, Callable[[Path], RawScan]] = {  # the longest ending wins
    ".pcd.bin": read_nuscenes,
    ".ply": read_ply,
    ".pcd": read_pcd,
    ".npz": read_npz,
    ".npy": read_npy,
    ".bin": read_kitti,
    ".las": read_las,
    ".laz": read_las,
    ".e57": read_e57,
    **dict.fromkeys(MESH_ENDINGS, read_mesh),
    **dict.fromkeys(TEXT_ENDINGS, read_text),
}
FORMATS = (
    ".ply, .pcd, .las, .laz, .e57, .npz, .npy, .bin (KITTI), .pcd.bin (nuScenes), "
    f"text ({' '.join(TEXT_ENDINGS)}), meshes ({' '.join(MESH_ENDINGS)}), "
    "folders of .npy with a coord.npy"
)
CONVERTED = ".safetensors"  # one scene of a converted dataset; read, but not looked for in folders
_ASIDE = (*TEXT_ENDINGS, *MESH_ENDINGS)


def ending(path: Path) -> str | None:
    """The known ending of a file name, or None."""
    name = path.name.lower()
    return next((suffix for suffix in _READERS if name.endswith(suffix)), None)


def scan_endings() -> tuple[str, ...]:
    """All known endings of single files, lower case, each with its dot."""
    return tuple(_READERS)


def scans_among(paths: list[Path]) -> list[Path]:
    """Which files of one folder are scans, by their names; only text files are looked into.

    Beside scans of another format text and meshes are side files (poses, calibrations, the surface
    a cloud was sampled from), so they count only where nothing else does.
    """
    known = [(path, ending(path)) for path in paths]
    clouds = [path for path, suffix in known if suffix and suffix not in _ASIDE and _fits(path)]
    if clouds:
        return clouds
    meshes = [path for path, suffix in known if suffix in MESH_ENDINGS]
    return meshes or [p for p, suffix in known if suffix in TEXT_ENDINGS and looks_like_points(p)]


def _fits(path: Path) -> bool:
    """Any file called .bin must at least hold a whole number of KITTI's points."""
    if ending(path) != ".bin" or path.parent.name == "velodyne":
        return True
    return path.stat().st_size % 16 == 0


def read_scene(
    path: str | Path,
    *,
    units: Units = "auto",
    up: UpAxis = "auto",
    id: str | None = None,
    is_strict: bool = True,
    sample_mesh: bool = False,
) -> Scene:
    """Read one scan.

    Args:
        path: A file (format by its ending and its first bytes) or a folder of .npy arrays.
        units: Unit of the coordinates in the file; the scene is in metres. `auto`: what the format
            states, else metres if the scan is plausible in metres.
        up: Axis of the file that is up; the scene is z up. `auto`: what the format states, else z
            unless the scan speaks for another one.
        id: Name of the scene; by default the file name.
        is_strict: Refuse a scan that looks wrong in unit or up axis while none is said or stated.
        sample_mesh: Sample the faces of a PLY file instead of reading its vertices. Meshes that
            hold nothing else (OBJ, glTF, STL, OFF) are always sampled.

    Raises:
        SceneError: If the file is missing, of an unknown format, damaged, holds fewer than 100
            points, or is refused; says what came and what to do.
    """
    return read_scene_and_notes(
        path, units=units, up=up, id=id, is_strict=is_strict, sample_mesh=sample_mesh
    )[0]


def read_scene_and_notes(
    path: str | Path,
    *,
    units: Units = "auto",
    up: UpAxis = "auto",
    id: str | None = None,
    is_strict: bool = True,
    sample_mesh: bool = False,
) -> tuple[Scene, list[str]]:
    """Like `read_scene`, with sentences about what was assumed or looks wrong."""
    path = Path(path)
    try:
        if not path.exists():
            raise SceneError(f"{path}: no such file or folder.")
        if path.suffix == CONVERTED and path.is_file():
            from pointins_engine.scenes.datasets.cached import read_scene_file  # stands on readers

            scene, notes = read_scene_file(path)
            return (scene if id is None else replace(scene, id=id)), notes
        with np.errstate(all="ignore"):  # what a damaged file makes of its numbers is no warning
            raw = _parse(path, sample_mesh)
            return to_scene(
                raw, path, id=id or clean_id(_stem(path)), units=units, up=up, is_strict=is_strict
            )
    except OSError as error:
        raise SceneError(f"{path} cannot be read: {error.strerror or error}.") from error


def _parse(path: Path, sample_mesh: bool) -> RawScan:
    if path.is_dir():
        if (path / "coord.npy").is_file():
            return read_array_folder(path)
        raise SceneError(f"{path} is a folder without coord.npy; expected one scan: {FORMATS}.")
    if not path.is_file():
        raise SceneError(f"{path} is neither a file nor a folder.")
    with path.open("rb") as file:
        start = file.read(16)
    if start.startswith((b"ply\n", b"ply\r")):
        return sample_ply(path) if sample_mesh else read_ply(path)
    if start.startswith(b"# .PCD"):
        return read_pcd(path)
    suffix = ending(path)
    if suffix is None:
        raise SceneError(f"{path}: unknown format; these can be read: {FORMATS}.")
    if not start:
        raise SceneError(f"{path} is empty; copy or export it again.")
    return _READERS[suffix](path)


def _stem(path: Path) -> str:
    suffix = None if path.is_dir() else ending(path)
    return path.name[: -len(suffix)] if suffix else path.name


def clean_id(name: str) -> str:
    """A name as scene id: [A-Za-z0-9._-]{1,100}; of a long name the end is kept."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in name)
    return kept.strip("-.")[-100:] or "scene"
