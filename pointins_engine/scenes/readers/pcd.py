"""PCD files of the Point Cloud Library, version 0.7: ascii, binary and binary_compressed."""

from pathlib import Path

import numpy as np

from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers.decimals import count_words, read_numbers
from pointins_engine.scenes.readers.raw import RawScan, as_instance
from pointins_engine.scenes.readers.upright import inside_camera_view

_MAX_HEADER = 1 << 16  # bytes
_MAX_COUNT = 4096  # values of one field; the longest descriptors have some hundred
_LENGTH = tuple((control >> 5) + 2 for control in range(256))  # of a copy, by its control byte
_BACK = tuple(((control & 31) << 8) + 1 for control in range(256))  # distance less the next byte
_LZF_GAIN = 90  # three bytes of LZF unpack to at most 264


def read_pcd(path: Path) -> RawScan:
    """Points of a PCD file.

    An integer field `label` is read as instance ids exactly as stored, 0 = none: PCD has no field
    for classes, and the library's own segmentation writes segment numbers there. In OSD-style
    files, label = 10 * object + part: each part is an instance here, and labels below 10 are parts
    of the table.
    NaN coordinates mark pixels without a return and are dropped later. A cloud with HEIGHT > 1, or
    one that fits into the view of a camera looking along z, is a depth image: it is turned to z up
    (`upright.camera_to_upright`).

    Raises:
        SceneError: If the header is broken or promises more points than the file holds.
    """
    data = path.read_bytes()
    header, body = _header(data, path)
    dtype, num = _dtype(header, path), _count(header, "POINTS", path)
    encoding = header["DATA"][0].lower()
    if encoding == "ascii":
        table = _ascii(data, body, dtype, num, path)
    elif encoding == "binary":
        present = (len(data) - body) // dtype.itemsize
        if present < num:
            raise _short(path, num, present)
        table = {name: np.frombuffer(data, dtype, num, body)[name] for name in dtype.names or ()}
    elif encoding == "binary_compressed":
        table = _compressed(data, body, dtype, num, path)
    else:
        raise SceneError(
            f"{path}: PCD data is {encoding[:40]!r}; ascii, binary and binary_compressed can be "
            "read."
        )
    if not {"x", "y", "z"} <= set(table):
        raise SceneError(f"{path}: the fields are {', '.join(table)[:200]}; x, y and z are needed.")
    label = table.get("label")
    color = table["rgb"] if "rgb" in table else table.get("rgba")
    has_normal = {"normal_x", "normal_y", "normal_z"} <= set(table)
    coord = np.stack([table[name] for name in "xyz"], axis=1).astype(np.float64)
    return RawScan(
        coord=coord,
        color=None if color is None else _unpack_color(color),
        normal=np.stack([table[f"normal_{name}"] for name in "xyz"], axis=1)
        if has_normal
        else None,
        intensity=table.get("intensity"),
        instance=as_instance(label) if label is not None and label.dtype.kind in "iu" else None,
        camera_frame=_count(header, "HEIGHT", path) > 1 or inside_camera_view(coord),
    )


def _header(data: bytes, path: Path) -> tuple[dict[str, list[str]], int]:
    header: dict[str, list[str]] = {}
    at = 0
    while "DATA" not in header:
        end = data.find(b"\n", at, _MAX_HEADER)
        if end < 0:
            raise SceneError(f"{path}: not a PCD file: no DATA line was found.")
        words = data[at:end].decode("ascii", "replace").split()
        at = end + 1
        if words and not words[0].startswith("#"):
            header[words[0].upper()] = words[1:]
    missing = {"FIELDS", "SIZE", "TYPE", "POINTS"} - set(header)
    if missing or not header["DATA"]:
        raise SceneError(f"{path}: the PCD header lacks {', '.join(sorted(missing)) or 'DATA'}.")
    header.setdefault("COUNT", ["1"] * len(header["FIELDS"]))
    header.setdefault("HEIGHT", ["1"])
    return header, at


def _count(header: dict[str, list[str]], key: str, path: Path) -> int:
    try:
        value = int(header[key][0])
    except (IndexError, ValueError) as error:
        raise SceneError(f"{path}: {key} of the PCD header is {str(header[key])[:80]}.") from error
    if value < 0:
        raise SceneError(f"{path}: {key} of the PCD header is negative: {value}.")
    return value


