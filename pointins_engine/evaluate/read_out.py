"""Class-agnostic AP of instances read out of votes, and the choice of the read-out's numbers."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from pointins_engine.evaluate.instance_ap import (
    OBJECT,
    InstanceAp,
    Proposals,
    instance_ap_class_agnostic,
)
from pointins_engine.evaluate.seen import SeenScene
from pointins_engine.segment import Instances, ReadOut, instances_from_votes
from pointins_engine.segment.automatic import EDGES, JOIN_EDGES, SHARES


def read_outs(grid_size: float, *, has_color: bool) -> dict[str, tuple[ReadOut, ...]]:
    """Read-outs by name, with the numbers that are tried; lengths follow the voxel's edge.

    `components` is the paper's search at one radius. `votes` groups at several radii and shares of
    the offsets, and `votes + colour` looks at the raw colours too.
    """

    def scaled(wider: float) -> tuple[float, ...]:
        return tuple(round(edges * wider * grid_size, 4) for edges in EDGES["indoor"])

    def votes(wider: float, *color_edges: float) -> ReadOut:
        return ReadOut(
            radii=scaled(wider),
            shares=SHARES["indoor", "keep"],
            color_weights=(0.0, *(round(edges * grid_size, 4) for edges in color_edges)),
            join_radius=round(JOIN_EDGES * grid_size, 4),
        )

    found = {
        "components": tuple(
            ReadOut(radii=scaled(edges)[:1], core_neighbours=0) for edges in (1.5, 1.75, 2.1)
        ),
        "votes": (votes(1.0), votes(1.25)),
    }
    if has_color:
        found["votes + colour"] = tuple(votes(1.0, edges) for edges in (5.0, 7.5, 10.0))
    return found


def scene_instances(scene: SeenScene, config: ReadOut, *, without_planes: bool) -> Instances:
    """Instances of a scene, as rows of its voxels; a voxel moves by the offset of its cell."""
    return instances_from_votes(
        scene.voxel_coord,
        scene.offset[scene.cell_of_voxel],
        config,
        color=scene.voxel_color,
        left_out=scene.voxel_is_plane if without_planes else None,
    )


def on_points(instances: Instances, voxel_of_point: Int[np.ndarray, " n"]) -> Proposals:
    """Instances of voxels as proposals for the points of the scan."""
    order = np.argsort(voxel_of_point, kind="stable")
    sorted_voxel = voxel_of_point[order]
    rows = []
    for voxels in instances.rows:
        start = np.searchsorted(sorted_voxel, voxels, side="left")
        end = np.searchsorted(sorted_voxel, voxels, side="right")
        parts = [order[a:b] for a, b in zip(start, end, strict=True)]
        rows.append(np.concatenate([np.zeros(0, np.int64), *parts]))
    return Proposals(
        rows=rows,
        score=instances.score,
        semantic_label=np.full(len(rows), OBJECT),
    )


def read_out_ap(
    scenes: Sequence[SeenScene], config: ReadOut, *, without_planes: bool
) -> InstanceAp:
    """Class-agnostic AP of a read-out on the points of labelled scenes."""
    proposals = [
        on_points(
            scene_instances(scene, config, without_planes=without_planes),
            scene.voxel_of_point,
        )
        for scene in scenes
    ]
    return instance_ap_class_agnostic(proposals, [scene.point_instance for scene in scenes])


def best_read_out(
    choices: Sequence[ReadOut], scenes: Sequence[SeenScene], *, without_planes: bool
) -> tuple[ReadOut, float]:
    """The choice with the highest AP on development scenes, and that AP; the first of equals."""
    ap = [read_out_ap(scenes, choice, without_planes=without_planes).ap for choice in choices]
    best = int(np.argmax(np.nan_to_num(ap, nan=-1.0)))
    return choices[best], ap[best]
