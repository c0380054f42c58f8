"""Scenes from what a program already holds: NumPy arrays, torch tensors, lists, Open3D objects.

Neither torch nor Open3D is imported: their objects are asked for their numbers. N points.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pointins_engine.config import Units, UpAxis
from pointins_engine.errors import SceneError
from pointins_engine.scenes.readers import clean_id
from pointins_engine.scenes.readers.mesh import sample_surface, triangle_normals
from pointins_engine.scenes.readers.raw import RawScan, to_scene
from pointins_engine.types import Scene

_FLAG = re.compile(r"--scene\.(\w+)[ =](-?\w+)")
_INTENSITY = ("intensity", "intensities")  # names of an Open3D tensor cloud's attribute


def scene_from_arrays(
    coord: Any,
    *,
    color: Any = None,
    normal: Any = None,
    intensity: Any = None,
    semantic_label: Any = None,
    instance_label: Any = None,
    class_names: Sequence[str] = (),
    units: Units = "auto",
    up: UpAxis = "auto",
    id: str = "scan",
) -> Scene:
    """A checked scene from arrays, tensors or lists; nothing is shared with them.

    Args:
        coord: (N, 3) positions of one cloud; rows that are not finite are left out everywhere.
        color: (N, 3) RGB, 0..255 or floats 0..1.
        normal: (N, 3), of any length; estimated in training if absent.
        intensity: (N,) 0..1, 0..255 or 0..65,535.
        semantic_label: (N,) indices into `class_names`, -1 = no class. Without names any ids.
        instance_label: (N,) ids, -1 = no instance.
        class_names: Names of the classes.
        units: Of `coord`; `auto`: metres if the cloud is plausible in metres.
        up: Axis of `coord` that is up; `auto`: z unless the cloud speaks for another one.
        id: Name of the scene.

    Raises:
        SceneError: If an array has another shape or length, a label has no name, fewer than 100
            points are finite, or unit or up axis look wrong; says what came and what to pass.

    Example:
        >>> scene_from_arrays(np.load("kitchen.npy"), units="mm").coord.shape
        (48000, 3)
    """
    name = clean_id(id)
    raw = RawScan(
        coord=_positions(coord),
        color=_rows_of_three("color", color),
        normal=_rows_of_three("normal", normal),
        intensity=_column("intensity", intensity),
        semantic=_labels("semantic_label", semantic_label),
        instance=_labels("instance_label", instance_label),
        class_names=tuple(class_names) or None,
    )
    if (
        class_names
        and raw.semantic is not None
        and raw.semantic.max(initial=-1) >= len(class_names)
    ):
        raise SceneError(
            f"semantic_label goes up to {raw.semantic.max()}, and class_names has "
            f"{len(class_names)} names; labels are indices into it, from 0, and -1 is no class."
        )
    return _scene(raw, name, units, up)


def scene_from_open3d(
    cloud: Any, *, units: Units = "auto", up: UpAxis = "auto", id: str = "scan"
) -> Scene:
    """A scene from an Open3D PointCloud or TriangleMesh, of `geometry` or `t.geometry`.

    A mesh is sampled evenly over its surface, about a centimetre apart.

    Raises:
        SceneError: If it is none of these, or as `scene_from_arrays`.
    """
    if hasattr(cloud, "triangles") or hasattr(cloud, "triangle"):
        return _scene(_sampled(cloud, id), clean_id(id), units, up)
    columns: dict[str, Any]
    if hasattr(cloud, "point"):  # t.geometry
        found = {name: _numbers(name, value) for name, value in cloud.point.items()}
        intensity = next((found[name] for name in _INTENSITY if name in found), None)
        columns = {
            "coord": found.get("positions", np.zeros((0, 3))),
            "color": found.get("colors"),
            "normal": found.get("normals"),
            "intensity": intensity,
        }
    elif hasattr(cloud, "points"):
        columns = {
            "coord": np.asarray(cloud.points),
            "color": np.asarray(cloud.colors) if cloud.has_colors() else None,
            "normal": np.asarray(cloud.normals) if cloud.has_normals() else None,
        }
    else:
        raise SceneError(
            f"{type(cloud).__name__} is no Open3D point cloud or triangle mesh; for arrays there "
            "is scene_from_arrays."
        )
    return scene_from_arrays(**columns, units=units, up=up, id=id)


def _scene(raw: RawScan, name: str, units: Units, up: UpAxis) -> Scene:
    try:
        return to_scene(raw, Path(name), id=name, units=units, up=up)[0]
    except SceneError as error:
        raise SceneError(_FLAG.sub(r'\1="\2"', str(error))) from error


def _sampled(mesh: Any, id: str) -> RawScan:
    """Points on a mesh; colours of its vertices are mixed where it has them."""
    legacy = mesh.to_legacy() if hasattr(mesh, "to_legacy") else mesh
    vertices = np.asarray(legacy.vertices)
    triangles = np.asarray(legacy.triangles).astype(np.int64)
    if len(triangles) == 0:
        raise SceneError(f"{id}: the mesh has no triangles to sample; pass its vertices as arrays.")
    rows, weights = sample_surface(vertices, triangles, Path(id))
    corners = triangles[rows]
    colors = np.asarray(legacy.vertex_colors) if legacy.has_vertex_colors() else None
    return RawScan(
        coord=np.einsum("nck,nc->nk", vertices[corners], weights),
        normal=triangle_normals(vertices, triangles)[rows],
        color=None if colors is None else np.einsum("nck,nc->nk", colors[corners], weights),
    )


def _positions(value: Any) -> np.ndarray:
    coord = _numbers("coord", value)
    if coord.ndim == 2 and coord.shape[1] == 3:
        return coord
    start = f"coord has shape {coord.shape}, expected (points, 3)"
    if coord.ndim == 3 and coord.shape[2] == 3:
        raise SceneError(
            f"{start}: this looks like a padded batch of {coord.shape[0]} clouds. Give one cloud "
            "at a time, without the rows that only fill it up: "
            "[scene_from_arrays(cloud[:length]) for cloud, length in zip(batch, lengths)]. Clouds "
            "packed one after another are cut at their boundaries in the same way."
        )
    if coord.ndim == 2 and coord.shape[0] == 3:
        raise SceneError(f"{start}: pass coord.T.")
    if coord.ndim == 2 and coord.shape[1] > 3:
        raise SceneError(
            f"{start}: pass table[:, :3], and the other columns by name, for example "
            "color=table[:, 3:6]."
        )
    raise SceneError(f"{start}.")


def _rows_of_three(name: str, value: Any) -> np.ndarray | None:
    if value is None:
        return None
    rows = _numbers(name, value)
    if rows.ndim != 2 or rows.shape[1] != 3:
        alpha = f" Leave out alpha: {name}[:, :3]." if rows.ndim == 2 and rows.shape[1] == 4 else ""
        raise SceneError(f"{name} has shape {rows.shape}, expected (points, 3).{alpha}")
    return rows


def _column(name: str, value: Any) -> np.ndarray | None:
    if value is None:
        return None
    column = _numbers(name, value)
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if column.ndim != 1:
        raise SceneError(f"{name} has shape {column.shape}, expected (points,).")
    return column


def _labels(name: str, value: Any) -> np.ndarray | None:
    labels = _column(name, value)
    if labels is None or labels.dtype.kind in "iub":
        return labels
    whole = np.nan_to_num(labels, nan=-1.0)
    if (whole != np.round(whole)).any():
        raise SceneError(f"{name} holds {labels.dtype} values that are no whole numbers.")
    return whole.astype(np.int64)


def _numbers(name: str, value: Any) -> np.ndarray:
    """Any array-like as NumPy numbers; a tensor is copied from its device, without its gradient."""
    for leave in ("detach", "cpu"):
        if hasattr(value, leave):
            value = getattr(value, leave)()
    try:
        array = value.numpy() if hasattr(value, "numpy") else np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise SceneError(f"{name} cannot be read as an array of numbers ({error}).") from error
    if array.dtype.kind not in "iufb":
        raise SceneError(f"{name} holds {array.dtype} values, expected numbers.")
    return array
