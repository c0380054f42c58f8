"""Tables of points as text: .xyz .txt .csv .asc .pts.

A line holds a point. Columns are named by a header or by the last comment before the data, else
they are told by how many there are, and a note says what was assumed.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers.columns import (
    holds_coordinates,
    names_read,
    scan_of_columns,
    some_names,
)
from pointins_engine.scenes.readers.decimals import read_table
from pointins_engine.scenes.readers.raw import RawScan, Taken

ENDINGS = (".xyz", ".txt", ".csv", ".asc", ".pts")
_MAX_LINE = 1 << 14  # bytes of a line
_MAX_COLUMNS = 100
_LOOK = 1 << 16  # bytes in which the first lines are looked for
_COMMENT = (b"#", b"//", b"%", b"!")
_DECIMAL_COMMA = re.compile(rb"[-+]?\d+,\d+([eE][-+]?\d+)?,?$")
_ROWS_JUDGED = 1000  # rows from which the meaning of a column is told
_PTS_INTENSITY = (-2048.0, 2047.0)  # as Leica's scanners write it


@dataclass(frozen=True, kw_only=True, slots=True)
class _Layout:
    start: int  # byte of the first line of data
    separator: bytes  # b" ", b"," or b";"
    names: list[str]  # of the columns, empty where nothing names them
    width: int  # columns
    count: int | None  # points that the first line promises (.pts)


def read_text(path: Path) -> RawScan:
    """Points of a text table.

    Separators are white space, commas or semicolons. Lines that begin with #, //, % or ! are
    comments.

    Raises:
        SceneError: If a line holds no numbers or another number of them, if commas are decimal
            points, or if the meaning of the columns is not known; names the line and the fix.
    """
    data = path.read_bytes()
    layout = _layout(data, path)
    table = read_table(_plain(data, layout), layout.start, layout.width, path)
    if layout.count is not None and layout.count != len(table):
        raise SceneError(
            f"{path}: the first line promises {layout.count:,} points, the file holds "
            f"{len(table):,}; it was cut off or joined from several."
        )
    if layout.names:
        return _by_names(table, layout.names, path)
    return _by_width(table, path)


def looks_like_points(path: Path) -> bool:
    """Whether the first lines of a text file are points, for a walk through folders.

    Calibrations, poses, times and prose lie beside scans too: the header must name x, y and z, or
    two lines must hold as many numbers as points do.
    """
    with path.open("rb") as file:
        data = file.read(_LOOK)
    data = data[: data.rfind(b"\n") + 1]
    try:
        layout = _layout(data, path)
        if layout.names:
            return True
        lines = _plain(data, layout)[layout.start :].splitlines(keepends=True)[:3]
        table = read_table(b"".join(lines), 0, layout.width, path)
        widths = (3, 6) if path.suffix.lower() == ".txt" else range(3, 10)
        return len(table) > 1 and layout.width in widths
    except SceneError:
        return False


def _layout(data: bytes, path: Path) -> _Layout:
    """How the table is written, from its first lines."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SceneError(f"{path}: the text is UTF-16; save it as UTF-8 or ASCII.")
    if b"\0" in data[:_LOOK]:
        raise SceneError(f"{path}: this is no text: it holds zero bytes. Is the ending right?")
    at, comment, count = (3 if data.startswith(b"\xef\xbb\xbf") else 0), b"", None
    header: list[str] = []
    while at < len(data):
        end = data.find(b"\n", at, at + _MAX_LINE)
        if end < 0 and len(data) - at > _MAX_LINE:
            raise SceneError(
                f"{path}: a line is longer than {_MAX_LINE:,} bytes; a line holds one point."
            )
        end = len(data) if end < 0 else end
        line = data[at:end].strip()
        if line.startswith(_COMMENT):
            comment = line.lstrip(b"#/%! ")
        elif line:
            words = _split(line, path)
            if _are_numbers(words):
                is_count = len(words) == 1 and count is None and words[0].isdigit()
                if not is_count or header:
                    break
                count = int(words[0][:18])
            elif header or count is not None:
                raise SceneError(
                    f"{path}: {_shown(line)} was expected to be a point; numbers are needed."
                )
            else:
                header = _names(words)
                if not holds_coordinates(header):
                    raise SceneError(
                        f"{path}: the first line reads {_shown(line)}; expected numbers, or "
                        "names of columns with x, y and z among them."
                    )
        at = end + 1
    else:
        raise SceneError(f"{path}: the file holds no points.")
    separator = _separator(line)
    if not header and holds_coordinates(named := _names(_split(comment, path))):
        header = named if len(named) == len(words) else []
    if header and len(header) != len(words):
        raise SceneError(
            f"{path}: the header names {len(header)} columns, the first point has {len(words)} "
            "values; correct the header. (Decimal commas have to be points.)"
        )
    if len(words) > _MAX_COLUMNS:
        raise SceneError(f"{path}: a line holds {len(words):,} values; a line holds one point.")
    return _Layout(start=at, separator=separator, names=header, width=len(words), count=count)