def _dtype(header: dict[str, list[str]], path: Path) -> np.dtype:
    fields = []
    sizes = {"F": (4, 8), "I": (1, 2, 4, 8), "U": (1, 2, 4, 8)}
    try:
        for k, (name, size, kind, count) in enumerate(
            zip(header["FIELDS"], header["SIZE"], header["TYPE"], header["COUNT"], strict=True)
        ):
            if int(size) not in sizes[kind] or not 1 <= int(count) <= _MAX_COUNT:
                raise ValueError(f"{name} is {count} x {kind}{size}")
            key = name.lower() if name != "_" and int(count) == 1 else f"_{k}"  # _ is padding
            code = f"<{kind.lower()}{int(size)}"
            fields.append((key, code) if int(count) == 1 else (key, code, (int(count),)))
        return np.dtype(fields)
    except (KeyError, ValueError, TypeError) as error:
        raise SceneError(
            f"{path}: FIELDS, SIZE, TYPE and COUNT of the PCD header do not fit together "
            f"({str(error)[:100]})."
        ) from error


def _short(path: Path, promised: int, present: int) -> SceneError:
    return SceneError(
        f"{path}: the header promises {promised:,} points, the file holds {present:,}; "
        "it was cut off or its header is wrong."
    )


def _ascii(data: bytes, body: int, dtype: np.dtype, num: int, path: Path) -> dict[str, np.ndarray]:
    counts = [int(np.prod(dtype[name].shape, dtype=int)) for name in dtype.names or ()]
    width = sum(counts)
    if 2 * num * width - 1 > len(data) - body:
        raise _short(path, num, count_words(data, body) // max(width, 1))
    values = read_numbers(data, body, num * width, path)
    if len(values) < num * width:
        raise _short(path, num, len(values) // width)
    values = values.reshape(num, width)
    table, column = {}, 0
    for name, count in zip(dtype.names or (), counts, strict=True):
        if not dtype[name].shape:
            with np.errstate(over="ignore", invalid="ignore"):
                table[name] = values[:, column].astype(dtype[name])
        column += count
    return table


def _compressed(
    data: bytes, body: int, dtype: np.dtype, num: int, path: Path
) -> dict[str, np.ndarray]:
    """Two sizes, then LZF of the fields one after the other (all x, all y, ...)."""
    if len(data) < body + 8:
        raise _short(path, num, 0)
    packed, unpacked = (int(v) for v in np.frombuffer(data, "<u4", 2, body))
    held = len(data) - body - 8
    if unpacked != num * dtype.itemsize or held < packed or unpacked > _LZF_GAIN * packed:
        raise _short(path, num, min(unpacked, _LZF_GAIN * min(held, packed)) // dtype.itemsize)
    columns = lzf_unpack(data[body + 8 : body + 8 + packed], unpacked)
    if len(columns) != unpacked:
        raise _short(path, num, len(columns) // dtype.itemsize)
    table, at = {}, 0
    for name in dtype.names or ():
        if not dtype[name].shape:
            table[name] = np.frombuffer(columns, dtype[name], num, at)
        at += dtype[name].itemsize * num
    return table


def lzf_unpack(packed: bytes, size: int) -> bytes:
    """Unpack LZF; stops early, with less than `size` bytes, where the stream breaks its own rules.

    A control byte below 32 is followed by that many bytes plus one as they are; else its upper
    three bits are a length (7: one more byte adds to it) and the rest, with the next byte, a
    distance back into what was written.
    """
    out = bytearray()
    at, end, held = 0, len(packed), 0
    try:
        while at < end and held < size:
            control = packed[at]
            if control < 32:
                stop = at + control + 2
                out += packed[at + 1 : stop]
                held += control + 1
                at = stop
                continue
            length = _LENGTH[control]
            if control >= 224:
                at += 1
                length += packed[at]
            start = held - _BACK[control] - packed[at + 1]
            if start < 0:
                break
            at += 2
            stop = start + length
            if stop <= held:
                out += out[start:stop]
            else:  # the copy reads what it writes: a repeating pattern
                out += (out[start:] * (length // (held - start) + 1))[:length]
            held += length
    except IndexError:
        pass
    return bytes(out[:size])


def _unpack_color(packed: np.ndarray) -> np.ndarray:
    """0xRRGGBB, stored as an integer or in the bits of a float."""
    if packed.dtype.kind == "f":
        bits = np.ascontiguousarray(packed, "<f4").view("<u4")
    else:
        bits = packed.astype(np.uint32)
    return np.stack([(bits >> shift) & 255 for shift in (16, 8, 0)], axis=1).astype(np.uint8)
