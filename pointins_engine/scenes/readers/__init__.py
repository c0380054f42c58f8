"""Readers of scans: one function opens every format, each format has a file of its own."""

from pathlib import Path

from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers.arrays import read_array_folder, read_npy, read_npz
from pointins_engine.scenes.readers.lidar import read_kitti, read_nuscenes
from pointins_engine.scenes.readers.pcd import read_pcd
from pointins_engine.scenes.readers.ply import read_ply
from pointins_engine.scenes.readers.raw import RawScan, Units, to_scene
from pointins_engine.types import Scene

_READERS = {  # the longest ending wins
    ".pcd.bin": read_nuscenes,
    ".ply": read_ply,
    ".pcd": read_pcd,
    ".npz": read_npz,
    ".npy": read_npy,
    ".bin": read_kitti,
}
FORMATS = (
    ".ply, .pcd, .npz, .npy, .bin (KITTI), .pcd.bin (nuScenes), folders of .npy with a coord.npy"
)


def ending(path: Path) -> str | None:
    """The known ending of a file name, or None."""
    name = path.name.lower()
    return next((suffix for suffix in _READERS if name.endswith(suffix)), None)


def read_scene(path: str | Path, *, units: Units = "m", id: str | None = None) -> Scene:
    """Read one scan.

    Args:
        path: A file (format by its ending and its first bytes) or a folder of .npy arrays.
        units: Unit of the coordinates in the file; the scene is in metres.
        id: Name of the scene; by default the file name.

    Raises:
        SceneError: If the file is missing, of an unknown format, damaged, or holds fewer than 100
            points; says what came and what to do.
    """
    return read_scene_and_notes(path, units=units, id=id)[0]


def read_scene_and_notes(
    path: str | Path, *, units: Units = "m", id: str | None = None
) -> tuple[Scene, list[str]]:
    """Like `read_scene`, with sentences about what was assumed or looks wrong."""
    path = Path(path)
    if not path.exists():
        raise SceneError(f"{path}: no such file or folder.")
    try:
        raw = _parse(path)
    except OSError as error:
        raise SceneError(f"{path} cannot be read: {error.strerror or error}.") from error
    return to_scene(raw, path, units, id or clean_id(_stem(path)))


def _parse(path: Path) -> RawScan:
    if path.is_dir():
        if (path / "coord.npy").is_file():
            return read_array_folder(path)
        raise SceneError(f"{path} is a folder without coord.npy; expected one scan: {FORMATS}.")
    with path.open("rb") as file:
        start = file.read(16)
    if start.startswith((b"ply\n", b"ply\r")):
        return read_ply(path)
    if start.startswith(b"# .PCD"):
        return read_pcd(path)
    suffix = ending(path)
    if suffix is None:
        raise SceneError(f"{path}: unknown format; these can be read: {FORMATS}.")
    return _READERS[suffix](path)


def _stem(path: Path) -> str:
    suffix = None if path.is_dir() else ending(path)
    return path.name[: -len(suffix)] if suffix else path.name


def clean_id(name: str) -> str:
    """A name as scene id: [A-Za-z0-9._-]{1,100}; of a long name the end is kept."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in name)
    return kept.strip("-.")[-100:] or "scene"
