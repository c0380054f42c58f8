"""A segmentation folder of a small room, made without a network: boxes found, two of them as one.

`pointins` takes the last two boxes for one instance and predicts offsets that come near the true
centroids; `hdbscan` finds all but one box, `truth` all of them.
"""

from pathlib import Path

import numpy as np

from pointins_engine.geometry import estimate_normals
from pointins_engine.run_log.files import write_json
from pointins_engine.segment.figures import figures_of
from pointins_engine.segment.folder import SegmentationFolder, StoredScan, write_scan
from pointins_engine.segment.layers import write_layer, write_scene
from pointins_engine.segment.records import SceneVotes
from pointins_engine.segment.result import Segmentation
from tests.recorded_run import CELL_SIZE, NUM_BOXES, Room, room

LABELS = {"pointins": "PointINS", "hdbscan": "HDBSCAN", "truth": "Ground truth"}
CREATED = "2026-01-02T03:04:05+00:00"
NOISE_M = 0.03  # of the predicted offsets


def write_segmentation(
    root: Path,
    id: str = "20260102T030405-a1b2c3",
    *,
    name: str = "room.ply",
    layers: tuple[str, ...] = ("pointins", "hdbscan", "truth"),
    num_points: int = 6000,
    status: str = "finished",
    ask: dict[str, str] | None = None,
    detail: str = "",
    found: bool = True,
) -> Path:
    """Write a segmentation as its job leaves it.

    Args:
        root: Folder of all segmentations.
        id: Of this one.
        name: Of the file that was sent.
        layers: Which are made.
        num_points: Of the room.
        status: "finished", or another one before anything was made.
        ask: What the reader asks back.
        detail: Why it failed.
        found: Whether the layers have instances.

    Returns:
        Its folder.
    """
    folder = SegmentationFolder(root / id)
    folder.layers.mkdir(parents=True)
    is_done = status == "finished"
    write_json(
        folder.request,
        {
            "id": id,
            "name": name,
            "created": CREATED,
            "by": "somebody",
            "source": {"kind": "upload", "file": f"upload/{name}"},
            "settings": {},
            "checkpoint": "auto",
            "units": None,
            "up": None,
            "wanted": [{"layer": one, "method": one, "settings": {}} for one in layers],
        },
    )
    write_json(
        folder.progress,
        {
            "status": status,
            "pid": 1,
            "phase": "writing" if is_done else "network",
            "layer": layers[-1],
            "done": 4 if is_done else 1,
            "total": 4,
            "eta_s": None if is_done else 12.0,
            "detail": detail,
            "ask": ask,
        },
    )
    if not is_done:
        return folder.root
    shown = room("scan", 0, num_points, CELL_SIZE, True)
    scan = stored_scan(shown)
    write_scan(folder, scan)
    write_scene(folder, shown.scene)
    for layer in layers:
        label = labels_of(layer, shown) if found else np.full(len(shown.owner), -1)
        made = _segmentation(layer, label, scan)
        write_layer(
            folder,
            layer,
            made,
            label=LABELS[layer],
            figures=None if layer == "truth" else figures_of(made, scan),
            votes="" if layer == "pointins" else None,
        )
    facts = {"points": len(scan.coord), "cells": len(scan.votes.coord), "has_truth": True}
    write_json(folder.facts, {**facts, "domain": "indoor", "scale": 1.0, "notes": []})
    return folder.root


def stored_scan(shown: Room) -> StoredScan:
    """The room as a scan at full resolution; its points are in the order that they are drawn in."""
    scene = shown.scene
    low = np.asarray(scene.origin)
    noise = np.random.default_rng(0).normal(0, NOISE_M, shown.truth.shape)
    offset = np.where(shown.owner[:, None] < 0, 0.0, shown.truth + noise)
    cell_coord = (low + scene.scale * scene.cell_coord_u16).astype(np.float32)
    votes = SceneVotes(
        coord=cell_coord,
        offset=offset.astype(np.float32),
        color=None,
        normal=estimate_normals(cell_coord),
        is_plane=scene.cell_is_plane.astype(bool),
        cell_of_point=scene.cell_index.astype(np.int64),
        grid_size=CELL_SIZE,
        scale=1.0,
        domain="indoor",
    )
    return StoredScan(
        id=scene.id,
        coord=(low + scene.scale * scene.coord_u16).astype(np.float32),
        origin=np.zeros(3),
        color=scene.color,
        truth=None if scene.instance_label is None else scene.instance_label,
        votes=votes,
    )


def labels_of(layer: str, shown: Room) -> np.ndarray:
    """Instance (m,) of each cell."""
    owner = shown.owner.copy()
    if layer == "pointins":
        owner[owner == NUM_BOXES - 1] = NUM_BOXES - 2
    elif layer == "hdbscan":
        owner[owner == NUM_BOXES - 1] = -1
    return owner


def _segmentation(layer: str, label: np.ndarray, scan: StoredScan) -> Segmentation:
    votes = scan.votes
    num = int(label.max()) + 1
    return Segmentation(
        scan=scan.id,
        coord=scan.coord,
        color=scan.color,
        origin=scan.origin,
        cell_of_point=votes.cell_of_point,
        cell_coord=votes.coord,
        cell_label=label,
        cell_offset=votes.offset if layer == "pointins" else np.zeros_like(votes.offset),
        cell_is_plane=votes.is_plane,
        score=1 - 0.08 * np.arange(num),
        method=layer,
    )
