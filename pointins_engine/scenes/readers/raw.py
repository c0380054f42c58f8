"""What every reader returns, and how it becomes a `Scene`: one place for every check.

Readers only parse. `to_scene` drops points without a position, brings units, up axis, range of
colours and intensity and the frame into order, and gathers notes for the person who gave the file.
N points.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pointins_engine.config import Units, UpAxis
from pointins_engine.errors import ScanQuestion, SceneError
from pointins_engine.scenes.readers.frame import Axis, Stated, find_frame
from pointins_engine.scenes.readers.sanity import sane
from pointins_engine.types import Scene

MIN_POINTS = 100  # fewer hold no object, and a neighbourhood of 16 would span the scene
_FAR = 1e4  # metres: beyond, float32 no longer holds a millimetre


@dataclass(frozen=True, kw_only=True, slots=True)
class RawScan:
    """Columns of a file before any interpretation; each (N,) or (N, 3), or None."""

    coord: np.ndarray  # in the file's unit
    color: np.ndarray | None = None  # 0..255, or floats 0..1
    normal: np.ndarray | None = None
    intensity: np.ndarray | None = None  # any range; see `_unit_intensity`
    semantic: np.ndarray | None = None  # raw class ids
    instance: np.ndarray | None = None  # -1 = none
    class_names: tuple[str, ...] | None = None  # semantic is an index into these already
    camera_frame: bool = False  # rows of a depth image: z ahead, y down
    metres_per_unit: float | None = None  # where the format or the dataset states it
    up: Axis | None = None  # where it states that
    notes: tuple[str, ...] = ()  # sentences of the reader, without the name of the file


class Taken(str):
    """A note about what was taken as given because nothing spoke against it; no warning."""


@np.errstate(all="ignore")  # what a damaged file makes of its numbers is no warning
def to_scene(
    raw: RawScan,
    path: Path,
    *,
    id: str,
    units: Units = "auto",
    up: UpAxis = "auto",
    is_strict: bool = True,
) -> tuple[Scene, list[str]]:
    """A checked scene and sentences worth telling its owner.

    Unit and up axis are what the owner says, else what the format states, else metres and z, if the
    scan itself does not speak against them.

    Args:
        raw: Columns of the file.
        path: File or folder, for the sentences.
        id: Of the scene.
        units: Unit of the coordinates.
        up: Axis of the file that is up.
        is_strict: Refuse a scan whose unit or up axis is neither said nor stated and looks wrong;
            else it is taken as metres or z up with a note.

    Raises:
        SceneError: If a column has another length than the coordinates, fewer than 100 points have
            a position, or the scan is refused; names the flag that confirms it.
    """
    raw = sane(raw, path)
    coord = raw.coord
    num = len(coord)
    if coord.ndim != 2 or coord.shape[1] != 3:
        raise SceneError(f"{path}: coordinates have shape {coord.shape}, expected (points, 3).")
    for name in ("color", "normal", "intensity", "semantic", "instance"):
        column = getattr(raw, name)
        if column is not None and len(column) != num:
            raise SceneError(
                f"{path}: {name} has {len(column):,} rows for {num:,} points; "
                "both must come from the same scan."
            )
    finite = np.asarray(np.isfinite(coord).all(axis=1))
    dropped = int(num - finite.sum())
    if num - dropped < MIN_POINTS:
        raise SceneError(
            f"{path}: {num - dropped:,} of {num:,} points have a finite position; a scene needs at "
            f"least {MIN_POINTS}."
        )
    coord = coord[finite]
    stated = Stated(metres_per_unit=raw.metres_per_unit, up=raw.up, is_camera=raw.camera_frame)
    frame = find_frame(coord, stated, units=units, up=up)
    if is_strict and frame.doubts:
        raise ScanQuestion(
            f"{path}: " + " ".join(frame.doubts),
            question=" ".join(d.finding[:1].upper() + d.finding[1:] for d in frame.doubts),
            ask={doubt.about: doubt.likely for doubt in frame.doubts},
        )
    coord = (coord * frame.metres_per_unit) @ frame.turn.T
    said = (*raw.notes, *map(str, frame.doubts), *frame.notes)
    notes = [type(note)(f"{path.name}: {note}") for note in said]  # what is Taken stays so
    if frame.taken:
        notes.append(Taken(f"{path.name}: {frame.taken}"))
    origin = np.zeros(3)
    if np.abs(coord).max() > _FAR:
        origin = np.floor(coord.mean(axis=0))
        coord = coord - origin
    semantic, names = _semantic(raw, finite)
    scene = Scene(
        id=id,
        coord=coord.astype(np.float32),
        color=None if raw.color is None else _byte_color(raw.color[finite]),
        normal=None if raw.normal is None else _unit_normal(raw.normal[finite], frame.turn),
        intensity=None if raw.intensity is None else _unit_intensity(raw.intensity[finite]),
        semantic_label=semantic,
        instance_label=None if raw.instance is None else raw.instance[finite].astype(np.int32),
        class_names=names,
        origin=origin,
        source=str(path),
        num_dropped=dropped,
    )
    return scene, notes


def as_instance(label: np.ndarray, first: int = 1) -> np.ndarray:
    """Instance ids as they are, with -1 where the file says less than the first id."""
    label = label.astype(np.int64)
    return np.where(label >= first, label, -1).astype(np.int32)


def _semantic(raw: RawScan, finite: np.ndarray) -> tuple[Any, tuple[str, ...]]:
    """Class indices and names; raw ids without names become `class_<id>`."""
    if raw.semantic is None:
        return None, ()
    label = raw.semantic[finite].astype(np.int64)
    if raw.class_names is not None:
        return label.astype(np.int32), raw.class_names
    ids = np.unique(label[label >= 0])
    index = np.where(label >= 0, np.searchsorted(ids, label), -1)
    return index.astype(np.int32), tuple(f"class_{k}" for k in ids)


def _byte_color(color: np.ndarray) -> np.ndarray:
    if color.dtype == np.uint8:
        return np.ascontiguousarray(color)
    color = np.nan_to_num(color.astype(np.float64))
    if color.max() <= 1.0 + 1e-6:  # mixed colours may end a rounding error above 1
        color = color * 255
    elif color.max() > 255:  # 16 bits a channel
        color = color / 257
    return np.clip(np.round(color), 0, 255).astype(np.uint8)


def _unit_intensity(intensity: np.ndarray) -> np.ndarray:
    """Intensity as 0..1; the largest value tells whether the file counts to 1, 255 or 65,535."""
    value = np.nan_to_num(intensity.astype(np.float64).reshape(len(intensity)))
    top = value.max(initial=0.0)
    scale = 1.0 if top <= 1.0 else 255.0 if top <= 255.0 else 65_535.0
    return np.clip(value / scale, 0, 1).astype(np.float32)


def _unit_normal(normal: np.ndarray, turn: np.ndarray | None) -> np.ndarray | None:
    """Normals of length 1; None where the file holds zeros or NaN, so that they are estimated."""
    normal = normal.astype(np.float64)
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    if not np.isfinite(length).all() or (length < 1e-3).any():
        return None
    normal = normal / length
    return (normal if turn is None else normal @ turn.T).astype(np.float32)
