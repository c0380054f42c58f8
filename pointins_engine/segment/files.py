"""Files of a segmentation: PLY to look at, NPZ to go on with, JSON to read. No torch.

In files coordinates are those of the scan in metres, z up, its origin added. N points.
"""

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from pointins_engine.errors import ConfigError, RunError
from pointins_engine.palette import categorical
from pointins_engine.run_log.files import whole_file
from pointins_engine.scenes.readers.ply import FROM_ZERO
from pointins_engine.segment.coco import coco_record
from pointins_engine.segment.result import Segmentation

ENDINGS = {"ply": ".ply", "npz": ".npz", "json": ".json", "coco": ".coco.json"}
FORMATS = tuple(ENDINGS)
VERSION = 1  # of NPZ and JSON

_ROWS = 1 << 18  # points whose PLY records are in memory at a time
_ODD_ARCHIVES = (zipfile.BadZipFile, NotImplementedError)
_ARRAYS = {  # of the NPZ, with their number of axes
    "coord": 2, "instance": 1, "score": 1, "centroid": 2, "origin": 1, "cell_of_point": 1,
    "cell_coord": 2, "cell_label": 1, "cell_offset": 2, "cell_is_plane": 1,
}  # fmt: skip


def write_segmentation(
    folder: Path,
    name: str,
    segmentation: Segmentation,
    formats: Sequence[str] = ("ply", "npz", "json"),
) -> dict[str, Path]:
    """Write a segmentation; each file is whole or not there.

    Args:
        folder: Made if it is not there.
        name: Of the files, without ending.
        segmentation: What to write.
        formats: Of `FORMATS`.

    Returns:
        The path of each format.

    Raises:
        ConfigError: If a format is unknown or the name is none for a file.
        RunError: If a file cannot be written, for example because the disk is full.
    """
    unknown = next((format for format in formats if format not in ENDINGS), None)
    if unknown is not None:
        raise ConfigError(f"no format is called {unknown!r}; there are: {', '.join(FORMATS)}.")
    if not name or name != Path(name).name or name.startswith("."):
        raise ConfigError(f"{name!r} cannot name files; give a name without folders.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder} cannot be made ({error.strerror}).") from error
    writers: dict[str, Callable[[BinaryIO, Segmentation], None]] = {
        "ply": _write_ply,
        "npz": _write_npz,
        "json": lambda file, found: _write_text(file, about(found)),
        "coco": lambda file, found: _write_text(file, coco_record(found)),
    }
    written = {}
    for format in formats:
        written[format] = folder / f"{name}{ENDINGS[format]}"
        with whole_file(written[format]) as file:
            writers[format](file, segmentation)
    return written


def about(segmentation: Segmentation) -> dict[str, Any]:
    """Everything but the points: settings, provenance, and the instances as a table."""
    table = segmentation.instances()
    for row in table:
        place = row["centroid"] + segmentation.origin
        row["centroid"] = [round(float(value), 4) for value in place]
    return {
        "format": "pointins-segmentation",
        "version": VERSION,
        "scan": segmentation.scan,
        "points": len(segmentation.coord),
        "cells": len(segmentation.cell_coord),
        "method": segmentation.method,
        "settings": dict(segmentation.settings),
        "coordinates": {"unit": "m", "up": "z", "origin": segmentation.origin.tolist()},
        "instances": table,
        "seconds": dict(segmentation.seconds),
        "provenance": dict(segmentation.provenance),
    }


def absolute(segmentation: Segmentation) -> np.ndarray:
    """Coordinates with the origin added: float64 where there is one, else as they are."""
    if not segmentation.origin.any():
        return segmentation.coord
    return segmentation.coord + segmentation.origin


def _write_text(file: BinaryIO, record: dict[str, Any]) -> None:
    file.write(json.dumps(record, indent=1, allow_nan=False).encode() + b"\n")


