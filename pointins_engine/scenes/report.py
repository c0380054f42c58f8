"""What a scan looks like to the engine, as a dictionary and as a table of plain text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pointins_engine.geometry import median_spacing
from pointins_engine.scenes.readers.raw import Taken
from pointins_engine.scenes.readers.survey import survey
from pointins_engine.scenes.readers.units import doubt_about, read_in
from pointins_engine.scenes.readers.upright import doubt_about_up, read_up, up_axis_note
from pointins_engine.types import Scene

_FIELDS = ("color", "normal", "intensity", "semantic_label", "instance_label", "is_plane")
_STATED = "the dataset states; are these its own files?"
_SAMPLE = 2000  # points whose spacing is measured


def describe(scene: Scene, notes: Sequence[str] = (), *, is_stated: bool = False) -> dict[str, Any]:
    """Figures of a scene, ready for JSON.

    Args:
        scene: A scene as read, before or after completion.
        notes: Sentences gathered while reading it; kept in front of our own warnings.
        is_stated: Its dataset states unit and up axis, so no flag would change them.

    Returns:
        id, source, points, dropped, fields, extent_m (x, y, z), origin_m, spacing_m (median
        distance to the nearest other place), up_axis (a sentence), plane_share, classes (name ->
        points and instances), num_instances, unlabelled (points), taken (sentences about what was
        taken as given), warnings.
    """
    coord = scene.coord
    stride = max(1, len(coord) // _SAMPLE)
    found = survey(coord.astype(np.float64))
    own = []
    if doubt := doubt_about("m", found):
        text = f"{read_in('m', found).text} is no usual scan in metres, which {_STATED}"
        own.append(text if is_stated else doubt)
    if doubt := doubt_about_up(read_up(found)):
        text = f"level surfaces speak against z as the axis that is up, which {_STATED}"
        own.append(text if is_stated else doubt)
    if scene.num_dropped > len(scene):
        own.append(
            f"{scene.num_dropped:,} points had no finite position, more than were "
            "kept; pixels without a return are normal in a depth image, not in other scans."
        )
    if scene.color is not None and not scene.color.any():
        own.append("every colour is black; train without it: --scene.feats coord normal.")
    if median_spacing(coord, np.arange(0, len(coord), stride)) < 1e-6:
        own.append(
            "half of the points or more lie exactly on another one; training keeps "
            "one a voxel, so this costs only disk space."
        )
    return {
        "id": scene.id,
        "source": scene.source,
        "points": len(scene),
        "dropped": scene.num_dropped,
        "fields": ["coord", *(name for name in _FIELDS if getattr(scene, name) is not None)],
        "extent_m": [round(float(v), 3) for v in np.ptp(coord, axis=0)],
        "origin_m": [float(v) for v in scene.origin],
        "spacing_m": round(found.spacing, 5),
        "up_axis": up_axis_note(found),
        "plane_share": None if scene.is_plane is None else round(float(scene.is_plane.mean()), 3),
        "classes": _classes(scene),
        "num_instances": _num_instances(scene.instance_label),
        "unlabelled": None
        if scene.semantic_label is None
        else int((scene.semantic_label < 0).sum()),
        "taken": [str(note) for note in notes if isinstance(note, Taken)],
        "warnings": [
            *(note for note in notes if not isinstance(note, Taken)),
            *(f"{scene.id}: {text}" for text in own if not any(text in note for note in notes)),
        ],
    }


def format_report(scenes: Sequence[Scene], notes: Sequence[str] = ()) -> str:
    """One block of text a scene, warnings last."""
    return "\n\n".join(
        _block(describe(scene, notes if k == 0 else ())) for k, scene in enumerate(scenes)
    )


def _block(facts: dict[str, Any]) -> str:
    x, y, z = facts["extent_m"]
    dropped = f", {facts['dropped']:,} dropped (no finite position)" if facts["dropped"] else ""
    rows = [
        ("source", facts["source"] or "-"),
        ("points", f"{facts['points']:,}{dropped}"),
        ("fields", ", ".join(facts["fields"])),
        ("extent", f"{x:.2f} x {y:.2f} x {z:.2f} m"),
        ("spacing", f"{facts['spacing_m'] * 1000:.1f} mm to the nearest point (median)"),
        ("up axis", facts["up_axis"]),
    ]
    if any(facts["origin_m"]):
        rows.append(("origin", ", ".join(f"{v:,.0f}" for v in facts["origin_m"]) + " m subtracted"))
    if facts["plane_share"] is not None:
        rows.append(("planes", f"{facts['plane_share']:.0%} of the points: floor, walls or ground"))
    if facts["num_instances"] is not None:
        rows.append(("instances", f"{facts['num_instances']:,}"))
    rows += _class_rows(facts)
    rows += [("taken", text) for text in facts["taken"]]
    rows += [("warning", text) for text in facts["warnings"]]
    return "\n".join([facts["id"], *(f"  {name:<10} {text}" for name, text in rows)])


def _class_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    rows = []
    for k, (name, found) in enumerate(facts["classes"].items()):
        count = "" if found["instances"] is None else f"  {found['instances']:>4} instances"
        rows.append(
            ("classes" if k == 0 else "", f"{name:<22} {found['points']:>9,} points{count}")
        )
    if facts["unlabelled"]:
        rows.append(("", f"{'(no class)':<22} {facts['unlabelled']:>9,} points"))
    return rows


def _classes(scene: Scene) -> dict[str, dict[str, int | None]]:
    if scene.semantic_label is None:
        return {}
    found = {}
    for index in np.unique(scene.semantic_label[scene.semantic_label >= 0]):
        of_class = scene.semantic_label == index
        instances = None if scene.instance_label is None else scene.instance_label[of_class]
        found[scene.class_names[index]] = {
            "points": int(of_class.sum()),
            "instances": _num_instances(instances),
        }
    return found


def _num_instances(instance: np.ndarray | None) -> int | None:
    return None if instance is None else len(np.unique(instance[instance >= 0]))
