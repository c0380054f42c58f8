"""E57 files of terrestrial scanners (ASTM E2807), parsed by the optional package pye57."""

import importlib.util
import math
import struct
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers.isolated import Arrays, read_isolated
from pointins_engine.scenes.readers.raw import RawScan

_INSTALL = "reading E57 needs the package pye57; install it with: pip install pye57"
_HEADER = struct.Struct("<8sIIQQQQ")  # signature, version, length, place and length of XML, page
_SPACE = "{http://www.astm.org/COMMIT/E57/2010-e57-v1.0}"
_CHECKSUM = 4  # bytes at the end of every page
_MAX_XML = 1 << 26  # bytes
_COLORS = ("colorRed", "colorGreen", "colorBlue")


def read_e57(path: Path) -> RawScan:
    """Points of all scans of an E57 file in its common frame, metres and z up.

    Raises:
        SceneError: If the header or its XML is damaged, promises more than the file holds, or pye57
            is not there.
    """
    num_scans = _check_header(path)
    if importlib.util.find_spec("pye57") is None:
        raise SceneError(f"{path}: {_INSTALL}")
    arrays = read_isolated(__name__, path)
    notes = (f"its {num_scans} scans were joined.",) if num_scans > 1 else ()
    return RawScan(
        coord=arrays["coord"],
        color=arrays.get("color"),
        intensity=arrays.get("intensity"),
        metres_per_unit=1.0,
        up="z",
        notes=notes,
    )


def _check_header(path: Path) -> int:
    """Number of scans with points, after header and XML were held against the size of the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(_HEADER.size)
        if len(start) < _HEADER.size or not start.startswith(b"ASTM-E57"):
            raise SceneError(f"{path}: not an E57 file: the first bytes are {start[:8]!r}.")
        _, major, minor, length, place, xml_length, page = _HEADER.unpack(start)
        is_sound = length == size and page == 1024 and place + xml_length <= size
        if not is_sound or xml_length > _MAX_XML:
            raise SceneError(
                f"{path}: the E57 header (version {major}.{minor}) promises {length:,} bytes in "
                f"pages of {page:,} and {xml_length:,} of XML at {place:,}; the file holds "
                f"{size:,}. It was cut off or is damaged."
            )
        file.seek(place // page * page)
        pages = file.read(math.ceil((place % page + xml_length) / (page - _CHECKSUM) + 1) * page)
    logical = b"".join(
        pages[at : at + page - _CHECKSUM] for at in range(0, len(pages), page)
    )[place % page :][:xml_length]  # fmt: skip
    try:
        if b"<!DOCTYPE" in logical or b"<!ENTITY" in logical:
            raise ET.ParseError("it declares entities")
        root = ET.fromstring(logical)
    except (ET.ParseError, ValueError, LookupError) as error:
        raise SceneError(f"{path}: the XML of the E57 file is damaged ({error}).") from error
    return sum(_check_points(points, size, path) for points in root.iter(f"{_SPACE}points"))


def _check_points(points: ET.Element, size: int, path: Path) -> bool:
    """Whether a scan has points; refuses more of them than their bits fit into the file."""
    try:
        count = int(points.get("recordCount", "0"))
        prototype = points.find(f"{_SPACE}prototype")
        bits = sum(_bits(field) for field in prototype) if prototype is not None else 0
    except ValueError as error:
        raise SceneError(f"{path}: the XML of the E57 file is damaged ({error}).") from error
    held = 8 * size // max(bits, 1)
    if not 0 <= count <= held:
        raise SceneError(
            f"{path}: the header promises {count:,} points, the file holds at most {held:,}; "
            "it was cut off or its header is wrong."
        )
    return count > 0


def _bits(field: ET.Element) -> int:
    """Bits a record of one field of the prototype."""
    if field.get("type") == "Float":
        return 32 if field.get("precision") == "single" else 64
    if field.get("type") in ("Integer", "ScaledInteger"):
        low = int(field.get("minimum", -(1 << 63)))
        high = int(field.get("maximum", (1 << 63) - 1))
        return max(high - low, 0).bit_length()
    return 0


def parse(path: Path) -> Arrays:
    """In the child process: all scans with pye57, in the common frame."""
    import pye57

    file = pye57.E57(str(path))
    scans = [_scan(file, index) for index in range(file.scan_count)]
    scans = [scan for scan in scans if len(scan["coord"])]
    if not scans:
        raise SceneError(f"{path}: there are no points in this E57 file.")
    shared = set.intersection(*(set(scan) for scan in scans))
    return {name: np.concatenate([scan[name] for scan in scans]) for name in shared}


def _scan(file, index: int) -> Arrays:
    fields = set(file.get_header(index).point_fields)
    has_color = set(_COLORS) <= fields
    has_intensity = "intensity" in fields
    data = file.read_scan(
        index, intensity=has_intensity, colors=has_color, ignore_missing_fields=True
    )
    scan = {"coord": np.stack([data[f"cartesian{axis}"] for axis in "XYZ"], axis=1)}
    if has_color:
        scan["color"] = np.stack([data[name] for name in _COLORS], axis=1)
    if has_intensity:
        value = data["intensity"].astype(np.float64)
        low, high = float(value.min(initial=0)), float(value.max(initial=0))
        scan["intensity"] = (value - low) / (high - low) if low < 0 < high - low else value
    return scan