def _write_ply(file: BinaryIO, segmentation: Segmentation) -> None:
    """Points in the order of the scan, coloured by instance; planes and the rest are grey."""
    coord, label = absolute(segmentation), segmentation.label
    name, kind = ("double", "f8") if coord.dtype == np.float64 else ("float", "f4")
    record = np.dtype(
        [(axis, f"<{kind}") for axis in "xyz"]
        + [(channel, "u1") for channel in ("red", "green", "blue")]
        + [("instance", "<i4"), ("score", "<f4")]
    )
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        FROM_ZERO,
        "comment coordinates in metres, z up; instance -1 is none",
        f"element vertex {len(label)}",
        *(f"property {name} {axis}" for axis in "xyz"),
        *(f"property uchar {channel}" for channel in ("red", "green", "blue")),
        "property int instance",
        "property float score",
        "end_header",
    ]
    file.write(("\n".join(lines) + "\n").encode("ascii"))
    color = np.rint(255 * categorical(np.arange(-1, len(segmentation.score)), "light"))
    score = np.append(0.0, segmentation.score)
    for start in range(0, len(label), _ROWS):
        piece = slice(start, start + _ROWS)
        table = np.empty(len(label[piece]), record)
        for k, axis in enumerate("xyz"):
            table[axis] = coord[piece, k]
        for k, channel in enumerate(("red", "green", "blue")):
            table[channel] = color[label[piece] + 1, k]
        table["instance"] = label[piece]
        table["score"] = score[label[piece] + 1]
        file.write(table.tobytes())


def _write_npz(file: BinaryIO, segmentation: Segmentation) -> None:
    """Arrays by name; the scene readers find coord, color and instance among them."""
    arrays = {
        "coord": absolute(segmentation),
        "instance": segmentation.label,
        "score": segmentation.score.astype(np.float32),
        "centroid": segmentation.centroid + segmentation.origin,
        "origin": segmentation.origin,
        "cell_of_point": segmentation.cell_of_point.astype(np.int32),
        "cell_coord": segmentation.cell_coord,
        "cell_label": segmentation.cell_label.astype(np.int32),
        "cell_offset": segmentation.cell_offset,
        "cell_is_plane": segmentation.cell_is_plane,
        "color": segmentation.color,
    }
    save_arrays(file, arrays, about(segmentation))


def read_segmentation(path: Path) -> Segmentation:
    """A segmentation from the NPZ that `write_segmentation` wrote.

    Raises:
        RunError: If the file is missing, damaged or something else.
    """
    arrays, said = load_arrays(path, _ARRAYS, ("color",))
    try:
        if said["version"] != VERSION:
            raise RunError(
                f"{path} has version {said['version']!r} of the format; this program reads "
                f"version {VERSION}. Segment the scan again."
            )
        rows = said["instances"]
        return Segmentation(
            scan=str(said["scan"]),
            coord=(arrays["coord"] - arrays["origin"]).astype(np.float32),
            color=arrays.get("color"),
            origin=arrays["origin"].astype(np.float64),
            method=str(said["method"]),
            names={int(row["id"]): str(row["name"]) for row in rows if "name" in row},
            by_hand=frozenset(int(row["id"]) for row in rows if "by_hand" in row),
            settings=said["settings"],
            provenance=said["provenance"],
            seconds=said["seconds"],
            score=arrays["score"],
            **{name: array for name, array in arrays.items() if name.startswith("cell_")},
        )
    except (ValueError, KeyError, TypeError, ConfigError) as error:
        raise RunError(f"{path} is a damaged segmentation ({error}); write it again.") from error


def save_arrays(
    file: BinaryIO, arrays: Mapping[str, np.ndarray | None], about: Mapping[str, Any]
) -> None:
    """An NPZ archive of the arrays that are there, with a JSON text called `about`."""
    known: dict[str, Any] = {name: array for name, array in arrays.items() if array is not None}
    np.savez(file, about=np.array(json.dumps(about, allow_nan=False)), **known)


def load_arrays(
    path: Path, needed: Mapping[str, int], optional: Sequence[str]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays of an archive of `save_arrays` and its `about`.

    Args:
        path: Of the archive.
        needed: Names of arrays that it must have, with their number of axes.
        optional: Names of further arrays.

    Raises:
        RunError: If the file is missing, damaged or something else.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            names = [name for name in (*needed, *optional) if name in stored]
            arrays = {name: stored[name] for name in names}
            said = json.loads(str(stored["about"]))
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror or error}).") from error
    except (AttributeError, EOFError, KeyError, TypeError, ValueError, *_ODD_ARCHIVES) as error:
        raise RunError(f"{path} is no segmentation, or was cut off; make it again.") from error
    wrong = [name for name, num in needed.items() if name not in arrays or arrays[name].ndim != num]
    if wrong or not isinstance(said, dict):
        raise RunError(
            f"{path} is no segmentation: {', '.join(wrong) or 'about'} is not as needed."
        )
    return arrays, said
