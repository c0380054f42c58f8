"""How many points a scan has, from its header or its size, without reading it."""

import io
import json
import re
import zipfile
from pathlib import Path

from numpy.lib import format as npy

_HEADER = 1 << 16  # bytes that are looked at
_COORD = ("coord", "xyz", "points")  # an NPZ calls its coordinates one of these
_ARRAY_HEADER = 1 << 10
_LINES = 50  # of a text file, whose mean length stands for all
_COUNTS = {
    ".ply": re.compile(rb"element\s+vertex\s+(\d+)"),
    ".pcd": re.compile(rb"^POINTS\s+(\d+)", re.M),
}
_LEAST_BYTES = {".e57": 6}  # a point: two bytes a coordinate
_ROWS = {".pcd.bin": 20, ".bin": 16}  # bytes a point
_TEXT = (".xyz", ".txt", ".csv", ".pts", ".asc")


def promised_points(path: Path) -> int | None:
    """Points of a scan, or at most as many; None where only reading it would tell.

    A header may lie: the number is good for deciding what to open, not for taking memory.
    """
    try:
        return _promised(path)
    except (OSError, ValueError, LookupError, TypeError, StopIteration, zipfile.BadZipFile):
        return None


def _promised(path: Path) -> int | None:
    if path.is_dir():
        with (path / "coord.npy").open("rb") as file:
            return _of_array(file.read(_HEADER))
    name, size = path.name.lower(), path.stat().st_size
    with path.open("rb") as file:
        start = file.read(_HEADER)
    for ending, pattern in _COUNTS.items():
        if name.endswith(ending):
            found = pattern.search(start)
            return int(found[1]) if found else None
    for ending, width in (*_ROWS.items(), *_LEAST_BYTES.items()):
        if name.endswith(ending):
            return size // width
    if name.endswith((".las", ".laz")):
        recent = int.from_bytes(start[247:255], "little") if start[25] >= 4 else 0  # LAS 1.4
        return recent or int.from_bytes(start[107:111], "little")
    if name.endswith(".npy"):
        return _of_array(start)
    if name.endswith(".npz"):
        with zipfile.ZipFile(path) as archive:
            names = (f"{name}.npy" for name in _COORD)
            coord = next(name for name in names if name in archive.namelist())
            with archive.open(coord) as file:
                return _of_array(file.read(_ARRAY_HEADER))
    if name.endswith(".safetensors"):
        header = json.loads(start[8 : 8 + int.from_bytes(start[:8], "little")])
        return int(header["coord"]["shape"][0])
    if name.endswith(_TEXT):
        lines = start.splitlines()[:_LINES]
        return size * len(lines) // max(1, sum(len(line) + 1 for line in lines))
    return None


def _of_array(start: bytes) -> int:
    stream = io.BytesIO(start)
    read = (
        npy.read_array_header_1_0 if npy.read_magic(stream) == (1, 0) else npy.read_array_header_2_0
    )
    return int(read(stream)[0][0])
