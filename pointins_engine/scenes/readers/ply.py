"""PLY files: ascii and binary of both byte orders; vertices only."""

from pathlib import Path

import numpy as np

from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers.raw import RawScan, as_instance

_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2",
    "ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": "="}
_MAX_HEADER = 1 << 16  # bytes

# Names that programs give to the columns, lower case; the first that is there is read.
_COLOR = (
    ("red", "green", "blue"),
    ("diffuse_red", "diffuse_green", "diffuse_blue"),
    ("r", "g", "b"),
)
_NORMAL = (("nx", "ny", "nz"), ("normal_x", "normal_y", "normal_z"))
_INTENSITY = ("intensity", "scalar_intensity", "reflectance", "remission", "scalar_reflectance")
_SEMANTIC = ("semantic_label", "semantic", "label", "scalar_label", "class", "segment",
             "classification", "scalar_classification")  # fmt: skip
_INSTANCE = ("instance_label", "instance", "object_id", "objectid", "scalar_instance")


Columns = dict[str, np.ndarray]
Element = tuple[str, int, list[list[str]]]  # name, count, words of its property lines


def read_ply(path: Path) -> RawScan:
    """Vertices of a PLY file; faces and other elements are left out.

    A field `label` is a class id, as in ScanNet's label meshes; `instance` is an instance id, where
    0 or less means none.

    Raises:
        SceneError: If the header is broken or promises more vertices than the file holds.
    """
    data = path.read_bytes()
    order, elements, body = _header(data, path)
    table = None
    for name, count, properties in elements:
        if name == "vertex":
            read = _ascii_vertices if order == "=" else _binary_vertices
            table = read(data, body, order, count, properties, path)
            break
        if order == "=":
            body = _skip_lines(data, body, count)
        else:
            body += count * _dtype(properties, order, name, path).itemsize
    if table is None:
        raise SceneError(f"{path}: the PLY header names no `vertex` element.")
    columns = {name.lower(): table[name] for name in table.dtype.names or ()}
    if not {"x", "y", "z"} <= set(columns):
        raise SceneError(f"{path}: vertices have {', '.join(columns)}; x, y and z are needed.")
    semantic = _first(columns, _SEMANTIC)
    instance = _first(columns, _INSTANCE)
    return RawScan(
        coord=_stack(columns, ("x", "y", "z"), np.float64),
        color=_first_triple(columns, _COLOR),
        normal=_first_triple(columns, _NORMAL),
        intensity=_first(columns, _INTENSITY),
        semantic=semantic,
        instance=None if instance is None else as_instance(instance),
    )


def _header(data: bytes, path: Path) -> tuple[str, list[Element], int]:
    end = data.find(b"end_header", 0, _MAX_HEADER)
    if not data.startswith(b"ply") or end < 0:
        raise SceneError(f"{path}: not a PLY file: `ply` ... `end_header` was not found.")
    body = data.find(b"\n", end) + 1 or len(data)
    order = ""
    elements: list[Element] = []
    for line in data[:end].decode("ascii", "replace").splitlines():
        words = line.split()
        if not words or words[0] in ("ply", "comment", "obj_info"):
            continue
        try:
            if words[0] == "format":
                order = _ORDERS[words[1]]
            elif words[0] == "element":
                elements.append((words[1], int(words[2]), []))
            elif words[0] == "property":
                elements[-1][2].append(words[1:])
        except (KeyError, IndexError, ValueError) as error:
            raise SceneError(f"{path}: PLY header line {line!r} cannot be read.") from error
    if not order or any(count < 0 for _, count, _ in elements):
        raise SceneError(f"{path}: the PLY header lacks a format line or has a negative count.")
    return order, elements, body


def _dtype(properties: list[list[str]], order: str, element: str, path: Path) -> np.dtype:
    """Record of one element. Lists have no fixed size and are not allowed before or in vertices."""
    if any(words[0] not in _TYPES or len(words) < 2 for words in properties):
        raise SceneError(
            f"{path}: element `{element}` has a list or an unknown type; save the file with the "
            "vertices first and with plain properties."
        )
    return np.dtype([(words[1], order + _TYPES[words[0]]) for words in properties])


def _short(path: Path, promised: int, present: int) -> SceneError:
    return SceneError(
        f"{path}: the header promises {promised:,} vertices, the file holds {present:,}; "
        "it was cut off or its header is wrong."
    )


def _binary_vertices(
    data: bytes, body: int, order: str, count: int, properties: list[list[str]], path: Path
) -> np.ndarray:
    dtype = _dtype(properties, order, "vertex", path)
    present = max(0, len(data) - body) // max(dtype.itemsize, 1)
    if present < count:
        raise _short(path, count, present)
    return np.frombuffer(data, dtype, count, body)


def _ascii_vertices(
    data: bytes, body: int, order: str, count: int, properties: list[list[str]], path: Path
) -> np.ndarray:
    dtype = _dtype(properties, order, "vertex", path)
    width = len(properties)
    if 2 * count * width - 1 > len(data) - body:  # a value takes a digit and a space at least
        raise _short(path, count, len(data[body:].split()) // max(width, 1))
    words = data[body:].split(None, count * width)[: count * width]
    if len(words) < count * width:
        raise _short(path, count, len(words) // width)
    try:
        values = np.array(words, dtype="S").astype(np.float64).reshape(count, width)
    except ValueError as error:
        raise SceneError(
            f"{path}: a vertex holds something that is no number ({error})."
        ) from error
    table = np.empty(count, dtype)
    for column, name in enumerate(dtype.names or ()):
        table[name] = values[:, column]
    return table


def _skip_lines(data: bytes, body: int, count: int) -> int:
    for _ in range(count):
        at = data.find(b"\n", body)
        if at < 0:
            return len(data)
        body = at + 1
    return body


def _stack(
    columns: Columns, names: tuple[str, ...], dtype: type[np.float64] | None = None
) -> np.ndarray:
    stacked = np.stack([columns[name] for name in names], axis=1)
    return stacked.astype(dtype or stacked.dtype.newbyteorder("="))


def _first_triple(columns: Columns, choices: tuple[tuple[str, ...], ...]) -> np.ndarray | None:
    for names in choices:
        if set(names) <= set(columns):
            return _stack(columns, names)
    return None


def _first(columns: Columns, choices: tuple[str, ...]) -> np.ndarray | None:
    for name in choices:
        if name in columns:
            return columns[name].astype(columns[name].dtype.newbyteorder("="))
    return None
