"""LAS and LAZ files of airborne, mobile and terrestrial scanners (ASPRS LAS 1.0 to 1.4)."""

import importlib
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers.raw import RawScan, as_instance

# ASPRS LAS 1.4 R15, Table 17: standard classes of point data record formats 6 to 10.
ASPRS_CLASSES = {
    2: "ground", 3: "low vegetation", 4: "medium vegetation", 5: "high vegetation", 6: "building",
    7: "low noise", 8: "model key point", 9: "water", 10: "rail", 11: "road surface",
    13: "wire guard", 14: "wire conductor", 15: "transmission tower", 16: "wire connector",
    17: "bridge deck", 18: "high noise", 19: "overhead structure", 20: "ignored ground", 21: "snow",
    22: "temporal exclusion",
}  # fmt: skip
_UNCLASSIFIED = (0, 1)  # never classified; unclassified
_OVERLAP = 12  # formats 0 to 5: overlap; reserved in 6 to 10
_INSTANCE = ("instance", "instance_id", "treeid", "tree_id", "object_id")  # extra bytes
_LENGTHS = {9001: 1.0, 9002: 0.3048, 9003: 1200 / 3937}  # EPSG: metre, foot, US survey foot
_WKT_UNIT = re.compile(r'(?:LENGTHUNIT|UNIT)\s*\[\s*"([^"]*)"\s*,\s*([0-9.eE+-]+)', re.IGNORECASE)
_NEEDS_LASPY = "reading LAS and LAZ needs laspy; install it with: pip install 'laspy[lazrs]'"
_MAX_POINTS_A_BYTE = 20  # compressed; real scans take more than a byte a point
_CHUNK = 1_000_000  # points decoded at once
# LASzip: layers of the items of point formats 6 to 10, each with a size of its own in every piece.
_LAYERS = {10: 9, 11: 1, 12: 2, 13: 1}  # point, colour, colour and infrared, wave packet
_EXTRA_BYTES = 14  # a layer a byte


@dataclass(frozen=True, kw_only=True, slots=True)
class _Header:
    num_points: int
    is_compressed: bool
    point_offset: int
    vlrs: list[tuple[str, int, bytes]]  # user id, record id, payload


def read_las(path: Path) -> RawScan:
    """Points of a LAS or LAZ file, z up.

    Coordinates are scaled and shifted in float64. Colours may be 16 or 8 bits in 16. The class is
    an index into the standard names (0 and 1, not classified, become -1); extra bytes called
    `instance`, `treeID` or the like are instance ids. Points that are marked as withheld are left
    out. The unit of length comes from the coordinate reference system where one is stated.

    Raises:
        SceneError: If the header promises more than the file holds, the file is cut off, or the
            coordinates are degrees.
    """
    header = _check_header(path)
    metres, vertical, notes = _units(header.vlrs, path)
    columns = _columns(path, header)
    coord = columns["coord"]
    if metres is not None and vertical is not None and vertical != metres:
        coord[:, 2] *= vertical / metres
        notes.append(f"heights are in another unit ({vertical:g} m) and were scaled to the other.")
    keep = ~columns["withheld"].astype(bool)
    if not keep.all():
        notes.append(f"{int((~keep).sum()):,} points are marked as withheld and were left out.")
        columns = {name: column[keep] for name, column in columns.items()}
    color, intensity = columns.get("color"), columns["intensity"]
    semantic, names = _classes(columns["classification"])
    instance = columns.get("instance")
    return RawScan(
        coord=columns["coord"],
        color=color if color is not None and color.any() else None,
        intensity=intensity if intensity.any() else None,
        semantic=semantic,
        instance=None if instance is None else as_instance(instance),
        class_names=names,
        metres_per_unit=metres,
        up="z",
        notes=tuple(notes),
    )


