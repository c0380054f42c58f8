"""PLY files: ascii and binary of both byte orders; vertices, and faces where they are asked for."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers.columns import scan_of_columns
from pointins_engine.scenes.readers.decimals import count_words, read_numbers
from pointins_engine.scenes.readers.raw import RawScan

_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2",
    "ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
_ORDERS = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": "="}
_MAX_HEADER = 1 << 16  # bytes
FROM_ZERO = "comment instances from 0"  # line of the header: id 0 is an instance, -1 is none
_CORNERS = ("vertex_indices", "vertex_index")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Element:
    name: str
    count: int
    properties: list[list[str]]  # words of the property lines

    @property
    def has_lists(self) -> bool:
        return any(words[0] == "list" for words in self.properties)


def read_ply(path: Path) -> RawScan:
    """Vertices of a PLY file; faces and other elements are left out.

    A field `label` is a class id, as in ScanNet's label meshes; `instance` is an instance id, where
    0 or less means none, or less than 0 if a comment of the header says `instances from 0`.

    Raises:
        SceneError: If the header is broken or promises more vertices than the file holds.
    """
    data = path.read_bytes()
    order, elements, body = _header(data, path)
    return _vertices(data, order, elements, body, path)[0]


def read_ply_columns(path: Path) -> tuple[dict[str, np.ndarray], int]:
    """Properties of the vertices by the names of the file, and the lowest id that is an instance.

    Raises:
        SceneError: As `read_ply`.
    """
    data = path.read_bytes()
    order, elements, body = _header(data, path)
    columns, _, _ = _vertex_columns(data, order, elements, body, path)
    return columns, _first_instance(data)


def read_ply_mesh(path: Path) -> tuple[RawScan, Int64[np.ndarray, "f 3"]]:
    """Vertices as `read_ply` gives them, and triangles of their rows.

    A polygon becomes a fan of triangles around its first corner.

    Raises:
        SceneError: As `read_ply`, or if faces are cut off or name vertices that are not there.
    """
    data = path.read_bytes()
    order, elements, body = _header(data, path)
    scan, at, rest = _vertices(data, order, elements, body, path)
    for before, element in pairwise(rest):
        at = _skip(data, at, order, before, path)
        if element.name == "face":
            return scan, _faces(data, at, order, element, len(scan.coord), path)
    return scan, np.zeros((0, 3), np.int64)


def _vertices(
    data: bytes, order: str, elements: list[_Element], body: int, path: Path
) -> tuple[RawScan, int, list[_Element]]:
    """The scan, where its vertices begin, and the elements from them on."""
    columns, body, rest = _vertex_columns(data, order, elements, body, path)
    return scan_of_columns(columns, path, first_instance=_first_instance(data)), body, rest


def _vertex_columns(
    data: bytes, order: str, elements: list[_Element], body: int, path: Path
) -> tuple[dict[str, np.ndarray], int, list[_Element]]:
    """Properties by name, where the vertices begin, and the elements from them on."""
    for k, element in enumerate(elements):
        if element.name == "vertex":
            read = _ascii_vertices if order == "=" else _binary_vertices
            return read(data, body, order, element, path), body, elements[k:]
        body = _skip(data, body, order, element, path)
    raise SceneError(f"{path}: the PLY header names no `vertex` element.")


def _header(data: bytes, path: Path) -> tuple[str, list[_Element], int]:
    end = data.find(b"end_header", 0, _MAX_HEADER)
    if not data.startswith(b"ply") or end < 0:
        raise SceneError(f"{path}: not a PLY file: `ply` ... `end_header` was not found.")
    body = data.find(b"\n", end) + 1 or len(data)
    order = ""
    elements: list[_Element] = []
    for line in data[:end].decode("ascii", "replace").splitlines():
        words = line.split()
        if not words or words[0] in ("ply", "comment", "obj_info"):
            continue
        try:
            if words[0] == "format":
                order = _ORDERS[words[1]]
            elif words[0] == "element":
                element = _Element(name=words[1], count=int(words[2]), properties=[])
                elements.append(element)
            elif words[0] == "property":
                _check_property(words[1:])
                elements[-1].properties.append(words[1:])
        except (KeyError, IndexError, ValueError) as error:
            raise SceneError(f"{path}: PLY header line {line[:80]!r} cannot be read.") from error
    if not order or any(element.count < 0 for element in elements):
        raise SceneError(f"{path}: the PLY header lacks a format line or has a negative count.")
    for element in elements:
        names = [words[-1] for words in element.properties]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise SceneError(
                f"{path}: the PLY header names property `{twice[:40]}` of `{element.name[:40]}` "
                "twice; rename or remove one of them."
            )
    return order, elements, body


def _first_instance(data: bytes) -> int:
    header = data[: data.find(b"end_header", 0, _MAX_HEADER)]
    return 0 if FROM_ZERO in header.decode("ascii", "replace").splitlines() else 1


def _check_property(words: list[str]) -> None:
    """Raises KeyError, IndexError or ValueError for words that are no property."""
    if words[0] == "list":
        if _TYPES[words[1]][0] == "f" or len(words) != 4:
            raise ValueError(words)
        _TYPES[words[2]]
    elif _TYPES[words[0]] and len(words) != 2:
        raise ValueError(words)


def _dtype(element: _Element, order: str, path: Path) -> np.dtype:
    """Record of one element. Lists have no fixed size and are not allowed before or in vertices."""
    if element.has_lists:
        raise SceneError(
            f"{path}: element `{element.name[:40]}` has a list; save the file with the vertices "
            "first and with plain properties."
        )
    return np.dtype([(words[1], order + _TYPES[words[0]]) for words in element.properties])


def _short(path: Path, promised: int, present: int, what: str = "vertices") -> SceneError:
    return SceneError(
        f"{path}: the header promises {promised:,} {what}, the file holds {present:,}; "
        "it was cut off or its header is wrong."
    )


def _binary_vertices(
    data: bytes, body: int, order: str, element: _Element, path: Path
) -> dict[str, np.ndarray]:
    dtype = _dtype(element, order, path)
    if dtype.itemsize == 0:
        return {}
    present = max(0, len(data) - body) // dtype.itemsize
    if present < element.count:
        raise _short(path, element.count, present)
    table = np.frombuffer(data, dtype, element.count, body)
    return {name: table[name] for name in dtype.names or ()}


def _ascii_vertices(
    data: bytes, body: int, order: str, element: _Element, path: Path
) -> dict[str, np.ndarray]:
    dtype = _dtype(element, order, path)
    width, count = len(element.properties), element.count
    if 2 * count * width - 1 > len(data) - body:  # a value takes a digit and a space at least
        raise _short(path, count, count_words(data, body) // max(width, 1))
    values = read_numbers(data, body, count * width, path)
    if len(values) < count * width:
        raise _short(path, count, len(values) // width)
    table = values.reshape(count, width)
    return {
        name: _as_type(table[:, k], dtype[name], name, path)
        for k, name in enumerate(dtype.names or ())
    }


def _as_type(column: np.ndarray, dtype: np.dtype, name: str, path: Path) -> np.ndarray:
    """Numbers that were text in the type the header names."""
    if dtype.kind == "f":
        with np.errstate(over="ignore"):  # 1e400 is infinite in the file's own type
            return column.astype(dtype)
    limits = np.iinfo(dtype)
    if not ((column >= limits.min) & (column <= limits.max)).all():
        raise SceneError(
            f"{path}: property `{name[:40]}` holds values that its type {dtype} cannot; "
            "give it a wider type in the header."
        )
    return column.astype(dtype)


def _skip(data: bytes, body: int, order: str, element: _Element, path: Path) -> int:
    if order == "=":
        return _skip_lines(data, body, element.count)
    return body + element.count * _dtype(element, order, path).itemsize


def _skip_lines(data: bytes, body: int, count: int) -> int:
    """Where the line begins that comes `count` lines later; blank lines are not counted."""
    text = np.frombuffer(data, np.uint8)
    while count > 0 and body < len(data):
        piece = text[body : body + (1 << 20)]
        ends = np.flatnonzero(piece == ord("\n"))
        if len(ends) >= count:
            return body + int(ends[count - 1]) + 1
        count -= len(ends)
        body += len(piece)
    return min(body, len(data))


def _faces(
    data: bytes, at: int, order: str, element: _Element, num_vertices: int, path: Path
) -> Int64[np.ndarray, "f 3"]:
    """Triangles of the face element: at once where all are, else face by face."""
    names = [words[-1] for words in element.properties]
    index = next((names.index(name) for name in _CORNERS if name in names), -1)
    if index < 0:
        raise SceneError(
            f"{path}: faces have {', '.join(names)[:200]}; a list `vertex_indices` is needed."
        )
    if order == "=":
        corners, sizes = _ascii_faces(data, at, element, index, path)
    else:
        corners, sizes = _binary_faces(data, at, order, element, index, path)
    if len(corners) and not 0 <= corners.min() <= corners.max() < num_vertices:
        raise SceneError(
            f"{path}: a face names vertex {int(corners.max()):,} of {num_vertices:,}; "
            "export the mesh again."
        )
    return fan(corners, sizes)


def fan(
    corners: Int64[np.ndarray, " c"], sizes: Int64[np.ndarray, " p"]
) -> Int64[np.ndarray, "f 3"]:
    """Triangles of polygons whose corners lie one after the other, around each first corner."""
    first = np.cumsum(sizes) - sizes
    num = np.maximum(sizes - 2, 0)
    polygon = np.repeat(np.arange(len(sizes)), num)
    step = np.arange(len(polygon)) - np.repeat(np.cumsum(num) - num, num)
    begin = first[polygon]
    return np.stack([corners[begin], corners[begin + step + 1], corners[begin + step + 2]], axis=1)


Polygons = tuple[Int64[np.ndarray, " c"], Int64[np.ndarray, " p"]]  # corners, corners of each face


def _binary_faces(
    data: bytes, at: int, order: str, element: _Element, index: int, path: Path
) -> Polygons:
    triangle: list[tuple] = []
    for k, words in enumerate(element.properties):
        if words[0] != "list":
            triangle.append((f"p{k}", order + _TYPES[words[0]]))
        elif k == index:
            triangle.append((f"n{k}", order + _TYPES[words[1]]))
            triangle.append((f"p{k}", order + _TYPES[words[2]], (3,)))
    dtype = np.dtype(triangle)
    if len([1 for words in element.properties if words[0] == "list"]) == 1:
        held = max(0, len(data) - at) // dtype.itemsize
        if held >= element.count:
            table = np.frombuffer(data, dtype, element.count, at)
            if (table[f"n{index}"] == 3).all():
                corners = table[f"p{index}"].astype(np.int64).ravel()
                return corners, np.full(element.count, 3, np.int64)
    return _binary_polygons(data, at, order, element, index, path)


def _binary_polygons(
    data: bytes, at: int, order: str, element: _Element, index: int, path: Path
) -> Polygons:
    corners: list[np.ndarray] = []
    for row in range(element.count):
        for k, words in enumerate(element.properties):
            kind, num = words[0], 1
            if kind == "list":
                count = np.dtype(order + _TYPES[words[1]])
                if at + count.itemsize > len(data):
                    raise _short(path, element.count, row, "faces")
                num, kind = int(np.frombuffer(data, count, 1, at)[0]), words[2]
                at += count.itemsize
            dtype = np.dtype(order + _TYPES[kind])
            if num < 0 or at + num * dtype.itemsize > len(data):
                raise _short(path, element.count, row, "faces")
            if k == index:
                corners.append(np.frombuffer(data, dtype, num, at).astype(np.int64))
            at += num * dtype.itemsize
    sizes = np.array([len(part) for part in corners], np.int64)
    return np.concatenate([np.zeros(0, np.int64), *corners]), sizes


def _ascii_faces(data: bytes, at: int, element: _Element, index: int, path: Path) -> Polygons:
    if index != 0:
        raise SceneError(f"{path}: faces of an ascii PLY must begin with `vertex_indices`.")
    corners: list[np.ndarray] = []
    lines = data[at:].splitlines()[: element.count]
    if len(lines) < element.count:
        raise _short(path, element.count, len(lines), "faces")
    for row, line in enumerate(lines):
        try:
            words = [int(word) for word in line.split()]
            if not words or words[0] < 0 or len(words) <= words[0]:
                raise ValueError(line)
        except ValueError as error:
            raise SceneError(f"{path}: face {row + 1:,} reads {line[:40]!r}.") from error
        corners.append(np.array(words[1 : words[0] + 1], np.int64))
    sizes = np.array([len(part) for part in corners], np.int64)
    return np.concatenate([np.zeros(0, np.int64), *corners]), sizes
