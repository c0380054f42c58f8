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
from pointins_engine.segment import (
    Instances,
    ReadOut,
    automatic_read_out,
    instances_from_votes,
)
from pointins_engine.segment.settings import Domain

SEARCH_EDGES = {
    "indoor": (1.5, 1.75, 2.1),
    "outdoor": (1.5, 2.5, 4.0),
}  # radii of the paper's search


def read_outs(
    grid_size: float, *, has_color: bool, domain: Domain, without_planes: bool
) -> dict[str, tuple[ReadOut, ...]]:
    """Read-outs by name, with the numbers that are tried; lengths follow the voxel's edge.

    `components` is the paper's search at one radius. `votes + colour` is what `pointins segment`
    does, `votes` the same without colour.
    """
    radii = [edges * grid_size for edges in SEARCH_EDGES[domain]]
    found = {
        "components": tuple(
            ReadOut(radii=(round(radius, 4),), core_neighbours=0) for radius in radii
        )
    }
    for name, with_color in (("votes", False), ("votes + colour", True)):
        if has_color or not with_color:
            planes = "remove" if without_planes else "keep"
            chosen = automatic_read_out(
                grid_size, has_color=with_color, domain=domain, planes=planes
            )
            found[name] = (chosen,)
    return found


def scene_instances(scene: SeenScene, config: ReadOut, *, without_planes: bool) -> Instances:
    """Instances of a scene, as rows of its voxels; a voxel moves by the offset of its cell."""
    return instances_from_votes(
        scene.voxel_coord,
        scene.offset[scene.cell_of_voxel],
        config,
        color=scene.voxel_color,
        normal=scene.voxel_normal,
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