def _separator(line: bytes) -> bytes:
    return b";" if b";" in line else b"," if b"," in line else b" "


def _split(line: bytes, path: Path) -> list[bytes]:
    """Words of a line; refuses decimal commas, which can be told by another separator beside."""
    line = line.replace(b'"', b" ")
    separator = _separator(line)
    words = line.replace(b";", b" ").split()
    if len(words) > 1 and any(_DECIMAL_COMMA.match(word) for word in words):
        if separator == b";" or all(b"." not in word for word in words):
            raise SceneError(
                f"{path}: {_shown(line)} has decimal commas; write numbers with points, for "
                f"instance with: sed 's/,/./g' {path.name}"
            )
    if separator == b" ":
        return line.split()
    return [word.strip() for word in line.rstrip(separator + b" ").split(separator)]


def _are_numbers(words: list[bytes]) -> bool:
    try:
        for word in words:
            float(word)
    except ValueError:
        return False
    return bool(words)


def _names(words: list[bytes]) -> list[str]:
    return [word.decode("utf-8", "replace").strip() for word in words]


def _shown(line: bytes) -> str:
    return repr(line[:50].decode("utf-8", "replace"))


def _plain(data: bytes, layout: _Layout) -> bytes:
    """The text with white space alone between the numbers; lines and their beginning stay."""
    rest = data[layout.start :]
    if any(mark in rest for mark in _COMMENT):
        rest = re.sub(rb"(?m)^[ \t]*(#|//|%|!).*$", b"", rest)
    if layout.separator != b" " or b'"' in rest[:_MAX_LINE]:
        rest = rest.translate(bytes.maketrans(layout.separator + b'"', b"  "))
    return data[: layout.start] + rest


def _by_names(table: Float64[np.ndarray, "n w"], names: list[str], path: Path) -> RawScan:
    known = names_read(names)
    ignored = [name for name in names if name not in known]
    read = [name for name in names if name in known]
    note = f"columns read by their names: {some_names(read)}."
    if ignored:
        note += f" Left out: {some_names(ignored)}."
    columns = dict(zip(reversed(names), reversed(table.T), strict=True))  # of a name the first
    return scan_of_columns(columns, path, (Taken(note),))


def _by_width(table: Float64[np.ndarray, "n w"], path: Path) -> RawScan:
    """What the columns mean where nothing names them."""
    part = table[:: max(1, len(table) // _ROWS_JUDGED)]
    layouts = {
        3: "x y z",
        4: "x y z intensity",
        5: "x y z label instance" if _are_ids(part[:, 3:5]) else "",
        6: "x y z nx ny nz" if _are_normals(part[:, 3:6]) else "x y z r g b",
        7: "x y z r g b label" if _are_colors(part[:, 3:6]) and _are_ids(part[:, 6:]) and
           path.suffix.lower() != ".pts" else "x y z intensity r g b",
        8: "x y z r g b label instance" if _are_ids(part[:, 6:8]) else "",
        9: "x y z nx ny nz r g b" if _are_normals(part[:, 3:6]) else "x y z r g b nx ny nz",
    }  # fmt: skip
    names = layouts.get(table.shape[1], "").split()
    if not names:
        raise SceneError(
            f"{path}: {table.shape[1]} columns without names; write a first line that names them, "
            "for instance: x y z r g b label instance"
        )
    columns = dict(zip(names, table.T, strict=True))
    notes = [f"{len(names)} columns without names, taken as {' '.join(names)}."]
    if path.suffix.lower() == ".pts" and "intensity" in columns and len(table):
        low, high = _PTS_INTENSITY
        if columns["intensity"].min() < 0:
            columns["intensity"] = np.clip((columns["intensity"] - low) / (high - low), 0, 1)
            notes.append("intensity taken as -2048..2047.")
    return scan_of_columns(columns, path, tuple(Taken(note) for note in notes))


def _are_ids(columns: np.ndarray) -> bool:
    """Whole numbers, as labels are."""
    return bool((np.rint(columns) == columns).all())


def _are_colors(columns: np.ndarray) -> bool:
    return bool(((columns >= 0) & (columns <= 255)).all())


def _are_normals(columns: np.ndarray) -> bool:
    """Vectors of length 1 with some negative component, as no colour has."""
    length = np.linalg.norm(columns, axis=1)
    return bool((np.abs(length - 1) < 0.02).mean() > 0.9) and bool((columns < 0).any())
