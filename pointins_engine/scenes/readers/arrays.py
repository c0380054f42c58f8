"""NumPy files: .npz, .npy, and folders of .npy in Pointcept's layout. Nothing is unpickled."""

import io
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers.raw import RawScan
from pointins_engine.scenes.readers.sanity import whole_numbers

_NAMES = {
    "coord": ("coord", "xyz", "points"),
    "color": ("color", "colors", "rgb"),
    "normal": ("normal", "normals"),
    "intensity": ("intensity", "strength"),
    "semantic": ("semantic_label", "segment", "segment20", "segment200", "semantic"),
    "instance": ("instance_label", "instance"),
}
_ODD_ARCHIVES = (NotImplementedError, RuntimeError, ValueError)  # encrypted, unknown method, ...
_MAX_GAIN = 100  # bytes of coordinates a compressed byte; real ones do not shrink that far
_WIDTHS = {3: "x y z", 4: "x y z intensity", 6: "x y z r g b", 9: "x y z r g b nx ny nz"}


def read_npz(path: Path) -> RawScan:
    """Arrays by name: coord | xyz | points, color | colors | rgb, normal, intensity | strength,
    semantic_label | segment, instance_label | instance (-1 = none)."""
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = _unpack(archive, path)
    except (zipfile.BadZipFile, OSError, zlib.error, EOFError, *_ODD_ARCHIVES) as error:
        raise SceneError(
            f"{path}: not an NPZ archive, or a damaged one ({str(error)[:200]})."
        ) from error
    return _from_arrays(arrays, path)


def _unpack(archive: zipfile.ZipFile, path: Path) -> dict[str, np.ndarray]:
    """The known arrays; sizes are held against the coordinates before anything is unpacked."""
    infos = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if any(name in names for names in _NAMES.values()):
            infos[name] = info
    first = next((name for name in _NAMES["coord"] if name in infos), None)
    if first is None:
        return {}
    info = infos[first]
    if info.file_size > _MAX_GAIN * max(info.compress_size, 1000):
        raise SceneError(
            f"{path}: `{first}` takes {info.compress_size:,} bytes and would unpack to "
            f"{info.file_size:,}; no scan does that."
        )
    arrays = {first: parse_npy(archive.read(info), f"{path}: array `{first}`")}
    most = 8 * 16 * (len(arrays[first]) if arrays[first].ndim else 0) + (1 << 16)
    for name, info in infos.items():
        if name == first:
            continue
        if info.file_size > most:
            raise SceneError(
                f"{path}: array `{name}` would unpack to {info.file_size:,} bytes, too many for "
                f"{len(arrays[first]):,} points."
            )
        arrays[name] = parse_npy(archive.read(info), f"{path}: array `{name}`")
    return arrays


def read_npy(path: Path) -> RawScan:
    """One array with a point a row: (n, 3), (n, 4) with intensity, (n, 6) with colour, or (n, 9)
    with colour and normal."""
    table = parse_npy(path.read_bytes(), str(path))
    if table.ndim != 2 or table.shape[1] not in _WIDTHS:
        widths = "; ".join(f"(n, {width}): {names}" for width, names in _WIDTHS.items())
        raise SceneError(f"{path}: the array has shape {table.shape}; expected one of {widths}.")
    width = table.shape[1]
    return RawScan(
        coord=table[:, :3],
        intensity=table[:, 3] if width == 4 else None,
        color=table[:, 3:6] if width >= 6 else None,
        normal=table[:, 6:9] if width == 9 else None,
    )


def read_array_folder(path: Path) -> RawScan:
    """A folder with coord.npy and, as far as known, color, normal, strength, segment, instance."""
    known = {name for names in _NAMES.values() for name in names}
    arrays = {
        file.stem: parse_npy(file.read_bytes(), str(file))
        for file in sorted(path.glob("*.npy"))
        if file.stem in known
    }
    return _from_arrays(arrays, path)


def parse_npy(data: bytes, what: str) -> np.ndarray:
    """An array from the bytes of an .npy file, with its header checked against what is there."""
    stream = io.BytesIO(data)
    try:
        version = npy.read_magic(stream)
        header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = header(stream)
    except Exception as error:  # the header is a Python literal: its parsers raise many things
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise SceneError(
            f"{what} is not a NumPy array ({reason}). It was cut off, or has another format: "
            "copy it again, or write it with numpy.save."
        ) from error
    if dtype.hasobject:
        raise SceneError(f"{what} holds Python objects; save it as plain numbers.")
    if dtype.kind not in "fiub":
        raise SceneError(f"{what} is of type {dtype}; save it as plain numbers.")
    if any(size < 0 for size in shape) or len(shape) > 2:
        raise SceneError(f"{what} has shape {shape}, expected (points,) or (points, columns).")
    promised, held = int(np.prod(shape, dtype=object)), len(data) - stream.tell()
    if dtype.itemsize == 0 or promised * dtype.itemsize > held:
        raise SceneError(
            f"{what}: the header promises {promised:,} values, the file holds "
            f"{held // max(dtype.itemsize, 1):,}; it was cut off or its header is wrong."
        )
    flat = np.frombuffer(data, dtype, promised, stream.tell())
    return flat.reshape(shape, order="F" if fortran else "C")


def _from_arrays(arrays: dict[str, np.ndarray], path: Path) -> RawScan:
    found = {}
    for field, names in _NAMES.items():
        found[field] = next((arrays[name] for name in names if name in arrays), None)
    if found["coord"] is None:
        names = ", ".join(_NAMES["coord"])
        raise SceneError(f"{path}: no coordinates; an array called {names} is needed.")
    for field in ("intensity", "semantic", "instance"):  # Pointcept stores (n, 1)
        column = found[field]
        if column is not None and column.ndim == 2 and column.shape[1] == 1:
            found[field] = column[:, 0]
        elif column is not None and column.ndim != 1:
            raise SceneError(f"{path}: {field} has shape {column.shape}, expected (points,).")
    for field in ("color", "normal"):
        column = found[field]
        if column is not None and (column.ndim != 2 or column.shape[1] != 3):
            raise SceneError(f"{path}: {field} has shape {column.shape}, expected (points, 3).")
    instance = found["instance"]
    if instance is not None:
        instance = whole_numbers(instance, "instance ids", path)
        found["instance"] = np.where(instance >= 0, instance, -1)
    return RawScan(**found)
