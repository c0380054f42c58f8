"""What a scan looks like to the engine, as a dictionary and as a table of plain text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pointins_engine.geometry import median_spacing
from pointins_engine.scenes.readers.raw import unit_notes
from pointins_engine.scenes.readers.upright import up_axis_note
from pointins_engine.types import Scene

_FIELDS = ("color", "normal", "intensity", "semantic_label", "instance_label", "is_plane")
_SAMPLE = 2000  # points whose spacing is measured


def describe(scene: Scene, notes: Sequence[str] = ()) -> dict[str, Any]:
    """Figures of a scene, ready for JSON.

    Args:
        scene: A scene as read, before or after completion.
        notes: Sentences gathered while reading it; kept in front of our own warnings.

    Returns:
        id, source, points, dropped, fields, extent_m (x, y, z), origin_m, spacing_m (median
        distance to the nearest neighbour), up_axis (a sentence), plane_share, classes (name ->
        points and instances), num_instances, unlabelled (points), warnings.
    """
    coord = scene.coord
    stride = max(1, len(coord) // _SAMPLE)
    up = up_axis_note(coord)
    own = unit_notes(coord.astype(np.float64), scene.id)
    if up.startswith("not confirmed"):
        own.append(f"{scene.id}: up axis {up}.")
    if scene.num_dropped > len(scene):
        own.append(
            f"{scene.id}: {scene.num_dropped:,} points had no finite position, more than were "
            "kept; pixels without a return are normal in a depth image, not in other scans."
        )
    if scene.color is not None and not scene.color.any():
        own.append(
            f"{scene.id}: every colour is black; train without it: --scene.feats coord normal."
        )
    spacing = median_spacing(coord, np.arange(0, len(coord), stride))
    if spacing < 1e-6:
        own.append(
            f"{scene.id}: half of the points or more lie exactly on another one; training keeps "
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
        "spacing_m": round(spacing, 5),
        "up_axis": up,
        "plane_share": None if scene.is_plane is None else round(float(scene.is_plane.mean()), 3),
        "classes": _classes(scene),
        "num_instances": _num_instances(scene.instance_label),
        "unlabelled": None
        if scene.semantic_label is None
        else int((scene.semantic_label < 0).sum()),
        "warnings": [*notes, *(note for note in own if note not in notes)],
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