def _check_header(path: Path) -> _Header:
    """The public header and its records, against the size of the file, before anything is made."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(375)
        if len(start) < 227 or not start.startswith(b"LASF"):
            raise SceneError(f"{path}: not a LAS file: the first bytes are {start[:4]!r}.")
        minor = start[25]
        header_size, point_offset, num_vlrs = struct.unpack_from("<HII", start, 94)
        kind, length, num_points = struct.unpack_from("<BHI", start, 104)
        evlr_start = num_evlrs = 0
        if minor >= 4 and len(start) >= 375:
            evlr_start, num_evlrs, num_points = struct.unpack_from("<QIQ", start, 235)
        if start[24] != 1 or not 227 <= header_size <= point_offset <= size:
            raise SceneError(
                f"{path}: the LAS header is damaged: version {start[24]}.{minor}, points at byte "
                f"{point_offset:,} of {size:,}; copy or export the file again."
            )
        if num_vlrs * 54 > point_offset - header_size or num_evlrs * 60 > max(size - evlr_start, 0):
            raise SceneError(
                f"{path}: the LAS header promises {num_vlrs:,} and {num_evlrs:,} records, more "
                "than fit; copy or export the file again."
            )
        is_compressed = bool(kind & 0x80) or bool(kind & 0x40)
        body = (evlr_start if num_evlrs else size) - point_offset
        held = _MAX_POINTS_A_BYTE * body if is_compressed else body // max(length, 1)
        if num_points > held:
            raise SceneError(
                f"{path}: the header promises {num_points:,} points, the file holds "
                f"{'at most ' if is_compressed else ''}{max(held, 0):,}; it was cut off or its "
                "header is wrong."
            )
        if is_compressed and num_points > 0:
            _check_chunks(file, point_offset, size, num_points, path)
        vlrs = _records(file, header_size, point_offset, num_vlrs, "<2x16sHH32x", path)
        if num_evlrs:
            vlrs += _records(file, evlr_start, size, num_evlrs, "<2x16sHQ32x", path)
    return _Header(
        num_points=num_points, is_compressed=is_compressed, point_offset=point_offset, vlrs=vlrs
    )


def _check_chunks(
    file: BinaryIO, point_offset: int, size: int, num_points: int, path: Path
) -> None:
    """The table of compressed pieces: its decoder makes room for whatever number stands there.

    Eight bytes before the points say where the table is (-1: the last eight bytes of the file do);
    it begins with a version and its length.
    """
    file.seek(point_offset)
    start = int.from_bytes(file.read(8), "little", signed=True)
    if start == -1 and size >= point_offset + 16:
        file.seek(size - 8)
        start = int.from_bytes(file.read(8), "little", signed=True)
    num_chunks = size
    if point_offset + 8 <= start <= size - 8:
        file.seek(start + 4)
        num_chunks = int.from_bytes(file.read(4), "little")
    if num_chunks > min(num_points, size - point_offset):
        raise SceneError(
            f"{path}: the table of compressed pieces is cut off or damaged; copy or export the "
            "file again."
        )


def _check_layers(path: Path, header: _Header, laszip: bytes) -> None:
    """The pieces of a compressed file, and the sizes of the layers in each: the decoder makes room
    for whatever stands there, and fills it.

    A piece begins with its first point as it is, the number of its points, and the size of each
    layer, four bytes each. Formats 0 to 5 have no layers.
    """
    lazrs: Any = importlib.import_module("lazrs")
    (num_items,) = struct.unpack_from("<H", laszip, 32)
    items = [struct.unpack_from("<HH", laszip, 34 + 6 * number) for number in range(num_items)]
    layers = [size if kind == _EXTRA_BYTES else _LAYERS.get(kind, 0) for kind, size in items]
    first, num_layers, end = sum(size for _, size in items), sum(layers), path.stat().st_size
    with path.open("rb") as file:
        file.seek(header.point_offset)
        table = lazrs.read_chunk_table(file, lazrs.LazVlr(laszip))
        at = header.point_offset + 8
        for _, num_bytes in table:
            held, promised = min(num_bytes, end - at), num_bytes
            if held and num_layers:
                file.seek(at + first + 4)
                sizes = file.read(4 * num_layers)
                layered = first + 4 + len(sizes) + int(np.frombuffer(sizes, "<u4").sum())
                promised = max(promised, layered)
            if promised > held:
                raise SceneError(
                    f"{path}: the compressed piece at byte {at:,} promises {promised:,} bytes, "
                    f"{held:,} are there; copy or export the file again."
                )
            at += num_bytes


def _records(
    file: BinaryIO, start: int, end: int, count: int, layout: str, path: Path
) -> list[tuple[str, int, bytes]]:
    """Variable length records between two bytes of the file."""
    records, at = [], start
    for _ in range(count):
        if at + struct.calcsize(layout) > end:
            raise SceneError(f"{path}: LAS record {len(records) + 1} of {count} is cut off.")
        file.seek(at)
        user, number, length = struct.unpack(layout, file.read(struct.calcsize(layout)))
        at += struct.calcsize(layout)
        if at + length > end:
            raise SceneError(
                f"{path}: LAS record {len(records) + 1} of {count} promises {length:,} bytes, "
                f"{end - at:,} are there; copy or export the file again."
            )
        user = user.split(b"\0")[0].decode("ascii", "replace")
        payload = file.read(length) if user == "LASF_Projection" else b""
        records.append((user, number, payload))
        at += length
    return records


def _columns(path: Path, header: _Header) -> dict[str, np.ndarray]:
    """The dimensions that are read, decoded piece by piece, so that a lie ends early."""
    try:
        laspy: Any = importlib.import_module("laspy")
    except ImportError as error:
        raise SceneError(f"{path}: {_NEEDS_LASPY}") from error
    parts: list[dict[str, np.ndarray]] = []
    try:
        with path.open("rb") as file, laspy.open(file, closefd=False) as reader:
            if header.is_compressed and header.num_points:
                _check_layers(path, header, reader.header.vlrs.get("LasZipVlr")[0].record_data)
            names = {name.lower(): name for name in reader.header.point_format.dimension_names}
            instance = next((names[name] for name in _INSTANCE if name in names), None)
            for points in reader.chunk_iterator(_CHUNK):
                part = {
                    "coord": np.stack([points.x, points.y, points.z], axis=1, dtype=np.float64),
                    "intensity": np.array(points.intensity),
                    "classification": np.array(points.classification),
                    "withheld": np.array(points.withheld),
                }
                if "red" in names:
                    part["color"] = np.stack([points.red, points.green, points.blue], axis=1)
                if instance is not None:
                    part["instance"] = np.array(points[instance])
                parts.append(part)
    except BaseException as error:  # laspy raises what it meets, and its decoder panics
        if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError | SceneError):
            raise
        raise SceneError(
            f"{path}: the points cannot be decoded ({type(error).__name__}: {str(error)[:200]}); "
            "copy or export the file again."
        ) from error
    held = sum(len(part["coord"]) for part in parts)
    if not parts or held != header.num_points:
        raise SceneError(
            f"{path}: the header promises {header.num_points:,} points, the file holds {held:,}; "
            "it was cut off or its header is wrong."
        )
    if len(parts) == 1:
        return parts[0]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _classes(raw: np.ndarray) -> tuple[np.ndarray | None, tuple[str, ...] | None]:
    """Index into the standard names, user classes behind them; None if nothing is classified."""
    classified = ~np.isin(raw, (*_UNCLASSIFIED, _OVERLAP))
    if not classified.any():
        return None, None
    names = dict(ASPRS_CLASSES)
    for number in np.unique(raw[classified]).tolist():
        names.setdefault(number, f"class_{number}")
    index = np.full(256, -1, np.int64)
    index[list(names)] = np.arange(len(names))
    index[list(_UNCLASSIFIED)] = -1
    return index[raw], tuple(names.values())


def _units(
    vlrs: list[tuple[str, int, bytes]], path: Path
) -> tuple[float | None, float | None, list[str]]:
    """Metres of a horizontal and of a vertical unit, as far as the file states them."""
    records = {number: payload for user, number, payload in vlrs if user == "LASF_Projection"}
    if 2112 in records:
        return _wkt_units(records[2112].decode("utf-8", "replace"), path)
    return _geotiff_units(records.get(34735, b""), path)


def _wkt_units(text: str, path: Path) -> tuple[float | None, float | None, list[str]]:
    """Units of the projected and of the vertical part of a WKT string."""
    parts = re.split(r"(?=VERT_CS|VERTCRS|VERTICALCRS)", text, maxsplit=1, flags=re.IGNORECASE)
    is_projected = re.search(r"PROJCS|PROJCRS|PROJECTEDCRS|LOCAL_CS|ENGCRS", text, re.IGNORECASE)
    if not is_projected and re.search(r"GEOGCS|GEOGCRS|GEODCRS", text, re.IGNORECASE):
        raise _degrees(path)
    lengths = []
    for part in parts:
        found = [
            float(factor)
            for name, factor in _WKT_UNIT.findall(part)
            if re.search(r"met|foot|feet|ft", name, re.IGNORECASE) and _is_length(factor)
        ]
        lengths.append(found[-1] if found else None)
    horizontal = lengths[0]
    vertical = lengths[1] if len(lengths) > 1 else horizontal
    return horizontal, vertical, _unit_note(horizontal)


def _is_length(factor: str) -> bool:
    try:
        return 0.01 <= float(factor) <= 10
    except ValueError:
        return False


def _geotiff_units(keys: bytes, path: Path) -> tuple[float | None, float | None, list[str]]:
    """Units of the GeoTIFF keys: ProjLinearUnits (3076), VerticalUnits (4099), UTM by its code."""
    words = np.frombuffer(keys[: len(keys) // 8 * 8], "<u2").reshape(-1, 4)[1:]
    values = {int(key): int(value) for key, place, _, value in words if place == 0}
    if values.get(1024) == 2:
        raise _degrees(path)
    horizontal = _LENGTHS.get(values.get(3076, 0))
    code = values.get(3072, 0)
    if horizontal is None and (32601 <= code <= 32660 or 32701 <= code <= 32760):  # UTM, WGS 84
        horizontal = 1.0
    vertical = _LENGTHS.get(values.get(4099, 0), horizontal)
    return horizontal, vertical, _unit_note(horizontal)


def _unit_note(metres: float | None) -> list[str]:
    if metres is None or metres == 1.0:
        return []
    return [f"its coordinate reference system counts in units of {metres:.6g} m; now metres."]


def _degrees(path: Path) -> SceneError:
    return SceneError(
        f"{path}: coordinates are degrees of longitude and latitude; project them to metres first, "
        "for instance: pdal translate IN OUT reprojection --filters.reprojection.out_srs=EPSG:32633"
    )
