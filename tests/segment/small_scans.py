"""A small scan with cells and true votes, and its segmentation folder, made without a network."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pointins_engine.geometry import estimate_normals, voxelize
from pointins_engine.run_log.files import write_json
from pointins_engine.segment.folder import SegmentationFolder, StoredScan, write_scan
from pointins_engine.segment.job import depends_on
from pointins_engine.segment.layers import drawn_scene, renumbered, write_scene
from pointins_engine.segment.records import SceneVotes
from pointins_engine.segment.result import Segmentation
from pointins_engine.types import Scene

GRID = 0.06  # metres


def stored(room: Scene, **request: Any) -> StoredScan:
    """The cells of a labelled scene, with offsets that point where they should."""
    truth, names = renumbered(room.instance_label, room.semantic_label, room.class_names)
    assert truth is not None and room.is_plane is not None and room.color is not None
    chosen, inverse = voxelize(room.coord, GRID)[1:]
    goal = np.stack([room.coord[truth == k].mean(axis=0) for k in range(truth.max() + 1)])
    owner = truth[chosen]
    coord = room.coord[chosen]
    return StoredScan(
        id=room.id,
        coord=room.coord,
        origin=room.origin,
        color=room.color,
        truth=truth,
        truth_names=names,
        votes=SceneVotes(
            coord=coord,
            offset=np.where(owner[:, None] < 0, 0, goal[owner] - coord).astype(np.float32),
            color=(room.color[chosen] / 255).astype(np.float32),
            normal=estimate_normals(coord),
            is_plane=room.is_plane[chosen],
            cell_of_point=inverse,
            grid_size=GRID,
            scale=1.0,
            domain="indoor",
        ),
        provenance={"network": {"checkpoint": "none"}},
        seconds={"votes": 0.0},
        asked=depends_on(request),
    )


def found(scan: StoredScan, **changes: Any) -> Segmentation:
    """What a perfect method finds; scores fall from 1 on."""
    owner = scan.truth[np.unique(scan.votes.cell_of_point, return_index=True)[1]]
    segmentation = Segmentation(
        scan=scan.id,
        coord=scan.coord,
        color=scan.color,
        origin=scan.origin,
        cell_of_point=scan.votes.cell_of_point,
        cell_coord=scan.votes.coord,
        cell_label=owner,
        cell_offset=scan.votes.offset,
        cell_is_plane=scan.votes.is_plane,
        score=np.linspace(1, 0.5, int(owner.max()) + 1),
        settings={"radius": 0.1},
        provenance={"network": {"checkpoint": "none"}},
        seconds={"grouping": 0.5},
    )
    return replace(segmentation, **changes)


def write_request(folder: SegmentationFolder, *wanted: dict[str, Any], **request: Any) -> None:
    """A request for layers, each given by `layer`, and by `method` and `settings` if need be."""
    items = [{"method": item["layer"], "settings": {}, **item} for item in wanted]
    write_json(folder.request, {"name": "room.ply", **request, "wanted": items})


def folder_of(room: Scene, root: Path, *wanted: dict[str, Any]) -> SegmentationFolder:
    """A folder whose scan is read and voted for already, as a job leaves it."""
    root.mkdir(exist_ok=True)
    folder = SegmentationFolder(root)
    scan = stored(room)
    write_scan(folder, scan)
    write_scene(folder, drawn_scene(room, scan))
    write_json(folder.facts, {"points": len(room)})
    folder.layers.mkdir(exist_ok=True)
    write_request(folder, *wanted)
    return folder
